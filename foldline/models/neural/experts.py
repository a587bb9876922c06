"""A mixture of experts: networks of which a router picks a few for each row.

Shazeer et al. (2017), without noise, so that equal inputs have equal outputs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from foldline.models.neural.collectives import sum_over_processes

BALANCE = 0.01  # weight of the balancing loss (Fedus et al., 2021)
LOW_SHARE = 0.01  # of the rows; an expert with fewer has learnt next to nothing


class Experts(torch.nn.Module):
    """Feed-forward networks around a residual, of which a router picks `active` for each row.

    All of them are computed: for one vector a row that is faster than sorting rows by expert, and
    an exported graph is the same for every row.
    """

    def __init__(self, width: int, experts: int, active: int, dropout: float) -> None:
        super().__init__()
        self.active = active
        self.router = torch.nn.Linear(width, experts)
        self.networks = torch.nn.ModuleList(_make_network(width, dropout) for _ in range(experts))

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return (n, width) from the pooled vectors (n, width) of rows."""
        gates = route(self.router(pooled), self.active).to(pooled.dtype)
        outputs = torch.stack([network(pooled) for network in self.networks], dim=1)
        return pooled + (gates[:, :, None] * outputs).sum(dim=1)


def _make_network(width: int, dropout: float) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Linear(width, width),
        torch.nn.GELU(),
        torch.nn.Dropout(dropout),
        torch.nn.Linear(width, width),
        torch.nn.Dropout(dropout),
    )


def find_experts(model: Any) -> Experts | None:
    """Return the experts of a model, None if it has none."""
    return next((module for module in model.modules() if isinstance(module, Experts)), None)


def route(logits: torch.Tensor, active: int) -> torch.Tensor:
    """Return gates (n, e): the softmax over the `active` highest of the logits (n, e), else 0."""
    highest = logits.float().topk(active, dim=1)
    gates = torch.zeros_like(logits, dtype=torch.float32)
    return gates.scatter(1, highest.indices, highest.values.softmax(dim=1))


def balance_losses(logits: torch.Tensor) -> torch.Tensor:
    """Return the balancing loss (n,) of rows with router logits (n, e) (Fedus et al., 2021).

    Its mean is 1 if all experts get the same and e if one gets all: e times the sum, over experts,
    of the share of rows that have it first (of all processes) times its mean probability. As there,
    the second choice of a row is not counted (Lepikhin et al., 2020).
    """
    experts = logits.shape[1]
    counts = torch.bincount(logits.argmax(dim=1), minlength=experts)
    totals = torch.tensor(sum_over_processes(counts.tolist()), device=logits.device)
    return experts * logits.float().softmax(dim=1) @ (totals / totals.sum())


def measure_shares(model: Any, predict: Callable[[], Any]) -> list[float]:
    """Return the share of the rows that `predict` reads for which each expert is active.

    There are none without experts or rows.
    """
    experts = find_experts(model)
    if experts is None:
        return []
    counts, active = np.zeros(experts.router.out_features), experts.active

    def count(_: Any, __: Any, logits: torch.Tensor) -> None:
        np.add.at(counts, logits.topk(active, dim=1).indices.cpu().numpy(), 1)

    hook = experts.router.register_forward_hook(count)
    try:
        predict()
    finally:
        hook.remove()
    return (counts / counts.sum() * active).tolist() if counts.any() else []


def summarise_shares(shares: list[float]) -> dict[str, float]:
    """Return the lowest and the highest share, nothing if there are none."""
    return {"expert_share_min": min(shares), "expert_share_max": max(shares)} if shares else {}


def describe_unused(shares: list[float]) -> list[str]:
    """Return a note if experts get next to no rows, in a list; or none."""
    unused = sum(share < LOW_SHARE for share in shares)
    if not unused:
        return []
    return [
        f"{unused} of {len(shares)} experts get less than {LOW_SHARE:.0%} of the validation rows "
        f"and have hardly learnt; set scratch.experts to {len(shares) - unused}"
    ]
