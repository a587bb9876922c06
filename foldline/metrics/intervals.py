"""Confidence intervals of metrics: a bootstrap over whole groups of rows.

Near-duplicates are not independent, so a group is drawn as a whole. A resample is a weighting of
the rows (how often each one's group was drawn), measured by the same function as the estimate.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from foldline.metrics.registry import Measurement, WeightedMeasure, prepare_metrics
from foldline.metrics.resampling import Groups, Resampling
from foldline.metrics.weighted_sample import Floats

UNBOUNDED = (float("inf"), float("-inf"))  # ends of a difference


class Interval(NamedTuple):
    """The bounds of a metric, in its own units."""

    low: float
    high: float


class Difference(NamedTuple):
    """The metric of the first predictions minus that of the second, with its bounds."""

    difference: float
    low: float
    high: float


def bootstrap_intervals(
    task: str,
    target: ArrayLike,
    predictions: ArrayLike,
    groups: Groups,
    resamples: int,
    seed: int,
    level: float = 0.95,
    names: Sequence[str] | None = None,
    predicted: ArrayLike | None = None,
    classes: Sequence[str] | None = None,
) -> dict[str, Interval]:
    """Return bootstrap intervals of the task's metrics, or of those named.

    Groups (n,) are any hashable values; None makes each row its own. The seed alone decides the
    resamples, so that runs on the same rows are comparable. Resamples in which a metric is
    undefined are left out; the interval is NaN if they are more than half, or with fewer than two
    groups. Batched metrics are resampled from counts of equal groups: see `Resampling`.
    """
    measure = prepare_metrics(task, target, predictions, names, predicted, classes)
    estimates = measure(None)
    values = _resample_metrics([measure], groups, resamples, seed)[0]
    return {
        metric.name: compute_interval(
            estimates[metric.name], values[metric.name], level, (metric.best, metric.worst)
        )
        for metric in measure.metrics
    }


def bootstrap_own_metrics(
    compute: WeightedMeasure,
    ends: Mapping[str, tuple[float, float]],
    n: int,
    groups: Groups,
    resamples: int,
    seed: int,
    level: float,
) -> dict[str, Interval]:
    """Return the intervals of other metrics, of functions of weights (n,).

    `ends` are the best and the worst value by name.
    """
    estimates = compute(None)
    values = _resample_rows([compute], list(ends), n, groups, resamples, seed)[0]
    return {
        name: compute_interval(estimates[name], values[name], level, own)
        for name, own in ends.items()
    }


def bootstrap_percentiles(
    compute: WeightedMeasure,
    names: Sequence[str],
    n: int,
    groups: Groups,
    resamples: int,
    seed: int,
    level: float,
) -> dict[str, Interval]:
    """Return percentile intervals (Efron, 1979) of values that have noise besides that of rows."""
    values = _resample_rows([compute], names, n, groups, resamples, seed)[0]
    return {name: _compute_percentiles(values[name], level) for name in names}


def paired_bootstrap(
    task: str,
    target: ArrayLike,
    predictions_a: ArrayLike,
    predictions_b: ArrayLike,
    groups: Groups,
    resamples: int,
    seed: int,
    name: str,
    level: float = 0.95,
    classes: Sequence[str] | None = None,
) -> Difference:
    """Return the metric of a minus that of b, and its interval from the same resamples of both.

    Rows that are hard for both cancel, so this is narrower than two separate intervals.
    """
    pair = [
        prepare_metrics(task, target, predictions, [name], classes=classes)
        for predictions in (predictions_a, predictions_b)
    ]
    first, second = (values[name] for values in _resample_metrics(pair, groups, resamples, seed))
    difference = pair[0](None)[name] - pair[1](None)[name]
    return Difference(difference, *compute_interval(difference, first - second, level))


def _resample_metrics(
    measures: Sequence[Measurement], groups: Groups, resamples: int, seed: int
) -> list[dict[str, Floats]]:
    """Return the values (resamples,) of each metric, from the same resamples of all predictions."""
    others = [measure.select(batched=False) for measure in measures]
    names = [metric.name for metric in others[0].metrics]
    values = _resample_rows(others, names, measures[0].n, groups, resamples, seed)
    batched = [measure.select(batched=True) for measure in measures]
    if batched[0].metrics:
        for own, found in zip(
            values, _resample_kinds(batched, groups, resamples, seed), strict=True
        ):
            own |= found
    return values


def _resample_kinds(
    measures: Sequence[Measurement], groups: Groups, resamples: int, seed: int
) -> list[dict[str, Floats]]:
    """Return the values (resamples,) of batched metrics, from counts of equal groups."""
    patterns = np.concatenate([measure.rows.patterns for measure in measures], axis=1)
    resampling = Resampling(measures[0].n, groups, patterns)
    kept = [measure.take(resampling.rows) for measure in measures]
    blocks = [
        [measure.compute_many(np.ascontiguousarray(weights.T)) for measure in kept]
        for weights in resampling.draw(resamples, seed)
    ]
    return [
        {
            metric.name: np.concatenate([np.empty(0), *(block[k][metric.name] for block in blocks)])
            for metric in measure.metrics
        }
        for k, measure in enumerate(kept)
    ]


def _resample_rows(
    computes: Sequence[WeightedMeasure],
    names: Sequence[str],
    n: int,
    groups: Groups,
    resamples: int,
    seed: int,
) -> list[dict[str, Floats]]:
    """Return the values (resamples,) of functions of weights (n,)."""
    resampling = Resampling(n, groups)
    blocks: Iterator[Floats] = resampling.draw(resamples if names else 0, seed)
    values = [[compute(row) for compute in computes] for block in blocks for row in block]
    return [
        {name: np.array([own[k][name] for own in values], dtype=np.float64) for name in names}
        for k in range(len(computes))
    ]


def compute_interval(
    estimate: float, values: Floats, level: float, ends: tuple[float, float] | None = None
) -> Interval:
    """Return the estimate plus and minus a normal margin of the standard deviation of resamples.

    On the scale of the logit between the metric's ends, or of the logarithm of the distance from
    the only finite one: there the margin is symmetric, and no bound lies beyond an end. For
    correlations this is Fisher's z (Fisher, 1921); for the logit of AUPRC see Boyd et al. (2013).
    """
    defined = values[~np.isnan(values)]
    if np.isnan(estimate) or len(defined) < 2 or 2 * len(defined) < len(values):
        return Interval(float("nan"), float("nan"))
    with np.errstate(all="ignore"):  # Infinite values, as of squares of 1e200, have no interval.
        margin = NormalDist().inv_cdf((1 + level) / 2) * float(np.std(defined, ddof=1))
        low, high = sorted(ends or UNBOUNDED)
        if not low <= estimate <= high:  # of a user's metric that states other ends
            low, high = -np.inf, np.inf
        return Interval(*(_move(estimate, distance, low, high) for distance in (-margin, margin)))


def _compute_percentiles(values: Floats, level: float) -> Interval:
    defined = values[~np.isnan(values)]
    if not len(values) or 2 * len(defined) < len(values):
        return Interval(float("nan"), float("nan"))
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):  # Between two infinite values numpy subtracts them.
        low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _move(estimate: float, distance: float, low: float, high: float) -> float:
    """Return a value moved by a distance on the transformed scale between two ends."""
    below, above = estimate - low, high - estimate
    if min(below, above) <= 0:  # At an end itself the scale is infinite.
        return float(np.clip(estimate + distance, low, high))
    factor = np.exp(distance * (1 / below + 1 / above))  # of the odds
    if np.isinf(above):
        return float(estimate + distance if np.isinf(below) else low + below * factor)
    if np.isinf(below):
        return float(high - above / factor)
    return float(low + (high - low) / (1 + above / (below * factor)))
