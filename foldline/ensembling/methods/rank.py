"""Rank averaging: members count by the order into which they bring the rows."""

import numpy as np

from foldline.ensembling.methods.interface import (
    Context,
    Members,
    Method,
    Number,
    State,
    read_array,
    share_equally,
    stack_members,
)

# Ranks at which quantiles are kept, dense at both ends: a rare class has all its probability in
# the highest ranks.
LEVELS = 1 / (1 + np.exp(-np.linspace(-9.0, 9.0, 181)))

# Quantiles at LEVELS: of each member's classes (c, levels), and of a numeric target.
STATE = {"quantiles": dict[str, list[list[Number]]], "target": list[Number]}


def fit_ranks(members: Members, target: np.ndarray, task: str, context: Context) -> State:
    """Return the quantiles of all predictions, so that new rows are ranked one by one."""
    names, stacked = stack_members(members)
    columns = stacked.reshape(*stacked.shape[:2], -1)
    quantiles = np.quantile(columns, LEVELS, axis=1)  # (levels, m, c)
    target_quantiles = np.quantile(target, LEVELS).tolist() if task == "regression" else []
    return {
        "quantiles": {name: quantiles[:, m].T.tolist() for m, name in enumerate(names)},
        "target": target_quantiles,
    }


def average_ranks(state: State, members: Members, task: str, context: Context) -> np.ndarray:
    """Return what stands at the mean of the members' ranks.

    Classes: a member's probability of a class becomes its rank, from 0 to 1, among the out-of-fold
    rows. The mean rank of the members becomes a probability again by the mean of their quantiles
    (Vincent, 1912), and rows are scaled to the sum 1. So one member alone is itself. Numbers: the
    quantile of the target at the mean rank, which brings even one member to the target's scale.
    """
    names, stacked = stack_members(members)
    columns = stacked.reshape(*stacked.shape[:2], -1)
    shape = (columns.shape[2], len(LEVELS))
    grids = [read_array(state["quantiles"], name, shape) for name in names]
    averaged = np.empty(columns.shape[1:])
    for c in range(columns.shape[2]):
        bounds = (0.0, 1.0) if task != "regression" else None
        own = [_reduce_grid(grid[c], bounds) for grid in grids]
        pairs = zip(columns[:, :, c], own, strict=True)
        ranks = np.mean([np.interp(values, x, levels) for values, (x, levels) in pairs], axis=0)
        if task == "regression":
            target = read_array(state, "target", LEVELS.shape)
            return np.asarray(np.interp(ranks, LEVELS, target))
        averaged[:, c] = np.mean([np.interp(ranks, levels, x) for x, levels in own], axis=0)
    return averaged if task == "multilabel" else _normalize_rows(averaged)


def _reduce_grid(
    quantiles: np.ndarray, bounds: tuple[float, float] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return increasing values and their ranks; equal values share their mean rank."""
    values, levels = quantiles, LEVELS
    if bounds:
        values = np.concatenate([[bounds[0]], values, [bounds[1]]])
        levels = np.concatenate([[0.0], levels, [1.0]])
    unique, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return unique, np.bincount(codes, levels) / counts


def _normalize_rows(values: np.ndarray) -> np.ndarray:
    total = values.sum(axis=1, keepdims=True)
    return np.where(total > 0, values / np.where(total > 0, total, 1), 1 / values.shape[1])


RANK = Method(STATE, fit_ranks, average_ranks, share_equally)
