"""Losses that stay the same however a batch is cut up.

Trainer's default divides each small batch by its own size, though not under gradient
accumulation or several processes, where the loss comes out too large (transformers #47688). Here
every loss is a sum over rows divided by the number of rows of the whole optimiser step.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from foldline.core.io.components import Component, Options, is_component
from foldline.core.io.labels import Labels
from foldline.core.params import Train

Loss = Callable[..., Any]
# Gives (n,) losses of (n, c) logits and their target, each row by itself.
RowLoss = Callable[[Any, Any], Any]


def loss_for(
    labels: Labels,
    target: np.ndarray,
    options: Train,
    components: Options = MappingProxyType({}),
) -> Loss:
    """Give the `compute_loss_func` of Trainer for a task.

    `target` are the training rows' class codes (n,), shares of classes (n, c), labels (n, c) of 0
    and 1, or numbers: balanced weights come from them. `components` are the options of a loss from
    components/.
    """
    if is_component(options.loss):
        own = make_component_loss(Component(options.loss, "loss", components))
        balanced = options.class_weights == "balanced"
        weights = balanced_weights(target, len(labels.classes)) if balanced else None
        return over_rows(weighted(own, weights))
    if labels.task == "multilabel":
        return over_rows(LABELS[options.loss](options, positive_weights(target, options)))
    if labels.task == "regression":
        return over_rows(NUMBERS[options.loss](options))
    weights = None
    if options.class_weights == "balanced":
        weights = balanced_weights(target, len(labels.classes))
    return over_rows(weighted(CLASSES[options.loss](options), weights))


def make_component_loss(component: Component) -> RowLoss:
    """Return a loss from components/ that is checked to return one value a row."""

    def rows(logits: Any, labels: Any) -> Any:
        target = labels.to(logits.dtype) if labels.ndim == 2 else labels
        losses = component(logits, target)
        if getattr(losses, "shape", None) != logits.shape[:1]:
            found = getattr(losses, "shape", type(losses).__name__)
            needed = f"a tensor of shape ({len(logits)},), a loss for each row, not their mean"
            raise component.result_error(f"{found}", needed)
        return losses

    return rows


def balanced_weights(target: np.ndarray, classes: int) -> np.ndarray:
    """Give (c,) weights by inverse frequency whose mean over the training rows is 1."""
    soft = target.ndim == 2
    counts = target.sum(axis=0) if soft else np.bincount(target, minlength=classes)
    return len(target) / (classes * np.maximum(counts, 1.0))


def positive_weights(target: np.ndarray, options: Train) -> np.ndarray | None:
    """Give (c,) weights of labels' positives by which they weigh as much as the rows without."""
    if options.class_weights != "balanced":
        return None
    with_it = target.sum(axis=0)
    return np.asarray((len(target) - with_it) / np.maximum(with_it, 1.0))


def over_rows(loss: RowLoss) -> Loss:
    """Give the sum of a loss over a batch's rows, divided by the rows of the whole step.

    `weights` (n,) say what each row counts, None for 1 each.
    """

    def whole(
        outputs: Any, labels: Any, num_items_in_batch: Any = None, weights: Any = None
    ) -> Any:
        rows = loss(outputs.logits.float(), labels)
        return mean(rows, labels, num_items_in_batch, weights)

    return whole


def mean(rows: Any, labels: Any, num_items_in_batch: Any, weights: Any) -> Any:
    """Give the sum of (n,) values, times weights if there are any, over the rows of a step."""
    counted = rows if weights is None else rows * weights.to(rows.dtype)
    return counted.sum() / rows_of(labels, num_items_in_batch)


def rows_of(labels: Any, num_items_in_batch: Any) -> Any:
    """Give the number of rows of a step: Trainer counts the numbers in its labels."""
    if num_items_in_batch is None:
        return len(labels)
    return num_items_in_batch / labels.shape[1] if labels.ndim == 2 else num_items_in_batch


def weighted(loss: RowLoss, weights: np.ndarray | None) -> RowLoss:
    """Multiply each row's loss by its class's weight, or by the mean weight of its shares."""
    if weights is None:
        return loss

    def weigh(logits: Any, labels: Any) -> Any:
        import torch

        rows = loss(logits, labels)
        each = torch.as_tensor(weights, dtype=rows.dtype, device=rows.device)
        return rows * (labels.to(rows.dtype) @ each if labels.ndim == 2 else each[labels])

    return weigh


def cross_entropy(options: Train) -> RowLoss:
    """Give cross-entropy with label smoothing (Szegedy et al., 2016)."""

    def rows(logits: Any, labels: Any) -> Any:
        import torch

        return torch.nn.functional.cross_entropy(
            logits, labels, reduction="none", label_smoothing=options.label_smoothing
        )

    return rows


