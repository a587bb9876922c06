"""Comparisons of two predictions: exact tests by hand and by brute force, and false alarms."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from foldline.metrics.comparison import (
    approximate_randomization,
    compare_predictions,
    detectable_difference,
    holm,
    judge,
    mark_correct,
    mcnemar,
)
from foldline.metrics.intervals import Difference
from foldline.metrics.registry import METRICS, measure

Array = NDArray[Any]


def draw(task: str, n: int, seed: int) -> tuple[Array, Array, Array]:
    """Return targets (n,) or (n, 3), and two predictions that are somewhat right."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        target = rng.normal(size=n)
        return target, target + rng.normal(size=n), target + rng.normal(size=n)
    if task == "multilabel":
        labels = rng.integers(2, size=(n, 3))
        first, second = (0.4 * labels + 0.6 * rng.random((n, 3)) for _ in range(2))
        return labels, first, second
    codes = rng.integers(-1, 3, size=n)
    scores = [np.exp(rng.normal(size=(n, 3)) + (codes[:, None] == np.arange(3))) for _ in range(2)]
    first, second = (score / score.sum(axis=1, keepdims=True) for score in scores)
    return codes, first, second


def enumerate_swaps(task: str, name: str, arrays: tuple[Array, Array, Array], groups: Array):
    """Return the exact p-value: the share of all swaps with a difference as large."""
    target, first, second = arrays

    def difference(swapped: Array) -> float:
        rows = swapped if first.ndim == 1 else swapped[:, None]
        one, other = np.where(rows, second, first), np.where(rows, first, second)
        values = [measure(task, target, own, names=[name])[name] for own in (one, other)]
        return abs(values[0] - values[1])

    every = product([False, True], repeat=int(groups.max()) + 1)
    found = np.array([difference(np.array(signs)[groups]) for signs in every])
    return float((found >= found[0] - 1e-9).mean())


# Three classes without numbers have no second and fourth choice.
UNDEFINED = ("qwk", "top3_accuracy")


@pytest.mark.parametrize(
    ("task", "name"),
    [(task, name) for task, own in METRICS.items() for name in own if name not in UNDEFINED],
)
def test_all_swaps_are_those_of_brute_force(task: str, name: str) -> None:
    groups = np.array([0, 1, 2, 3, 4, 5, 6, 0, 0, 3, 1, 2])
    target, first, second = draw(task, len(groups), seed=len(name))
    if name in ("pearson", "spearman"):  # which see no scale, so neither may the swaps
        first, second = np.argsort(np.argsort(first)), np.argsort(np.argsort(second))
        first, second = first - first.mean(), second - second.mean()
    arrays = (target, first.astype(float), second.astype(float))
    found = approximate_randomization(task, *arrays, groups, 1000, 0, name)

    assert found == pytest.approx(enumerate_swaps(task, name, arrays, groups))


def test_random_swaps_come_close_to_all() -> None:
    groups = np.arange(14)
    arrays = draw("classification", 14, seed=3)
    exact = enumerate_swaps("classification", "log_loss", arrays, groups)

    def swap_predictions(swaps: int, seed: int) -> float:
        return approximate_randomization("classification", *arrays, groups, swaps, seed, "log_loss")

    assert swap_predictions(1 << 14, 0) == pytest.approx(exact)
    assert swap_predictions(4000, 1) == pytest.approx(exact, abs=0.03)
    assert swap_predictions(4000, 1) == swap_predictions(4000, 1) != swap_predictions(4000, 2)


def test_randomization_of_accuracy_is_mcnemar() -> None:
    """The swaps of the discordant rows are the coin tosses of McNemar's test."""
    rng = np.random.default_rng(0)
    target = rng.integers(2, size=60)
    first, second = (np.eye(2)[target ^ (rng.random(60) < share)] for share in (0.05, 0.15))
    p = approximate_randomization(
        "classification", target, first, second, None, 1 << 20, 0, "accuracy"
    )
    rows = [mark_correct("classification", target, own) for own in (first, second)]

    assert 0 < mcnemar(*rows).p < 1
    assert p == pytest.approx(mcnemar(*rows).p)


