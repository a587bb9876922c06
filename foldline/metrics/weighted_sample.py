"""Rows under one weighting: what samples of classes, labels and numbers share."""

from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]


class Rows(Protocol):
    """Targets and predictions; `broken` are the places of rows that have no usable prediction."""

    broken: Codes


R = TypeVar("R", bound=Rows)


class Sample(Generic[R]):
    """Weigh rows; a weight of 0 is as good as no row, and a broken one leaves nothing defined."""

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


def usable(probabilities: Floats) -> tuple[Floats, Codes]:
    """Give probabilities (n, c) with 0 where a row has any that is not finite, and those rows."""
    broken = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(broken):
        probabilities = probabilities.copy()
        probabilities[broken] = 0.0
    return probabilities, broken
