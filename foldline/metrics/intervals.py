"""Confidence intervals of metrics: a percentile bootstrap over whole groups of rows.

Near-duplicates are not independent, so a group is drawn as a whole. A resample is a weighting of
the rows (how often each one's group was drawn), measured by the same function as the estimate.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.metrics.registry import METRICS, WeightedMeasure, prepare_metrics

Groups = Sequence[Hashable] | NDArray[Any] | None


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
) -> dict[str, Interval]:
    """Return percentile bootstrap intervals (Efron, 1979) of the task's metrics, or those named.

    Groups (n,) are any hashable values; None makes each row its own. The seed alone decides the
    resamples, so that runs on the same rows are comparable. Resamples in which a metric is
    undefined are left out; the interval is NaN if they are more than half, or with fewer than two
    groups.
    """
    compute = prepare_metrics(task, target, predictions, names, predicted)
    chosen = list(METRICS[task] if names is None else names)
    n = len(np.asarray(target))
    return bootstrap_values(compute, chosen, n, groups, resamples, seed, level)


def bootstrap_values(
    compute: WeightedMeasure,
    names: Sequence[str],
    n: int,
    groups: Groups,
    resamples: int,
    seed: int,
    level: float,
) -> dict[str, Interval]:
    """Return the intervals of a function of weights (n,); see `bootstrap_intervals`."""
    values = [compute(weights) for weights in _resample(n, groups, resamples, seed)]
    return {
        name: _compute_bounds(np.array([value[name] for value in values]), level) for name in names
    }


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
) -> Difference:
    """Return the metric of a minus that of b, and its interval from the same resamples of both.

    Rows that are hard for both cancel, so this is narrower than two separate intervals.
    """
    first = prepare_metrics(task, target, predictions_a, [name])
    second = prepare_metrics(task, target, predictions_b, [name])
    values = [
        first(weights)[name] - second(weights)[name]
        for weights in _resample(len(np.asarray(target)), groups, resamples, seed)
    ]
    difference = first(None)[name] - second(None)[name]
    return Difference(difference, *_compute_bounds(np.array(values, dtype=np.float64), level))


def _resample(n: int, groups: Groups, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield weights (n,): counts of groups drawn with replacement, as many as there are."""
    codes = np.arange(n) if groups is None else _encode_groups(groups)
    if len(codes) != n:
        raise ValueError(f"groups: {len(codes)} for {n} rows; allowed: one for each row")
    n_groups = int(codes.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    for _ in range(resamples if n_groups > 1 else 0):
        # The distribution of rng.multinomial, in a sixth of its time.
        counts = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)
        yield counts.astype(np.float64)[codes]


def _encode_groups(groups: Sequence[Hashable] | NDArray[Any]) -> NDArray[np.intp]:
    """Return codes (n,) of groups, from 0 in order of appearance."""
    values = groups.tolist() if isinstance(groups, np.ndarray) else list(groups)
    # NaN is not equal to itself, and all missing groups as one would widen the interval.
    missing = [row for row, group in enumerate(values) if group is None or group != group]
    if missing:
        raise ValueError(f"groups: row {missing[0]} has none; allowed: any value but None and NaN")
    seen: dict[Hashable, int] = {}
    # Not np.unique: it sorts, and so fails on values of mixed types.
    codes = [seen.setdefault(group, len(seen)) for group in values]
    return np.array(codes, dtype=np.intp)


def _compute_bounds(values: NDArray[np.float64], level: float) -> Interval:
    defined = values[~np.isnan(values)]
    if not len(values) or 2 * len(defined) < len(values):
        return Interval(float("nan"), float("nan"))
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):  # Between two infinite values numpy subtracts them.
        low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high))
