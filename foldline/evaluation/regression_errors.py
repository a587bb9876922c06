"""The errors of numbers: by the size of the target, and after clipping or rounding."""

from typing import Any

import numpy as np

from foldline.metrics.registry import measure

MAX_BINS = 10
MIN_ROWS = 20  # of a bin
STEPS = (1.0, 0.5, 0.25, 0.2, 0.1)  # on which labels may lie
METRICS = ("pearson", "rmse", "mae")


def report_bins(target: np.ndarray, final: np.ndarray) -> list[dict[str, Any]]:
    """Return mean (`bias`: predicted minus target) and mean absolute residual by target.

    Bins have equal shares of the rows where targets are distinct; a bin begins above the one
    before.
    """
    count = max(1, min(MAX_BINS, len(target) // MIN_ROWS))
    edges = np.unique(np.quantile(target, np.linspace(0, 1, count + 1), method="lower"))
    places = np.searchsorted(edges[1:-1], target, side="left")
    found = []
    for place in np.unique(places):
        own, residual = target[places == place], (final - target)[places == place]
        found.append(
            {
                "low": float(own.min()),
                "high": float(own.max()),
                "rows": len(own),
                "bias": float(residual.mean()),
                "mae": float(np.abs(residual).mean()),
            }
        )
    return found


def report_conversions(target: np.ndarray, final: np.ndarray, learnt: np.ndarray) -> dict[str, Any]:
    """Return the scores `as_predicted`, `clipped` to the range of learnt targets, and `rounded`.

    Rounding is to the step on which all learnt targets lie; without one there is none. `rows` are
    those that change.
    """
    low, high = float(learnt.min()), float(learnt.max())
    clipped = np.clip(final, low, high)
    found = {
        "as_predicted": _measure(target, final),
        "clipped": {"low": low, "high": high} | _count(final, clipped) | _measure(target, clipped),
    }
    if step := find_step(learnt):
        rounded = np.round(final / step) * step
        found["rounded"] = {"step": step} | _count(final, rounded) | _measure(target, rounded)
    return {"conversions": found}


def find_step(values: np.ndarray) -> float | None:
    """Return the largest of STEPS of which all values (n,) are multiples, or None."""
    for step in STEPS:
        multiples = values / step
        if np.allclose(multiples, np.round(multiples), rtol=0, atol=1e-6):
            return step
    return None


def _count(before: np.ndarray, after: np.ndarray) -> dict[str, int]:
    return {"rows": int((~np.isclose(before, after, rtol=0, atol=1e-12)).sum())}


def _measure(target: np.ndarray, values: np.ndarray) -> dict[str, float]:
    return measure("regression", target, values, names=list(METRICS))
