"""Metrics of regressors, each a function of one weighted sample, or of many at once.

`ValueRows` holds what does not depend on weights (the tied values of each ranking), and
`ValueSample` is these rows under one weighting (n,), or under many (n, b). A weight of k means k
copies of the row, 0 means no row. An undefined value, such as a correlation with a constant, is
NaN.
"""

from functools import cached_property

import numpy as np

from foldline.metrics.weighted_sample import Codes, Floats, Sample, Value, sum_by_code

# Variances of values up to 1 that are smaller may be lost in rounding where they are differences.
PRECISE = 1e-8


class ValueRows:
    """Targets and predictions of a regressor, with everything independent of weights."""

    def __init__(self, target: Floats, predicted: Floats) -> None:
        """Take two arrays (n,); rows that are not finite in both are kept as broken."""
        finite = np.isfinite(target) & np.isfinite(predicted)
        self.broken = np.flatnonzero(~finite)
        self.target = np.where(finite, target, 0.0)
        self.predicted = np.where(finite, predicted, 0.0)

    @property
    def patterns(self) -> Floats:
        """What metrics know of each row, (n, 3)."""
        broken = np.isin(np.arange(len(self.target)), self.broken)
        return np.column_stack([self.target, self.predicted, broken])

    def take(self, rows: Codes) -> "ValueRows":
        """Return some of the rows."""
        taken = ValueRows(self.target[rows], self.predicted[rows])
        taken.broken = np.flatnonzero(np.isin(rows, self.broken))
        return taken

    @cached_property
    def ties(self) -> tuple[Codes, Codes]:
        """Dense ranks (n,) of target and of prediction: tied values share one."""
        return (
            np.unique(self.target, return_inverse=True)[1],
            np.unique(self.predicted, return_inverse=True)[1],
        )


class ValueSample(Sample[ValueRows]):
    """Rows under one weighting, or many; a row of weight 0 does not count."""

    def select(self, number: int) -> "ValueSample":
        """Return the rows under one of many weightings."""
        return ValueSample(self.rows, self.weights[:, number])

    def center(self, values: Floats) -> Floats | None:
        """Return values minus their mean, scaled to at most 1; None if all are equal.

        Of one weighting.
        """
        present = self.present
        low, high = values[present].min(), values[present].max()
        if low == high:  # The variance of equal values may round to 1e-33.
            return None
        # Scaled before and after, as squares of 1e200 and 1e-200 overflow and underflow.
        values = values / max(abs(low), abs(high))
        return scale(np.where(present, values - self.mean(values), 0.0))

    def correlate(self, first: Floats, second: Floats) -> Floats:
        """Return Pearson's correlation of two arrays (n,) or (b, n), NaN if either is constant."""
        if self.weights.ndim > 1:
            return self._correlate_many(first, second)
        one, two = self.center(first), self.center(second)
        if one is None or two is None:
            return np.asarray(np.nan)
        spread = np.sqrt(self.mean(one * one)) * np.sqrt(self.mean(two * two))
        return np.asarray(np.clip(self.mean(one * two) / spread, -1.0, 1.0))

    def _correlate_many(self, first: Floats, second: Floats) -> Floats:
        one, two = (scale(own - own.mean(axis=-1, keepdims=True)) for own in (first, second))
        (mean, variance), (other_mean, other_variance) = map(self._find_moments, (one, two))
        covariance = self.mean(one * two) - mean * other_mean
        found = np.clip(covariance / np.sqrt(variance * other_variance), -1.0, 1.0)
        first, second = (np.broadcast_to(own, self.weights.T.shape) for own in (first, second))
        for k in np.flatnonzero(np.minimum(variance, other_variance) < PRECISE).tolist():
            found[k] = self.select(k).correlate(first[k], second[k])
        return found

    def measure_variance(self, values: Floats) -> Floats:
        """Return the variance of values (n,), 0 if they are equal."""
        if self.weights.ndim == 1:
            equal = self.center(values) is None
            return np.asarray(0.0 if equal else self.mean(np.square(values - self.mean(values))))
        shifted = values - values.mean()
        found = self._find_moments(shifted)[1]
        for k in np.flatnonzero(found < PRECISE * np.square(shifted).max()).tolist():
            found[k] = self.select(k).measure_variance(values)
        return found

    def _find_moments(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the mean and the variance (b,) of values (..., n)."""
        mean = self.mean(values)
        return mean, self.mean(np.square(values)) - np.square(mean)

    def compute_mean_ranks(self, ties: Codes) -> Floats:
        """Return the mean rank (..., n) of each row among its ties, with rows counted by weight."""
        weights = sum_by_code(ties, self.weights, int(ties.max()) + 1)
        return np.asarray((np.cumsum(weights, axis=0) - weights / 2)[ties].T)


def scale(values: Floats) -> Floats:
    """Return values (..., n) divided by the largest absolute one."""
    largest = np.abs(values).max(axis=-1, keepdims=True)
    return np.asarray(values / np.where(largest > 0, largest, 1.0))


def pearson(sample: ValueSample) -> Value:
    """Return Pearson's correlation, in [-1, 1]."""
    return sample.correlate(sample.rows.target, sample.rows.predicted)


def spearman(sample: ValueSample) -> Value:
    """Return Spearman's rank correlation, ties at their middle rank (Spearman, 1904)."""
    target, predicted = map(sample.compute_mean_ranks, sample.rows.ties)
    return sample.correlate(target, predicted)


def rmse(sample: ValueSample) -> Value:
    """Return the root of the mean squared error, in units of the target."""
    return np.sqrt(sample.mean(np.square(sample.rows.predicted - sample.rows.target)))


def mae(sample: ValueSample) -> Value:
    """Return the mean absolute error, in units of the target."""
    return sample.mean(np.abs(sample.rows.predicted - sample.rows.target))


def mape(sample: ValueSample) -> Value:
    """Return the mean absolute error as a share of the target; NaN if a target is 0."""
    zero = sample.rows.target == 0
    error = np.abs(sample.rows.predicted - sample.rows.target)
    share = sample.mean(error / np.where(zero, 1.0, np.abs(sample.rows.target)))
    return np.where(sample.present[zero].any(axis=0), np.nan, share)


def r2(sample: ValueSample) -> Value:
    """Return the share of the target's variance explained: 1 at best, without a lower bound."""
    variance = sample.measure_variance(sample.rows.target)
    error = sample.mean(np.square(sample.rows.predicted - sample.rows.target))
    return np.where(variance > 0, 1 - error / variance, np.nan)