def test_random_swaps_of_many_equal_rows_come_close_to_mcnemar() -> None:
    """Equal rows are drawn together, by how many of them are swapped."""
    target = np.zeros(400, dtype=int)
    first, second = (np.eye(2)[(np.arange(400) < own).astype(int)] for own in (30, 45))
    second = np.roll(second, 200, axis=0)
    rows = [mark_correct("classification", target, own) for own in (first, second)]

    p = approximate_randomization(
        "classification", target, first, second, None, 4000, 0, "accuracy"
    )
    assert p == pytest.approx(mcnemar(*rows).p, abs=0.02)


@pytest.mark.parametrize(("fewer", "more"), [(0, 0), (0, 1), (3, 3), (2, 9), (40, 71)])
def test_mcnemar_is_the_binomial_test(fewer: int, more: int) -> None:
    first = np.array([True] * fewer + [False] * more + [True, False])
    second = np.array([False] * fewer + [True] * more + [True, False])
    expected = binomtest(fewer, fewer + more).pvalue if more else 1.0

    assert mcnemar(first, second) == (fewer, more, pytest.approx(expected))
    assert mcnemar(second, first) == (more, fewer, pytest.approx(expected))


def test_many_rows_are_swapped_at_random() -> None:
    target = np.zeros(3000, dtype=int)
    first, second = np.eye(2)[np.arange(3000) % 2], np.eye(2)[1 - np.arange(3000) % 2]

    assert approximate_randomization(
        "classification", target, first, second, None, 100, 0, "accuracy"
    ) == pytest.approx(1)


def test_groups_are_swapped_whole() -> None:
    """Four copies of each row are no news: as groups they have the p of the rows alone."""
    target, first, second = draw("classification", 9, seed=1)
    once = approximate_randomization(
        "classification", target, first, second, None, 1000, 0, "f1_macro"
    )
    copies = [np.repeat(values, 4, axis=0) for values in (target, first, second)]
    groups = np.repeat([f"g{i}" for i in range(9)], 4)

    def swap_copies(own: Array | None) -> float:
        return approximate_randomization("classification", *copies, own, 1 << 14, 0, "f1_macro")

    assert swap_copies(groups) == pytest.approx(once)
    assert swap_copies(None) < once


def test_equal_predictions_differ_in_nothing() -> None:
    for task, name in (
        ("classification", "ece"),
        ("multilabel", "f1_macro"),
        ("regression", "mae"),
    ):
        target, first, _ = draw(task, 30, seed=0)
        found = compare_predictions(task, target, first, {"same": first}, None, 100, 0, name)
        assert found["same"] == (0, 0, 0, 1, 1, "not distinguishable", 0)


def test_the_scale_of_predictions_does_not_matter_to_a_correlation() -> None:
    target, first, second = draw("regression", 40, seed=2)

    def randomize(own: Array, name: str) -> float:
        return approximate_randomization("regression", target, first, own, None, 500, 0, name)

    assert randomize(1000 * second + 7, "pearson") == pytest.approx(randomize(second, "pearson"))
    assert randomize(np.exp(second), "spearman") == randomize(second, "spearman")


def test_undefined_metrics_have_no_verdict() -> None:
    target, first, _ = draw("regression", 20, seed=0)
    others = {"constant": np.ones(20), "noise": -first}
    found = compare_predictions("regression", target, first, others, None, 100, 0, "pearson")

    assert found["constant"].verdict is None
    assert np.isnan([found["constant"].p, found["constant"].p_holm]).all()
    assert found["noise"].verdict == "better"
    assert found["noise"].p_holm == found["noise"].p, "what is not tested is not corrected for"


def test_holm_by_hand() -> None:
    # .01 * 4, .02 * 3 = .06, .03 * 2 = .06, .04 * 1 is not below the one before it.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert holm([0.04, float("nan"), 0.5]) == pytest.approx([0.08, np.nan, 0.5], nan_ok=True)
    assert holm([]).tolist() == []


def test_the_verdict() -> None:
    assert judge(0.1, 0.04, 0.95) == "better"
    assert judge(-0.1, 0.05, 0.95) == "worse"
    assert judge(0.1, 0.06, 0.95) == "not distinguishable"
    assert judge(0.1, 0.04, 0.99) == "not distinguishable"
    assert judge(0.0, 0.001, 0.95) == "not distinguishable"
    assert judge(float("nan"), 0.5, 0.95) is None


