"""Rows under one weighting, or under many at once: what the samples of all tasks share."""

from functools import cached_property
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]
Value = float | Floats  # of one weighting, or (b,) of b weightings


class Rows(Protocol):
    """Targets and predictions; `broken` are the positions of rows without a finite prediction."""

    broken: Codes


R = TypeVar("R", bound=Rows)


class Sample(Generic[R]):
    """Rows under one weighting; no metric is defined if a broken row has a weight."""

    def __init__(self, rows: R, weights: Floats) -> None:
        """Take weights (n,), non-negative; (n, b) for batched metrics alone."""
        self.rows = rows
        self.weights = weights
        self.total = weights.sum(axis=0)
        self.defined = (self.total > 0) & ~weights[rows.broken].any(axis=0)

    def mean(self, values: Floats) -> Floats:
        """Return the weighted mean of values (n,), or (b, n) of b weightings."""
        # Not a dot product: the last bits of BLAS change with the number of threads.
        if self.weights.ndim == 1:
            return np.asarray((self.weights * values).sum(axis=-1) / self.total)
        return np.asarray(np.einsum("...n,...n->...", self.weights.T, values) / self.total)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Which rows have a weight, (n,); of one weighting."""
        return np.asarray(self.weights > 0)


def sum_by_code(codes: Codes, values: Floats, n: int) -> Floats:
    """Return the sums (n, ...) of values (rows, ...) by code."""
    if values.ndim == 1:
        return np.asarray(np.bincount(codes, values, n), dtype=np.float64)
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)
    sums = np.zeros((n, *values.shape[1:]))
    sums[present] = np.add.reduceat(values[order], starts)
    return sums


def divide(part: Floats, whole: Floats, otherwise: float = 0.0) -> Floats:
    """Return part / whole, and another value where the whole is 0."""
    out = np.full(np.shape(part), otherwise)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def replace_non_finite(probabilities: Floats) -> tuple[Floats, Codes]:
    """Return probabilities (n, c) with rows that are not finite set to 0, and those rows."""
    broken = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(broken):
        probabilities = probabilities.copy()
        probabilities[broken] = 0.0
    return probabilities, broken
