"""What a training does step by step, seen from torch: gradients, weights, rates, outputs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from transformers import Trainer

Weights = dict[str, torch.Tensor]


@dataclass
class Pass:
    """A batch on its way: its labels, its outputs, and what the parts before the head gave."""

    labels: torch.Tensor
    logits: list[torch.Tensor] = field(default_factory=list)
    features: list[torch.Tensor] = field(default_factory=list)
    dropped: list[torch.Tensor] = field(default_factory=list)
    loss: float = 0.0


@dataclass
class Step:
    """A step of the optimiser: weights, and the gradients and settings that it was given."""

    before: Weights
    gradient: Weights
    settings: list[dict[str, Any]]
    after: Weights = field(default_factory=dict)

    @property
    def moved(self) -> Weights:
        return {name: self.after[name] - before for name, before in self.before.items()}


@dataclass
class TrainingRecord:
    """All of a training; `fitted` is what it gave, `weights` those of its model."""

    steps: list[Step] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    fitted: Any = None

    @property
    def losses(self) -> list[float]:
        return [row["loss"] for row in self.fitted.history]

    @property
    def weights(self) -> Weights:
        return {n: p.detach().clone() for n, p in self.fitted.model.model.named_parameters()}


def total_norm(weights: Weights) -> float:
    """Return the length of all numbers together."""
    return float(torch.cat([value.flatten() for value in weights.values()]).norm())


def record_training(train: Callable[[], Any]) -> TrainingRecord:
    """Train, and keep what happens."""
    seen, names = TrainingRecord(), dict[int, str]()
    forward_backward = Trainer.training_step

    def each_pass(self: Any, model: Any, inputs: Any, *rest: Any) -> Any:
        names.update({id(p): name for name, p in model.named_parameters()})
        one = Pass(inputs["labels"].clone())
        seen.passes.append(one)
        with _record_pass(model, one):
            loss = forward_backward(self, model, inputs, *rest)
        one.loss = float(loss)
        return loss

    def weights(optimizer: Any) -> dict[str, Any]:
        every = [p for group in optimizer.param_groups for p in group["params"]]
        return {names[id(p)]: p for p in every}

    def before(optimizer: Any, *_: Any) -> None:
        own = weights(optimizer)
        settings = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
        gradient = {n: p.grad.detach().clone() for n, p in own.items() if p.grad is not None}
        seen.steps.append(Step(_copy_weights(own), gradient, settings))

    def after(optimizer: Any, *_: Any) -> None:
        seen.steps[-1].after = _copy_weights(weights(optimizer))

    hooks = [register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)]
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Trainer, "training_step", each_pass)
            seen.fitted = train()
    finally:
        for hook in hooks:
            hook.remove()
    return seen


@contextmanager
def _record_pass(model: Any, one: Pass) -> Iterator[None]:
    def keep(into: list[torch.Tensor], found: torch.Tensor) -> None:
        into.append(found.detach().clone())

    head, dropout = model.classifier, model.dropout
    hooks = [
        head.register_forward_hook(lambda m, i, o: keep(one.logits, o)),
        head.register_forward_pre_hook(lambda m, i: keep(one.features, i[0])),
        dropout.register_forward_hook(lambda m, i, o: keep(one.dropped, o)),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _copy_weights(own: dict[str, Any]) -> Weights:
    return {name: p.detach().clone() for name, p in own.items()}