def test_less_is_better_where_the_metric_is_an_error() -> None:
    target, first, _ = draw("regression", 60, seed=0)
    closer = target + 0.1 * (first - target)
    found = compare_predictions("regression", target, closer, {"far": first}, None, 200, 0, "rmse")

    assert found["far"].difference < 0
    assert found["far"].verdict == "better"


def test_many_comparisons_are_swapped_often_enough_to_be_told() -> None:
    """The smallest p of 100 swaps is .01: corrected for 20 comparisons it would say nothing."""
    target = np.tile([0, 1], 50)
    right, wrong = np.eye(2)[target], np.eye(2)[1 - target]
    others = {f"m{i}": wrong for i in range(20)}
    found = compare_predictions("classification", target, right, others, None, 100, 0, "f1_macro")

    assert {own.verdict for own in found.values()} == {"better"}


def test_the_detectable_difference_is_found_with_its_power() -> None:
    width = 2 * norm.ppf(0.975) * 0.01  # of a standard error of .01
    found = detectable_difference(Difference(0.0, -width / 2, width / 2), 0.95)

    assert found == pytest.approx(0.01 * (1.959964 + 0.841621))
    power = norm.sf(norm.ppf(0.975) - found / 0.01)
    assert power == pytest.approx(0.8)


def test_metrics_of_decisions_are_named() -> None:
    """They do not see how sure a prediction is; all others do."""
    for task in ("classification", "multilabel"):
        target, first, _ = draw(task, 50, seed=4)
        decided = (first >= 0.5).astype(float)
        if task == "classification":
            decided = np.eye(3)[first.argmax(axis=1)]
        one, other = measure(task, target, first), measure(task, target, decided)
        for name, metric in METRICS[task].items():
            if not np.isnan(one[name]):
                assert (one[name] == pytest.approx(other[name])) == metric.of_labels, name


def test_rows_that_are_right() -> None:
    labels = np.array([[1, 0], [1, 1]])
    assert mark_correct("multilabel", labels, [[0.9, 0.1], [0.9, 0.1]]).tolist() == [True, False]
    assert mark_correct("classification", [0, -1], [[0.9, 0.1]] * 2).tolist() == [True, False]
    with pytest.raises(ValueError, match="no rows that are right"):
        mark_correct("regression", [1.0], [1.0])


def simulate(seed: int, n: int, errors: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    """Return targets (.6, .3, .1) and two predictions, each by its errors (3, 3) of a class."""
    rng = np.random.default_rng(seed)
    target = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
    hard = rng.random(n)  # a row that is hard for one is hard for the other
    first, second = (
        np.array(
            [np.searchsorted(np.cumsum(own[t]), u) for t, u in zip(target, uniform, strict=True)]
        )
        for own, uniform in zip(
            errors,
            [np.where(rng.random(n) < 0.7, hard, rng.random(n)) for _ in range(2)],
            strict=True,
        )
    )
    return target, np.eye(3)[first.clip(0, 2)], np.eye(3)[second.clip(0, 2)]


@pytest.mark.slow
def test_false_alarms() -> None:
    """Of 200 pairs of equally good models at most 6 % are called different."""
    errors = np.array([[0.85, 0.1, 0.05], [0.2, 0.75, 0.05], [0.2, 0.2, 0.6]])
    verdicts = []
    for seed in range(200):
        target, first, second = simulate(seed, 240, (errors, errors))
        found = compare_predictions(
            "classification", target, first, {"other": second}, None, 200, seed, "f1_macro"
        )
        verdicts.append(found["other"].verdict)

    assert verdicts.count("not distinguishable") >= 188


@pytest.mark.slow
def test_a_true_difference_is_found() -> None:
    good = np.array([[0.9, 0.07, 0.03], [0.15, 0.82, 0.03], [0.15, 0.1, 0.75]])
    bad = np.array([[0.8, 0.15, 0.05], [0.25, 0.65, 0.1], [0.25, 0.25, 0.5]])
    for seed in range(20):
        target, first, second = simulate(seed, 1000, (good, bad))
        found = compare_predictions(
            "classification", target, first, {"other": second}, None, 200, seed, "f1_macro"
        )
        assert found["other"].verdict == "better"
