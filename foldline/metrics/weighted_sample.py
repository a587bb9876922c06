"""Rows under one weighting: what the samples of all tasks share."""

from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]


class Rows(Protocol):
    """Targets and predictions; `broken` are the positions of rows without a finite prediction."""

    broken: Codes


R = TypeVar("R", bound=Rows)


class Sample(Generic[R]):
    """Rows under one weighting; no metric is defined if a broken row has a weight."""

    def __init__(self, rows: R, weights: Floats) -> None:
        """Take weights (n,), non-negative."""
        self.rows = rows
        self.weights = weights
        self.total = float(weights.sum())
        self.defined = self.total > 0 and not weights[rows.broken].any()

    def mean(self, values: Floats) -> float:
        """Return the weighted mean of values (n,)."""
        # Not a dot product: the last bits of BLAS change with the number of threads.
        return float((self.weights * values).sum() / self.total)


def replace_non_finite(probabilities: Floats) -> tuple[Floats, Codes]:
    """Return probabilities (n, c) with rows that are not finite set to 0, and those rows."""
    broken = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(broken):
        probabilities = probabilities.copy()
        probabilities[broken] = 0.0
    return probabilities, broken
