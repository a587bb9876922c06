"""Losses that do not depend on how a batch is cut.

Trainer's default divides each small batch by its own size, but not under gradient accumulation or
several processes, where the loss becomes too large (transformers #47688). Here every loss is a sum
over rows divided by the number of rows of the whole optimiser step.
"""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from foldline.core.io.components import Component, Options, is_component
from foldline.core.io.labels import Labels
from foldline.core.params import Train

Loss = Callable[..., Any]
# (logits (n, c), target) -> losses (n,) of the single rows
RowLoss = Callable[[Any, Any], Any]


def make_loss(
    labels: Labels,
    target: np.ndarray,
    options: Train,
    components: Options = MappingProxyType({}),
) -> Loss:
    """Return Trainer's `compute_loss_func` for a task.

    `target` are the training rows' class codes (n,), shares of classes (n, c), indicators (n, c),
    or values (n,); balanced weights are computed from them. `components` are the options of a
    loss from components/.
    """
    if is_component(options.loss):
        own = make_component_loss(Component(options.loss, "loss", components))
        balanced = options.class_weights == "balanced"
        weights = balanced_weights(target, len(labels.classes)) if balanced else None
        return sum_over_rows(weight_by_class(own, weights))
    if labels.task == "multilabel":
        return sum_over_rows(
            MULTILABEL_LOSSES[options.loss](options, positive_weights(target, options))
        )
    if labels.task == "regression":
        return sum_over_rows(REGRESSION_LOSSES[options.loss](options))
    weights = None
    if options.class_weights == "balanced":
        weights = balanced_weights(target, len(labels.classes))
    return sum_over_rows(weight_by_class(CLASSIFICATION_LOSSES[options.loss](options), weights))


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
    """Return (c,) inverse-frequency weights with mean 1 over the training rows."""
    soft = target.ndim == 2
    counts = target.sum(axis=0) if soft else np.bincount(target, minlength=classes)
    return len(target) / (classes * np.maximum(counts, 1.0))


def positive_weights(target: np.ndarray, options: Train) -> np.ndarray | None:
    """Return (c,) weights that make each label's positives weigh as much as its negatives."""
    if options.class_weights != "balanced":
        return None
    positives = target.sum(axis=0)
    return np.asarray((len(target) - positives) / np.maximum(positives, 1.0))


def sum_over_rows(loss: RowLoss) -> Loss:
    """Return the loss that sums over a batch's rows and divides by the rows of the whole step.

    `weights` (n,) are sample weights, None for 1 each.
    """

    def whole(
        outputs: Any, labels: Any, num_items_in_batch: Any = None, weights: Any = None
    ) -> Any:
        rows = loss(outputs.logits.float(), labels)
        return step_mean(rows, labels, num_items_in_batch, weights)

    return whole


def step_mean(rows: Any, labels: Any, num_items_in_batch: Any, weights: Any) -> Any:
    """Return the sum of (n,) values, weighted if weights are given, over the rows of a step."""
    counted = rows if weights is None else rows * weights.to(rows.dtype)
    return counted.sum() / count_step_rows(labels, num_items_in_batch)


def count_step_rows(labels: Any, num_items_in_batch: Any) -> Any:
    """Return the number of rows of a step: Trainer counts the numbers in its labels."""
    if num_items_in_batch is None:
        return len(labels)
    return num_items_in_batch / labels.shape[1] if labels.ndim == 2 else num_items_in_batch


def weight_by_class(loss: RowLoss, weights: np.ndarray | None) -> RowLoss:
    """Multiply each row's loss by its class weight, or by the mean weight of its shares."""
    if weights is None:
        return loss

    def weigh(logits: Any, labels: Any) -> Any:
        import torch

        rows = loss(logits, labels)
        class_weights = torch.as_tensor(weights, dtype=rows.dtype, device=rows.device)
        return rows * (
            labels.to(rows.dtype) @ class_weights if labels.ndim == 2 else class_weights[labels]
        )

    return weigh


def cross_entropy(options: Train) -> RowLoss:
    """Return cross-entropy with label smoothing (Szegedy et al., 2016)."""

    def rows(logits: Any, labels: Any) -> Any:
        import torch

        return torch.nn.functional.cross_entropy(
            logits, labels, reduction="none", label_smoothing=options.label_smoothing
        )

    return rows


