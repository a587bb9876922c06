"""Two predictions of the same rows compared: tests, corrections for several, and a verdict.

The verdict is decided by approximate randomization, corrected by Holm for all comparisons that are
made together. The interval of the difference is that of the paired bootstrap.
"""

from collections.abc import Hashable, Iterator, Mapping
from math import ceil, isnan
from statistics import NormalDist
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.core.io.labels import decide
from foldline.metrics.intervals import Difference, paired_bootstrap
from foldline.metrics.multiple_testing import holm
from foldline.metrics.registry import METRICS, Measurement, prepare_metrics
from foldline.metrics.resampling import Groups, encode_rows
from foldline.metrics.weighted_sample import Codes, Floats

Name = TypeVar("Name", bound=Hashable)
Verdict = Literal["better", "not distinguishable", "worse"]
POWER = 0.8
SWAPS_PER_TEST = 10  # that are as large as the actual difference, at Holm's smallest level
CELLS_AT_ONCE = 2**18
MOSTLY_DISTINCT = 0.25  # share of kinds of groups: with more, each group is drawn for itself
ROUNDING = 1e-12  # Differences that are equal in theory differ by less.


class McNemar(NamedTuple):
    """The rows that only one of two predictions has right, and the two-sided p-value."""

    only_first: int
    only_second: int
    p: float


class Comparison(NamedTuple):
    """The metric of the first predictions minus that of the second, and what it shows.

    `low` and `high` are its interval, `p` is that of approximate randomization, `p_holm` the same
    corrected for all comparisons. `detectable` is the smallest difference that such rows show.
    An undefined number is NaN; without a difference there is no verdict.
    """

    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    verdict: Verdict | None
    detectable: float


def compare_predictions(
    task: str,
    target: ArrayLike,
    predictions: ArrayLike,
    others: Mapping[Name, ArrayLike],
    groups: Groups,
    resamples: int,
    seed: int,
    name: str,
    level: float = 0.95,
) -> dict[Name, Comparison]:
    """Return the comparison of predictions with each of others by a metric, as one family.

    The arrays are those of `measure`. Groups (n,) are resampled and swapped whole.
    """
    swaps = max(resamples, ceil(SWAPS_PER_TEST * len(others) / (1 - level)))
    differences = {
        other: paired_bootstrap(
            task, target, predictions, values, groups, resamples, seed, name, level
        )
        for other, values in others.items()
    }
    p = [
        approximate_randomization(task, target, predictions, values, groups, swaps, seed, name)
        for values in others.values()
    ]
    sign = 1 if METRICS[task][name].greater_is_better else -1
    return {
        other: Comparison(
            *own, raw, corrected, judge(sign * own.difference, corrected, level),
            detectable_difference(own, level),
        )
        for (other, own), raw, corrected in zip(
            differences.items(), p, holm(p).tolist(), strict=True
        )
    }  # fmt: skip


def judge(gain: float, p: float, level: float) -> Verdict | None:
    """Return the verdict on a gain (positive is better) with its p-value; None if undefined."""
    if isnan(gain) or isnan(p):
        return None
    if gain == 0 or p > 1 - level:
        return "not distinguishable"
    return "better" if gain > 0 else "worse"


