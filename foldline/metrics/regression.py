"""Metrics of regressors, each a function of one weighted sample.

`ValueRows` holds what does not depend on weights (the tied values of each ranking), and
`ValueSample` is these rows under one weighting. A weight of k means k copies of the row, 0 means
no row. An undefined value, such as a correlation with a constant, is NaN.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foldline.metrics.weighted_sample import Floats, Sample, Value


class ValueRows:
    """Targets and predictions of a regressor, with everything independent of weights."""

    def __init__(self, target: Floats, predicted: Floats) -> None:
        """Take two arrays (n,); rows that are not finite in both are kept as broken."""
        finite = np.isfinite(target) & np.isfinite(predicted)
        self.broken = np.flatnonzero(~finite)
        self.target = np.where(finite, target, 0.0)
        self.predicted = np.where(finite, predicted, 0.0)

    @cached_property
    def ties(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Dense ranks (n,) of target and of prediction: tied values share one."""
        return (
            np.unique(self.target, return_inverse=True)[1],
            np.unique(self.predicted, return_inverse=True)[1],
        )


class ValueSample(Sample[ValueRows]):
    """Rows under one weighting; a row of weight 0 does not count."""

    def center(self, values: Floats) -> Floats | None:
        """Return values minus their mean, scaled to at most 1; None if all are equal."""
        present = self.present
        low, high = values[present].min(), values[present].max()
        if low == high:  # The variance of equal values may round to 1e-33.
            return None
        # Scaled before and after, as squares of 1e200 and 1e-200 overflow and underflow.
        values = values / max(abs(low), abs(high))
        values = np.where(present, values - self.mean(values), 0.0)
        centered: Floats = values / np.abs(values).max()
        return centered

    def correlate(self, first: Floats, second: Floats) -> float:
        """Return Pearson's correlation of two arrays (n,), NaN if either is constant."""
        one, two = self.center(first), self.center(second)
        if one is None or two is None:
            return float("nan")
        spread = np.sqrt(self.mean(one * one)) * np.sqrt(self.mean(two * two))
        return float(np.clip(self.mean(one * two) / spread, -1.0, 1.0))

    def compute_mean_ranks(self, ties: NDArray[np.intp]) -> Floats:
        """Return the mean rank (n,) of each row among its ties, with rows counted by weight."""
        weight = np.bincount(ties, self.weights)
        return (np.cumsum(weight) - weight / 2)[ties]


def pearson(sample: ValueSample) -> float:
    """Return Pearson's correlation, in [-1, 1]."""
    return sample.correlate(sample.rows.target, sample.rows.predicted)


def spearman(sample: ValueSample) -> float:
    """Return Spearman's rank correlation, ties at their middle rank (Spearman, 1904)."""
    target, predicted = sample.rows.ties
    return sample.correlate(sample.compute_mean_ranks(target), sample.compute_mean_ranks(predicted))


def rmse(sample: ValueSample) -> float:
    """Return the root of the mean squared error, in units of the target."""
    return float(np.sqrt(sample.mean(np.square(sample.rows.predicted - sample.rows.target))))


def mae(sample: ValueSample) -> Value:
    """Return the mean absolute error, in units of the target."""
    return sample.mean(np.abs(sample.rows.predicted - sample.rows.target))


def mape(sample: ValueSample) -> Value:
    """Return the mean absolute error as a share of the target; NaN if a target is 0."""
    zero = sample.rows.target == 0
    if (zero & sample.present).any():
        return float("nan")
    error = np.abs(sample.rows.predicted - sample.rows.target)
    return sample.mean(error / np.where(zero, 1.0, np.abs(sample.rows.target)))


def r2(sample: ValueSample) -> Value:
    """Return the share of the target's variance explained: 1 at best, without a lower bound."""
    target = sample.rows.target
    if sample.center(target) is None:
        return float("nan")
    error = np.square(sample.rows.predicted - target)
    return 1 - sample.mean(error) / sample.mean(np.square(target - sample.mean(target)))
