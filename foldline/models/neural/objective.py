"""What a training step minimises: the loss of a batch, and what may be added to it."""

from typing import Any

import torch
import torch.nn.functional as F

from foldline.core.errors import FoldlineError
from foldline.core.params import Train
from foldline.models.neural.layers import find_head
from foldline.models.neural.losses import Loss, step_mean


class Objective:
    """The loss of a batch under the options of `train`; of validation rows the loss alone."""

    def __init__(self, model: Any, loss: Loss, options: Train, task: str) -> None:
        self.loss, self.options = loss, options
        self.rdrop_rows = multilabel_divergence if task == "multilabel" else rdrop_divergence
        self.head = (
            HeadRecorder(model) if options.contrastive or options.dropout_samples > 1 else None
        )

    def __call__(
        self, model: Any, inputs: dict[str, Any], labels: Any, items: Any, weights: Any = None
    ) -> tuple[Any, Any]:
        """Give the loss of a batch, divided by the rows of the whole step, and the outputs.

        `weights` (n,) say what each row counts in training, None for 1 each.
        """
        options, outputs = self.options, model(**inputs)
        if not model.training:
            return self.loss(outputs, labels, items), outputs
        loss = self._pass_loss(inputs, outputs, labels, items, weights)
        if options.rdrop:
            again = model(**inputs)
            loss = (loss + self._pass_loss(inputs, again, labels, items, weights)) / 2
            rows = self.rdrop_rows(outputs.logits.float(), again.logits.float())
            loss = loss + options.rdrop * step_mean(rows, labels, items, weights)
        return loss, outputs

    def close(self) -> None:
        """Leave the model as it was."""
        if self.head:
            self.head.close()

    @property
    def _head(self) -> "HeadRecorder":
        assert self.head is not None
        return self.head

    def _pass_loss(
        self, inputs: dict[str, Any], outputs: Any, labels: Any, items: Any, weights: Any
    ) -> Any:
        """Give the loss of the pass that the model has just done, its contrastive share within."""
        loss, share = self._supervised(outputs, labels, items, weights), self.options.contrastive
        if not share:
            return loss
        features = self._head.features(inputs["attention_mask"])
        rows = contrastive_losses(features, class_codes(labels), self.options.temperature)
        return (1 - share) * loss + share * step_mean(rows, labels, items, weights)

    def _supervised(self, outputs: Any, labels: Any, items: Any, weights: Any) -> Any:
        loss = self.loss(outputs, labels, items, weights)
        more = self.options.dropout_samples - 1
        for _ in range(more):
            loss = loss + self.loss(self._head.resample(), labels, items, weights)
        return loss / (1 + more)


class HeadRecorder:
    """The last layer of a model: what goes into it, and the dropout before it."""

    def __init__(self, model: Any) -> None:
        self.name = type(model).__name__
        self.layer = find_head(model)
        base = {id(m) for m in model.base_model.modules()}
        self.hooks = [self.layer.register_forward_pre_hook(self._record_inputs)]
        for module in model.modules():
            if id(module) not in base and isinstance(module, torch.nn.Dropout):
                self.hooks.append(module.register_forward_hook(self._record_dropout))
        self.inputs: Any = None
        self.dropout: tuple[Any, Any] | None = None

    def close(self) -> None:
        """Leave the model as it was."""
        for hook in self.hooks:
            hook.remove()

    def _record_inputs(self, module: Any, inputs: Any) -> None:
        self.inputs = inputs[0]

    def _record_dropout(self, module: Any, inputs: Any, output: Any) -> None:
        self.dropout = module, inputs[0]

    def features(self, mask: Any) -> Any:
        """Give what the last layer read of each row: (n, width)."""
        found = self.inputs.float()
        if found.ndim == 3:  # GPT-2 and LLaMA read every token, and use the last one that is real
            last = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(dim=1)
            found = found[torch.arange(len(found), device=mask.device), last]
        return found

    def resample(self) -> Any:
        """Give outputs under another draw of the dropout before the last layer.

        Raises:
            FoldlineError: where the model has none there.
        """
        if self.dropout is None:
            raise FoldlineError(
                f"train.dropout_samples: {self.name} has no dropout before its head; set it to 1"
            )
        module, inputs = self.dropout
        layer = self.layer
        return _Outputs(F.linear(module(inputs.float()), layer.weight, layer.bias))


class _Outputs:
    def __init__(self, logits: Any) -> None:
        self.logits = logits


def rdrop_divergence(one: Any, other: Any) -> Any:
    """Give (n,) of R-Drop (Wu et al., 2021): half the KL divergences, in both directions.

    `one` and `other` are (n, c) outputs of the same rows; of numbers, the squared differences.
    """
    if one.shape[1] == 1:
        return (one - other).squeeze(1) ** 2
    first, second = one.log_softmax(dim=1), other.log_softmax(dim=1)
    there = (first.exp() * (first - second)).sum(dim=1)
    back = (second.exp() * (second - first)).sum(dim=1)
    return (there + back) / 2


def multilabel_divergence(one: Any, other: Any) -> Any:
    """Give (n,) of R-Drop where each of (n, c) outputs is a yes or no, the mean over labels."""
    yes_or_no = [torch.stack([-z, z], dim=2).flatten(0, 1) / 2 for z in (one, other)]
    return rdrop_divergence(*yes_or_no).reshape(one.shape).mean(dim=1)


def contrastive_losses(features: Any, codes: Any, temperature: float) -> Any:
    """Give (n,) supervised contrastive losses (Khosla et al., 2020; Gunel et al., 2021).

    A row is drawn to the rows of its class in the batch, by the cosine of (n, width) features,
    and away from all others; a row that is alone with its class has none.
    """
    unit = F.normalize(features, dim=1)
    self_ = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    likeness = (unit @ unit.T / temperature).masked_fill(self_, float("-inf"))
    logs = likeness.log_softmax(dim=1).masked_fill(self_, 0.0)
    alike = (codes[:, None] == codes[None, :]) & ~self_
    return -(logs * alike).sum(dim=1) / alike.sum(dim=1).clamp(min=1)


def class_codes(labels: Any) -> Any:
    """Give (n,) class codes of codes or of shares."""
    return labels.argmax(dim=1) if labels.ndim == 2 else labels
