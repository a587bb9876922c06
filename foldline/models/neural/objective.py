"""The training objective: the loss of a batch and its optional extra terms."""

from typing import Any

import torch
import torch.nn.functional as F

from foldline.core.errors import FoldlineError
from foldline.core.params import Train
from foldline.models.neural.experts import BALANCE, Experts, balance_losses, find_experts
from foldline.models.neural.layers import find_head
from foldline.models.neural.losses import Loss, step_mean


class Objective:
    """The loss of a batch with the options of `train`; for validation rows the plain loss."""

    def __init__(self, model: Any, loss: Loss, options: Train, task: str) -> None:
        self.loss, self.options = loss, options
        self.rdrop_rows = multilabel_divergence if task == "multilabel" else rdrop_divergence
        self.head = (
            HeadRecorder(model) if options.contrastive or options.dropout_samples > 1 else None
        )
        experts = find_experts(model)
        self.router = RouterRecorder(experts) if experts else None

    def __call__(
        self, model: Any, inputs: dict[str, Any], labels: Any, items: Any, weights: Any = None
    ) -> tuple[Any, Any]:
        """Return the loss of a batch, divided by the rows of the whole step, and the outputs.

        `weights` (n,) are sample weights, None for 1 each.
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
        """Remove the hooks from the model."""
        for recorder in (self.head, self.router):
            if recorder:
                recorder.close()

    @property
    def _head(self) -> "HeadRecorder":
        assert self.head is not None
        return self.head

    def _pass_loss(
        self, inputs: dict[str, Any], outputs: Any, labels: Any, items: Any, weights: Any
    ) -> Any:
        """Return the loss of the last forward pass, with its contrastive share and balance."""
        loss, share = self._supervised(outputs, labels, items, weights), self.options.contrastive
        if share:
            features = self._head.features(inputs["attention_mask"])
            rows = contrastive_losses(features, class_codes(labels), self.options.temperature)
            loss = (1 - share) * loss + share * step_mean(rows, labels, items, weights)
        if self.router:
            rows = balance_losses(self.router.logits)
            loss = loss + BALANCE * step_mean(rows, labels, items, None)
        return loss

    def _supervised(self, outputs: Any, labels: Any, items: Any, weights: Any) -> Any:
        loss = self.loss(outputs, labels, items, weights)
        n_extra = self.options.dropout_samples - 1
        for _ in range(n_extra):
            loss = loss + self.loss(self._head.resample(), labels, items, weights)
        return loss / (1 + n_extra)


class HeadRecorder:
    """Records the input of a model's last layer, and of the dropout before it."""

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
        """Remove the hooks from the model."""
        for hook in self.hooks:
            hook.remove()

    def _record_inputs(self, module: Any, inputs: Any) -> None:
        self.inputs = inputs[0]

    def _record_dropout(self, module: Any, inputs: Any, output: Any) -> None:
        self.dropout = module, inputs[0]

    def features(self, mask: Any) -> Any:
        """Return the input of the last layer for each row: (n, width)."""
        features = self.inputs.float()
        if features.ndim == 3:  # GPT-2 and LLaMA score every token and use the last real one
            last = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(dim=1)
            features = features[torch.arange(len(features), device=mask.device), last]
        return features

    def resample(self) -> Any:
        """Return outputs under another sample of the dropout before the last layer.

        Raises:
            FoldlineError: if the model has no dropout there.
        """
        if self.dropout is None:
            raise FoldlineError(
                f"train.dropout_samples: {self.name} has no dropout before its head; set it to 1"
            )
        module, inputs = self.dropout
        layer = self.layer
        return _Outputs(F.linear(module(inputs.float()), layer.weight, layer.bias))


class RouterRecorder:
    """Records the logits of the router of experts."""

    def __init__(self, experts: Experts) -> None:
        self.hook = experts.router.register_forward_hook(self._record)
        self.logits: Any = None

    def close(self) -> None:
        """Remove the hook from the model."""
        self.hook.remove()

    def _record(self, module: Any, inputs: Any, output: Any) -> None:
        self.logits = output


class _Outputs:
    def __init__(self, logits: Any) -> None:
        self.logits = logits


def rdrop_divergence(first_outputs: Any, second_outputs: Any) -> Any:
    """Return the R-Drop term (n,) (Wu et al., 2021): the mean KL divergence of both directions.

    `one` and `other` are (n, c) outputs of the same rows; for regression the squared difference.
    """
    if first_outputs.shape[1] == 1:
        return (first_outputs - second_outputs).squeeze(1) ** 2
    first, second = first_outputs.log_softmax(dim=1), second_outputs.log_softmax(dim=1)
    forward = (first.exp() * (first - second)).sum(dim=1)
    backward = (second.exp() * (second - first)).sum(dim=1)
    return (forward + backward) / 2


def multilabel_divergence(first_outputs: Any, second_outputs: Any) -> Any:
    """Return the R-Drop term (n,) of (n, c) binary outputs, the mean over labels."""
    yes_or_no = [
        torch.stack([-z, z], dim=2).flatten(0, 1) / 2 for z in (first_outputs, second_outputs)
    ]
    return rdrop_divergence(*yes_or_no).reshape(first_outputs.shape).mean(dim=1)


def contrastive_losses(features: Any, codes: Any, temperature: float) -> Any:
    """Return (n,) supervised contrastive losses (Khosla et al., 2020; Gunel et al., 2021).

    A row is pulled towards the rows of its class in the batch and pushed from all others, by the
    cosine of (n, width) features; a row that is alone in its class has no loss.
    """
    unit = F.normalize(features, dim=1)
    self_ = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    similarity = (unit @ unit.T / temperature).masked_fill(self_, float("-inf"))
    logs = similarity.log_softmax(dim=1).masked_fill(self_, 0.0)
    same_class = (codes[:, None] == codes[None, :]) & ~self_
    return -(logs * same_class).sum(dim=1) / same_class.sum(dim=1).clamp(min=1)


def class_codes(labels: Any) -> Any:
    """Return (n,) class codes of codes or shares."""
    return labels.argmax(dim=1) if labels.ndim == 2 else labels
