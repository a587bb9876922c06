"""Optimisers and their parameter groups."""

from collections.abc import Callable
from typing import Any

import torch

from foldline.core.params import Recipe
from foldline.models.neural.layers import parameter_depths


class Lion(torch.optim.Optimizer):
    """Lion: sign momentum (Chen et al., 2023), with half of AdamW's memory.

    Every weight moves by the full learning rate, which must be 3 to 10 times smaller than AdamW's,
    with the weight decay larger by as much.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every weight that has a gradient."""
        for group in self.param_groups:
            now, later = group["betas"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                momentum = state.setdefault("momentum", torch.zeros_like(weight))
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(group["lr"] * momentum.lerp(weight.grad, 1 - now).sign_())
                momentum.lerp_(weight.grad, 1 - later)


def make_optimizer(model: Any, decayed: list[str], recipe: Recipe) -> Any:
    """Return the optimiser of a recipe; only the parameters named in `decayed` get weight decay."""
    return OPTIMIZERS[recipe.train.optimizer](
        parameter_groups(model, decayed, recipe), recipe.peak_lr
    )


def parameter_groups(model: Any, decayed: list[str], recipe: Recipe) -> list[dict[str, Any]]:
    """Return the trainable parameters by learning rate and weight decay, those of the head first.

    With `layer_decay` d a parameter k layers below the head gets lr * d**k (Howard and Ruder, 2018;
    Clark et al., 2020).
    """
    options = recipe.train
    depth = parameter_depths(model) if options.layer_decay < 1 else {}
    top = max(depth.values(), default=0)
    groups: dict[tuple[int, bool], list[Any]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = top - depth.get(name, 0), name not in decayed
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": groups[layers_below, plain],
            "lr": recipe.peak_lr * options.layer_decay**layers_below,
            "weight_decay": 0.0 if plain else options.weight_decay,
        }
        for layers_below, plain in sorted(groups)
    ]


def _adamw(params: Any, lr: float) -> Any:
    return torch.optim.AdamW(params, lr=lr, betas=(0.9, 0.999), eps=1e-8, fused=True)


def _adafactor(params: Any, lr: float) -> Any:
    """Return Adafactor (Shazeer and Stern, 2018) with the schedule's learning rate, not its own."""
    from transformers.optimization import Adafactor

    return Adafactor(params, lr=lr, scale_parameter=False, relative_step=False)


OPTIMIZERS: dict[str, Callable[[Any, float], Any]] = {
    "adamw": _adamw,
    "adafactor": _adafactor,
    "lion": Lion,
    "sgd": lambda params, lr: torch.optim.SGD(params, lr=lr, momentum=0.9),
}