def focal(options: Train) -> RowLoss:
    """Return the focal loss (Lin et al., 2017): cross-entropy times (1 - p) ** gamma.

    For soft or smoothed labels, each class's term is scaled by its own p.
    """

    def rows(logits: Any, labels: Any) -> Any:
        shares = _smooth_targets(logits, labels, options.label_smoothing)
        logs = logits.log_softmax(dim=1)
        return -(shares * _focal_factor(1 - logs.exp(), options.focal_gamma) * logs).sum(dim=1)

    return rows


def ordinal(options: Train) -> RowLoss:
    """Return the squared earth mover's distance between ordered classes (Hou et al., 2016).

    It is the sum of the squared differences between predicted and true cumulative probabilities,
    the ranked probability score (Epstein, 1969): an error of two classes costs more than of one.
    The head stays a classification head, so plain transformers can open it.
    """

    def rows(logits: Any, labels: Any) -> Any:
        shares = _smooth_targets(logits, labels, options.label_smoothing)
        distance = (logits.softmax(dim=1) - shares).cumsum(dim=1)
        return (distance**2).sum(dim=1)

    return rows


def squared_error(options: Train) -> RowLoss:
    """Return squared errors."""
    return lambda logits, labels: _residual(logits, labels) ** 2


def absolute_error(options: Train) -> RowLoss:
    """Return absolute errors."""
    return lambda logits, labels: _residual(logits, labels).abs()


def huber(options: Train) -> RowLoss:
    """Return the Huber loss (1964): half the squared error, linear beyond `huber_delta`."""

    def rows(logits: Any, labels: Any) -> Any:
        import torch

        return torch.nn.functional.huber_loss(
            logits.squeeze(-1), labels.float(), reduction="none", delta=options.huber_delta
        )

    return rows


def binary_cross_entropy(options: Train, positives: np.ndarray | None) -> RowLoss:
    """Return the mean binary cross-entropy over labels; smoothing moves targets towards .5."""
    return lambda logits, labels: _label_losses(logits, labels, options, 0.0, positives).mean(dim=1)


def binary_focal(options: Train, positives: np.ndarray | None) -> RowLoss:
    """Return the mean binary focal loss over labels (Lin et al., 2017)."""
    gamma = options.focal_gamma
    return lambda logits, labels: _label_losses(logits, labels, options, gamma, positives).mean(
        dim=1
    )


def _label_losses(
    logits: Any, labels: Any, options: Train, gamma: float, positives: np.ndarray | None
) -> Any:
    """Return (n, labels) losses, with positives weighted by `positives`.

    The weight applies to the label itself, for shares in proportion. If it also applied to the
    smoothing of a negative, rare labels would be pushed towards positive.
    """
    import torch

    true, smoothing = labels.to(logits.dtype), options.label_smoothing
    target = true * (1 - smoothing) + smoothing / 2
    losses = -sum(
        share * _focal_factor(z.neg().sigmoid(), gamma) * torch.nn.functional.logsigmoid(z)
        for share, z in ((target, logits), (1 - target, -logits))
    )
    if positives is None:
        return losses
    return losses * (1 + (torch.as_tensor(positives).to(logits) - 1) * true)


def _focal_factor(complement: Any, gamma: float) -> Any:
    """Return `rest` (1 - p) to the power of gamma.

    It is clamped above 0, where for gamma below 1 the slope is infinite and times 0 not a number.
    """
    import torch

    return complement.clamp(min=torch.finfo(complement.dtype).tiny) ** gamma


def _residual(logits: Any, labels: Any) -> Any:
    return logits.squeeze(-1) - labels.float()


def _smooth_targets(logits: Any, labels: Any, smoothing: float) -> Any:
    """Return (n, c) smoothed shares from class codes or shares."""
    import torch

    shares = labels
    if labels.ndim == 1:
        shares = torch.nn.functional.one_hot(labels, logits.shape[1])
    return shares.to(logits.dtype) * (1 - smoothing) + smoothing / logits.shape[1]


CLASSIFICATION_LOSSES: dict[str, Callable[[Train], RowLoss]] = {
    "auto": cross_entropy,
    "cross_entropy": cross_entropy,
    "focal": focal,
    "ordinal": ordinal,
}
MULTILABEL_LOSSES: dict[str, Callable[[Train, np.ndarray | None], RowLoss]] = {
    "auto": binary_cross_entropy,
    "cross_entropy": binary_cross_entropy,
    "focal": binary_focal,
}
REGRESSION_LOSSES: dict[str, Callable[[Train], RowLoss]] = {
    "auto": squared_error,
    "mse": squared_error,
    "mae": absolute_error,
    "huber": huber,
}
