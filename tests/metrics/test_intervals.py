"""Intervals: their coverage, what groups do to them, and the same seed."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from foldline.metrics.intervals import (
    Interval,
    bootstrap_intervals,
    compute_interval,
    paired_bootstrap,
)
from foldline.metrics.registry import METRICS, measure

Array = NDArray[Any]
NUMBERS = ("1", "2", "3", "4")


def binary(seed: int, n: int = 300, shift: float = 1.0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    target = rng.integers(2, size=n)
    p = 1 / (1 + np.exp(-shift * (2 * target - 1) - rng.normal(size=n)))
    return target, np.column_stack([1 - p, p])


def correct(hits: Array) -> tuple[Array, Array]:
    """Return targets and predictions that are right where `hits` says so."""
    return np.zeros(len(hits), dtype=np.intp), np.eye(2)[(~hits).astype(int)]


def sample(task: str) -> tuple[Array, Array]:
    """Return 100 rows on which all metrics of the task are defined, with the classes NUMBERS."""
    rng = np.random.default_rng(0)
    if task == "multilabel":
        labels = rng.integers(2, size=(100, 3))
        return labels, 0.3 * labels + 0.7 * rng.random((100, 3))
    if task == "classification":
        target = rng.integers(4, size=100)
        return target, 0.8 * rng.dirichlet(np.ones(4), size=100) + 0.2 * np.eye(4)[target]
    values = rng.normal(size=100)
    return values, values + rng.normal(size=100)


@pytest.mark.parametrize("task", METRICS)
def test_every_metric_lies_in_its_interval(task: str) -> None:
    target, predictions = sample(task)
    found = bootstrap_intervals(
        task, target, predictions, np.arange(100), resamples=200, seed=1, classes=NUMBERS
    )
    point = measure(task, target, predictions, classes=NUMBERS)
    assert list(found) == list(METRICS[task])
    for name, (low, high) in found.items():
        metric = METRICS[task][name]
        ends = sorted([metric.best, metric.worst])
        assert ends[0] <= low < point[name] < high <= ends[1], name


@pytest.mark.parametrize("task", METRICS)
def test_the_seed_decides(task: str) -> None:
    target, predictions = sample(task)

    def bootstrap_sample(seed: int, names: list[str] | None = None) -> dict[str, Interval]:
        return bootstrap_intervals(
            task, target, predictions, None, 50, seed=seed, names=names, classes=NUMBERS
        )

    assert bootstrap_sample(3) == bootstrap_sample(3)
    assert bootstrap_sample(3) != bootstrap_sample(4)
    one = list(METRICS[task])[-1]
    assert bootstrap_sample(3, [one]) == {one: bootstrap_sample(3)[one]}


@pytest.mark.slow
def test_covers_the_truth() -> None:
    """95 % of 200 are 190 with a standard deviation of 3; of 200 rows a bit less is expected."""
    rng = np.random.default_rng(7)
    covered = 0
    for repetition in range(200):
        target, p = correct(rng.random(200) < 0.8)
        found = bootstrap_intervals(
            "classification", target, p, None, 300, repetition, names=["accuracy"]
        )
        covered += found["accuracy"].low <= 0.8 <= found["accuracy"].high
    assert 180 <= covered <= 198


def test_groups_undo_duplicates() -> None:
    target, p = binary(2)
    names = ["accuracy", "f1_macro", "roc_auc"]
    once = bootstrap_intervals("classification", target, p, None, 400, seed=0, names=names)
    four, p4, groups = np.repeat(target, 4), np.repeat(p, 4, axis=0), np.repeat(np.arange(300), 4)
    grouped = bootstrap_intervals("classification", four, p4, groups, 400, seed=0, names=names)
    alone = bootstrap_intervals("classification", four, p4, None, 400, seed=0, names=names)
    for name in names:
        assert grouped[name] == pytest.approx(once[name])
        # Four times the rows, were they news, would halve it.
        width = grouped[name].high - grouped[name].low
        assert 1.6 < width / (alone[name].high - alone[name].low) < 2.4


def test_agrees_with_scipy() -> None:
    target, p = binary(4)
    hits = (p.argmax(axis=1) == target).astype(float)
    ours = bootstrap_intervals("classification", target, p, None, 2000, seed=0, names=["accuracy"])
    theirs = stats.bootstrap(
        (hits,), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours["accuracy"] == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_level() -> None:
    target, p = binary(5)
    wide = bootstrap_intervals("classification", target, p, None, 300, 0, level=0.99)["f1_macro"]
    narrow = bootstrap_intervals("classification", target, p, None, 300, 0, level=0.5)["f1_macro"]
    assert wide.low < narrow.low < narrow.high < wide.high


def test_chosen_labels_are_judged() -> None:
    target, p = binary(5)
    found = bootstrap_intervals("classification", target, p, None, 50, 0, predicted=target)
    low, high = found["accuracy"]
    assert low == high == 1


def test_groups_are_any_values() -> None:
    target, p = binary(6, n=6)
    names = ["accuracy"]
    codes = bootstrap_intervals(
        "classification", target, p, np.array([0, 0, 1, 2, 3, 3]), 50, 0, names=names
    )
    mixed = [("a", 1), ("a", 1), "a", 2, b"x", b"x"]
    assert bootstrap_intervals("classification", target, p, mixed, 50, 0, names=names) == codes
    for missing in (None, float("nan")):
        with pytest.raises(ValueError, match="groups: row 5 has none"):
            bootstrap_intervals("classification", target, p, [1, 1, 1, 1, 1, missing], 50, 0)
    with pytest.raises(ValueError, match="groups: 2 for 6 rows"):
        bootstrap_intervals("classification", target, p, [0, 1], 50, 0)


@pytest.mark.parametrize(
    ("rows", "groups", "resamples"), [(0, [], 50), (1, [0], 50), (3, [7, 7, 7], 50), (3, None, 0)]
)
@pytest.mark.filterwarnings("error")
def test_nothing_to_say_is_nan(rows: int, groups: list[int] | None, resamples: int) -> None:
    target, p = binary(0, n=rows)
    found = bootstrap_intervals("classification", target, p, groups, resamples, 0)
    assert np.isnan(list(found.values())).all()
    assert np.isnan(
        paired_bootstrap("classification", target, p, p, groups, resamples, 0, "ece").low
    )


@pytest.mark.filterwarnings("error")
def test_the_margin_is_symmetric_on_the_scale_without_ends() -> None:
    values = np.array([0.7, 0.9])  # a standard deviation of 0.1414
    margin = 1.959964 * np.sqrt(0.02)
    assert compute_interval(0.8, values, 0.95) == pytest.approx((0.8 - margin, 0.8 + margin))

    def logit(p: float) -> float:
        return float(np.log(p / (1 - p)))

    low, high = compute_interval(0.8, values, 0.95, (1, 0))
    assert logit(0.8) - logit(low) == pytest.approx(margin / (0.8 * 0.2), rel=1e-6)
    assert logit(high) - logit(0.8) == pytest.approx(margin / (0.8 * 0.2), rel=1e-6)
    low, high = compute_interval(0.8, values, 0.95, (1, -1))  # Fisher's z
    assert np.arctanh(high) - np.arctanh(0.8) == pytest.approx(margin / (1 - 0.8**2), rel=1e-6)
    low, high = compute_interval(0.8, values, 0.95, (0, np.inf))
    assert (np.log(low / 0.8), np.log(high / 0.8)) == pytest.approx((-margin / 0.8, margin / 0.8))
    low, high = compute_interval(0.8, values, 0.95, (1, -np.inf))
    assert (1 - low) / 0.2 == pytest.approx(0.2 / (1 - high)) == pytest.approx(np.exp(margin / 0.2))
    # A margin beyond all numbers ends at the ends.
    assert compute_interval(1e-9, values, 0.95, (1, 0)) == (0, 1)
    # A metric that states ends on whose wrong side it lies has none.
    assert compute_interval(0.8, values, 0.95, (0.5, 0)) == compute_interval(0.8, values, 0.95)


def test_undefined_resamples_are_left_out() -> None:
    # One positive in twenty rows is missing from 0.95^20 = 36 % of the resamples.
    target, p = np.eye(20, dtype=int)[0], np.full((20, 2), 0.5)
    assert bootstrap_intervals("classification", target, p, None, 200, 0)["roc_auc"] == (0.5, 0.5)
    assert compute_interval(1, np.array([1, 1, np.nan]), 0.95) == (1, 1)
    assert np.isnan(compute_interval(1, np.array([1, 1, *[np.nan] * 3]), 0.95)).all()
    assert np.isnan(compute_interval(np.nan, np.ones(9), 0.95)).all()


def test_paired_difference() -> None:
    target, good = binary(8, shift=2.0)
    _, noise = binary(9, shift=0.0)
    worse = 0.8 * good + 0.2 * noise

    def compare(a: Array, b: Array, name: str = "log_loss") -> tuple[float, float, float]:
        return paired_bootstrap("classification", target, a, b, None, 300, 0, name)

    assert compare(good, good) == (0, 0, 0)
    point = [measure("classification", target, p)["log_loss"] for p in (good, worse)]
    difference, low, high = compare(good, worse)
    assert difference == pytest.approx(point[0] - point[1])
    assert low < difference < high < 0
    assert compare(worse, good) == pytest.approx((-difference, -high, -low))
    single = bootstrap_intervals("classification", target, good, None, 300, 0)["log_loss"]
    assert high - low < single.high - single.low
