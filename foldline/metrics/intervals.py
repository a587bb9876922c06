"""How sure a metric is: percentile intervals from resampling whole groups of rows.

Near-duplicates are one piece of evidence, not many, so a group is drawn or left as one. A
resample is a weighting of the rows (how often each one's group was drawn), and is measured by
the very function that gives the point estimate, prepared once.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.metrics.registry import METRICS, Measuring, prepare

Groups = Sequence[Hashable] | NDArray[Any] | None


class Interval(NamedTuple):
    """Bound a metric, in its own units."""

    low: float
    high: float


class Difference(NamedTuple):
    """State how much the first predictions exceed the second, with the interval's bounds."""

    difference: float
    low: float
    high: float


def interval(
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
    """Return the percentile bootstrap interval (Efron, 1979) of the task's metrics, or those named.

    Groups (n,) are any hashable values; None makes each row its own. The seed alone decides the
    resamples, so that runs on the same rows can be compared. Resamples in which a metric is not
    defined are left out; if they are more than half, or there are fewer than two groups, so
    that nothing can be said, the interval is NaN.
    """
    measuring = prepare(task, target, predictions, names, predicted)
    chosen = list(METRICS[task] if names is None else names)
    return bootstrap(measuring, chosen, len(np.asarray(target)), groups, resamples, seed, level)


def bootstrap(
    measuring: Measuring,
    names: Sequence[str],
    n: int,
    groups: Groups,
    resamples: int,
    seed: int,
    level: float,
) -> dict[str, Interval]:
    """Return the intervals of what `measuring` makes of weights (n,), as `interval` does."""
    values = [measuring(weights) for weights in _resample(n, groups, resamples, seed)]
    return {name: _bounds(np.array([value[name] for value in values]), level) for name in names}


def paired_interval(
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
    """Return the metric of a less that of b, and its interval from the same resamples of both.

    What is hard for both cancels, so that this is narrower than two intervals side by side.
    """
    first = prepare(task, target, predictions_a, [name])
    second = prepare(task, target, predictions_b, [name])
    values = [
        first(weights)[name] - second(weights)[name]
        for weights in _resample(len(np.asarray(target)), groups, resamples, seed)
    ]
    difference = first(None)[name] - second(None)[name]
    return Difference(difference, *_bounds(np.array(values, dtype=np.float64), level))


def _resample(n: int, groups: Groups, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield weights (n,): counts of groups drawn with replacement, as many as there are."""
    codes = np.arange(n) if groups is None else _number(groups)
    if len(codes) != n:
        raise ValueError(f"groups: {len(codes)} for {n} rows; allowed: one for each row")
    n_groups = int(codes.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    for _ in range(resamples if n_groups > 1 else 0):
        # One by one: the law of rng.multinomial in a sixth of its time.
        drawn = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)
        yield drawn.astype(np.float64)[codes]


def _number(groups: Sequence[Hashable] | NDArray[Any]) -> NDArray[np.intp]:
    """Return codes (n,) of groups, from 0 in order of appearance."""
    values = groups.tolist() if isinstance(groups, np.ndarray) else list(groups)
    # NaN is not equal to itself. All missing groups as one would widen the interval unseen.
    missing = [row for row, group in enumerate(values) if group is None or group != group]
    if missing:
        raise ValueError(f"groups: row {missing[0]} has none; allowed: any value but None and NaN")
    seen: dict[Hashable, int] = {}
    # Not np.unique, which must sort and so fails on values of mixed types.
    codes = [seen.setdefault(group, len(seen)) for group in values]
    return np.array(codes, dtype=np.intp)


def _bounds(values: NDArray[np.float64], level: float) -> Interval:
    defined = values[~np.isnan(values)]
    if not len(values) or 2 * len(defined) < len(values):
        return Interval(float("nan"), float("nan"))
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):  # Between two infinite values numpy subtracts them.
        low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high))