def focal(options: Train) -> RowLoss:
    """Give the focal loss (Lin et al., 2017): cross-entropy times (1 - p) ** gamma.

    Of shares or smoothed labels, each class's part is scaled by its own p.
    """

    def rows(logits: Any, labels: Any) -> Any:
        shares = _smoothed(logits, labels, options.label_smoothing)
        logs = logits.log_softmax(dim=1)
        return -(shares * _doubt(1 - logs.exp(), options.focal_gamma) * logs).sum(dim=1)

    return rows


def ordinal(options: Train) -> RowLoss:
    """Give the squared earth mover's distance of classes in their order (Hou et al., 2016).

    It is the sum of the squared differences between predicted and true cumulative probabilities,
    the ranked probability score (Epstein, 1969): a class two places off costs more than the next.
    The head stays one of classes, so that plain transformers opens it.
    """

    def rows(logits: Any, labels: Any) -> Any:
        shares = _smoothed(logits, labels, options.label_smoothing)
        distance = (logits.softmax(dim=1) - shares).cumsum(dim=1)
        return (distance**2).sum(dim=1)

    return rows


def squared(options: Train) -> RowLoss:
    """Give squared errors."""
    return lambda logits, labels: _error(logits, labels) ** 2


def absolute(options: Train) -> RowLoss:
    """Give absolute errors."""
    return lambda logits, labels: _error(logits, labels).abs()


def huber(options: Train) -> RowLoss:
    """Give Huber's loss (1964): half the squared error, and a line beyond `huber_delta`."""

    def rows(logits: Any, labels: Any) -> Any:
        import torch

        return torch.nn.functional.huber_loss(
            logits.squeeze(-1), labels.float(), reduction="none", delta=options.huber_delta
        )

    return rows


def binary_cross_entropy(options: Train, positives: np.ndarray | None) -> RowLoss:
    """Give the mean over labels of each one's own yes or no; smoothing moves both towards .5."""
    return lambda logits, labels: _each_label(logits, labels, options, 0.0, positives).mean(dim=1)


def binary_focal(options: Train, positives: np.ndarray | None) -> RowLoss:
    """Give the focal loss of each label's yes or no (Lin et al., 2017), the mean over labels."""
    gamma = options.focal_gamma
    return lambda logits, labels: _each_label(logits, labels, options, gamma, positives).mean(dim=1)


def _each_label(
    logits: Any, labels: Any, options: Train, gamma: float, positives: np.ndarray | None
) -> Any:
    """Give (n, labels) losses, in which a yes counts `positives` times.

    The weight follows the label itself, of a share in its proportion. If what smoothing adds to a
    no were weighed, too, the no of a rare label would be taught as a yes.
    """
    import torch

    true, smoothing = labels.to(logits.dtype), options.label_smoothing
    target = true * (1 - smoothing) + smoothing / 2
    losses = -sum(
        share * _doubt(z.neg().sigmoid(), gamma) * torch.nn.functional.logsigmoid(z)
        for share, z in ((target, logits), (1 - target, -logits))
    )
    if positives is None:
        return losses
    return losses * (1 + (torch.as_tensor(positives).to(logits) - 1) * true)


def _doubt(rest: Any, gamma: float) -> Any:
    """Give `rest`, what a probability lacks to 1, to the power of gamma.

    Of 0 the slope is endless where gamma is below 1, and times 0 it would be no number.
    """
    import torch

    return rest.clamp(min=torch.finfo(rest.dtype).tiny) ** gamma


def _error(logits: Any, labels: Any) -> Any:
    return logits.squeeze(-1) - labels.float()


def _smoothed(logits: Any, labels: Any, smoothing: float) -> Any:
    """Give (n, c) shares of codes or shares, mixed with equal ones."""
    import torch

    shares = labels
    if labels.ndim == 1:
        shares = torch.nn.functional.one_hot(labels, logits.shape[1])
    return shares.to(logits.dtype) * (1 - smoothing) + smoothing / logits.shape[1]


CLASSES: dict[str, Callable[[Train], RowLoss]] = {
    "auto": cross_entropy,
    "cross_entropy": cross_entropy,
    "focal": focal,
    "ordinal": ordinal,
}
LABELS: dict[str, Callable[[Train, np.ndarray | None], RowLoss]] = {
    "auto": binary_cross_entropy,
    "cross_entropy": binary_cross_entropy,
    "focal": binary_focal,
}
NUMBERS: dict[str, Callable[[Train], RowLoss]] = {
    "auto": squared,
    "mse": squared,
    "mae": absolute,
    "huber": huber,
}