def detectable_difference(interval: Difference, level: float, power: float = POWER) -> float:
    """Return the smallest true difference that a test at this level finds with this power.

    The standard error is that of a normal distribution as wide as the interval. One test is meant:
    where many are corrected together, differences must be larger.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    error = (interval.high - interval.low) / 2 / z
    return (z + NormalDist().inv_cdf(power)) * error


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """Return the exact test of McNemar (1947) on which rows (n,) each prediction has right.

    If both are equally good, the rows that one alone has right are tosses of a fair coin. Rows
    count as independent.
    """
    from scipy.stats import binom

    one, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    fewer = min(only_first, only_second)
    p = min(1.0, 2 * float(binom.cdf(fewer, only_first + only_second, 0.5)))
    return McNemar(only_first, only_second, p)


def mark_correct(task: str, target: ArrayLike, predictions: ArrayLike) -> NDArray[np.bool_]:
    """Return which rows (n,) have the right class, or for multilabel exactly the right labels.

    Raises:
        ValueError: for regression, where no row is right.
    """
    if task == "regression":
        raise ValueError("regression has no rows that are right")
    equal = decide(task, np.asarray(predictions)) == np.asarray(target)
    return np.asarray(equal.all(axis=1) if task == "multilabel" else equal)


def compute_errors(task: str, target: ArrayLike, predictions: ArrayLike) -> Floats:
    """Return the error of each row (n,): 1 for a wrong one, for regression the absolute error."""
    if task == "regression":
        numbers, truth = (np.asarray(own, dtype=np.float64) for own in (predictions, target))
        return np.asarray(np.abs(numbers - truth))
    return (~mark_correct(task, target, predictions)).astype(np.float64)


def approximate_randomization(
    task: str,
    target: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    groups: Groups,
    swaps: int,
    seed: int,
    name: str,
) -> float:
    """Return the p-value of approximate randomization (Noreen, 1989) for a metric, two-sided.

    If both predictions are equally good, it does not matter which of the two a row's prediction
    comes from. So those of random groups are swapped, and p is the share of swaps whose difference
    is at least as large as the actual one, which counts itself. With few groups whose predictions
    differ, all swaps are made, and p is exact. NaN if the metric is undefined.
    """
    measure, cells = _make_cells(task, np.asarray(target), first, second, name)
    before, change = _count_cells(*cells, measure.n, groups)
    n_groups, total = change.shape[0], 2 * before + change.sum(axis=0)

    def compare(weights: Floats) -> Floats:
        """Return the differences (b,) under counts of the first's cells (b, k)."""
        return _compute_rows(measure, weights) - _compute_rows(measure, total - weights)

    actual = abs(float(compare(before[None])[0]))
    if isnan(actual):
        return actual
    exact = n_groups < swaps.bit_length()  # 2**n_groups <= swaps
    n_swaps = 2**n_groups if exact else swaps
    sizes = np.ones(n_groups, dtype=np.int64)
    if not exact:
        change, sizes = _merge_equal_rows(change)
    block = max(1, CELLS_AT_ONCE // max(len(sizes), measure.n))
    as_large = 0
    for chosen in _choose_groups(sizes, n_swaps, block, None if exact else seed):
        # An undefined difference counts as large, so that it can never make one significant.
        as_large += int((~(np.abs(compare(before + chosen @ change)) < actual - ROUNDING)).sum())
    return as_large / n_swaps if exact else (as_large + 1) / (n_swaps + 1)


def _compute_rows(measure: Measurement, weights: Floats) -> Floats:
    """Return the only metric (b,) under each row of weights (b, k)."""
    (metric,) = measure.metrics
    if metric.batched:
        return measure.compute_many(np.ascontiguousarray(weights.T))[metric.name]
    return np.array([measure(row)[metric.name] for row in weights])


def _make_cells(
    task: str, target: NDArray[np.generic], first: ArrayLike, second: ArrayLike, name: str
) -> tuple[Measurement, tuple[Codes, Codes]]:
    """Return the metric of counts of cells, and each prediction's cells (n,).

    A cell is a target with a prediction. Rows of equal cells are alike to the metric, so a metric
    of decisions has few.
    """
    values = [_remove_scale(name, np.asarray(own, dtype=np.float64)) for own in (first, second)]
    n, both = len(target), np.concatenate([target, target])
    if METRICS[task][name].of_labels:
        decided = np.concatenate([decide(task, own) for own in values])
        pairs = np.column_stack([both, decided])
        codes = encode_rows(pairs)
        rows = np.unique(codes, return_index=True)[1]
        decided = decided[rows]
        n_classes = values[0].shape[1]
        cell_values = decided if task == "multilabel" else np.eye(n_classes)[decided]
        cell_targets = both[rows]
    else:
        codes = np.arange(2 * n)
        equal = (values[0] == values[1]).reshape(n, -1).all(axis=1)
        codes[n:][equal] = codes[:n][equal]
        cell_targets, cell_values = both, np.concatenate(values)
    measure = prepare_metrics(task, cell_targets, cell_values, [name])
    return measure, (codes[:n].astype(np.intp), codes[n:].astype(np.intp))


def _remove_scale(name: str, values: Floats) -> Floats:
    """Return values (n,) as a correlation sees them, so that those of two models may be mixed."""
    if name == "spearman":
        from scipy.stats import rankdata

        return np.asarray(rankdata(values))
    if name == "pearson" and values.std() > 0:
        return np.asarray((values - values.mean()) / values.std())
    return values


def _count_cells(first: Codes, second: Codes, n_cells: int, groups: Groups) -> tuple[Floats, Any]:
    """Return counts of the cells (k,) of the first, and what a swap of each group adds (g, k).

    Groups that a swap does not change are left out. The second is a sparse array.
    """
    from scipy.sparse import csr_array

    numbers: dict[Hashable, int] = {}
    names = range(len(first)) if groups is None else np.asarray(groups, dtype=object)
    codes = np.array([numbers.setdefault(group, len(numbers)) for group in names], dtype=np.intp)
    ones, shape = np.ones(len(first)), (len(numbers), n_cells)
    change = csr_array((ones, (codes, second)), shape) - csr_array((ones, (codes, first)), shape)
    change.eliminate_zeros()
    changed = np.flatnonzero(np.diff(change.indptr))
    return np.bincount(first, minlength=n_cells).astype(np.float64), change[changed]


def _merge_equal_rows(change: Any) -> tuple[Any, Codes]:
    """Return the distinct rows of a sparse array (g, k), and how often each occurs.

    Rows are compared by a random sum of 64 bits.
    """
    multipliers = np.random.default_rng(0).integers(1, 2**62, size=change.shape[1])
    keys = change.astype(np.int64) @ multipliers
    _, first, sizes = np.unique(keys, return_index=True, return_counts=True)
    if len(first) > MOSTLY_DISTINCT * len(keys):
        return change, np.ones(len(keys), dtype=np.intp)
    order = np.argsort(first)
    return change[first[order]], sizes[order]


def _choose_groups(sizes: Codes, swaps: int, block: int, seed: int | None) -> Iterator[Floats]:
    """Yield blocks (<= block, k): how many groups of each kind to swap; all ways without a seed."""
    rng = np.random.default_rng(seed)
    for start in range(0, swaps, block):
        numbers = np.arange(start, min(start + block, swaps))
        shape = (len(numbers), len(sizes))
        if seed is None:
            chosen = numbers[:, None] >> np.arange(len(sizes)) & 1
        elif (sizes == 1).all():
            chosen = rng.integers(2, size=shape, dtype=np.int8)
        else:
            chosen = rng.binomial(sizes, 0.5, size=shape)
        yield chosen.astype(np.float64)
