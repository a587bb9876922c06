"""Metrics: the contract of them all first, then cases worked out by hand."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk

from foldline.judging.metrics import (
    CLASSIFICATION,
    MAIN,
    METRICS,
    REGRESSION,
    confusion,
    measure,
    per_class,
    prepare,
)

Array = NDArray[Any]
Oracle = Callable[[Array, Array, Array], float]
MEMBERS = [(task, name) for task in METRICS for name in METRICS[task]]
NAN = float("nan")


def rows(task: str, seed: int, n: int = 200, c: int = 3) -> tuple[Array, Array]:
    """Return targets and predictions, rounded so that ties are common."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        truth = rng.normal(size=n).round(1)
        return truth, (truth + rng.normal(size=n)).round(1)
    if task == "multilabel":
        labels = rng.integers(2, size=(n, c))
        return labels, (1 / (1 + np.exp(rng.normal(size=(n, c)) + 1.5 * (1 - 2 * labels)))).round(2)
    target = rng.integers(c, size=n)
    scores = (1.5 * np.eye(c)[target] + rng.normal(size=(n, c))).round(1)
    return target, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def one_vs_rest(score: Callable[..., float]) -> Oracle:
    """Return scikit-learn's ranking metric, the mean over classes that are not empty or all."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        codes = [1] if p.shape[1] == 2 else range(p.shape[1])
        present = [k for k in codes if 0 < (target[weights > 0] == k).mean() < 1]
        return float(np.mean([score(target == k, p[:, k], sample_weight=weights) for k in present]))

    return oracle


def of_labels(score: Callable[..., float], average: str) -> Oracle:
    """Return scikit-learn's metric of labels; weight 0 must not make a class occur."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        keep = weights > 0
        labels, w = (target[keep], p.argmax(axis=1)[keep]), weights[keep]
        return float(score(*labels, average=average, sample_weight=w, zero_division=0))

    return oracle


def ece(target: Array, p: Array, weights: Array) -> float:
    """Return Guo's formula, bin by bin."""
    total, confidence, hit = 0.0, p.max(axis=1), p.argmax(axis=1) == target
    for m in range(1, 16):
        inside = (confidence > (m - 1) / 15) & (confidence <= m / 15) & (weights > 0)
        if inside.any():
            accuracy = np.average(hit[inside], weights=weights[inside])
            mean = np.average(confidence[inside], weights=weights[inside])
            total += weights[inside].sum() * abs(accuracy - mean)
    return float(total / weights.sum())


def of_several(score: Callable[..., float], average: str, empty: int = 0) -> Oracle:
    """Return scikit-learn's metric of labels a row; weight 0 must not make a label occur."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        keep = weights > 0
        true, found, w = target[keep], (p >= 0.5)[keep].astype(int), weights[keep]
        occurs = true.any(axis=0) | found.any(axis=0)
        options = {"average": average, "sample_weight": w, "zero_division": empty}
        return float(score(true[:, occurs], found[:, occurs], **options))

    return oracle


def each_label(score: Callable[..., float]) -> Oracle:
    """Return scikit-learn's metric of each label alone, the mean over those that have both."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        mixed = [k for k in range(p.shape[1]) if 0 < target[weights > 0, k].mean() < 1]
        scores = [score(target[:, k], p[:, k], sample_weight=weights) for k in mixed]
        return float(np.mean(scores))

    return oracle


def decisions(score: Callable[[Array, Array, Array], float]) -> Oracle:
    """Return a metric over each label's yes or no, as two classes."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        flat = p.ravel()
        two = np.column_stack([1 - flat, flat])
        return score(target.ravel(), two, np.repeat(weights, p.shape[1]))

    return oracle


def repeated(score: Callable[[Array, Array], float]) -> Callable[[Array, Array, Array], float]:
    """Return a metric without weights as one that repeats rows."""

    def oracle(target: Array, predicted: Array, weights: Array) -> float:
        counts = weights.astype(int)
        return float(score(np.repeat(target, counts, axis=0), np.repeat(predicted, counts)))

    return oracle


MULTILABEL: dict[str, Oracle] = {
    "accuracy": lambda y, p, w: sk.accuracy_score(y, (p >= 0.5).astype(int), sample_weight=w),
    "precision_macro": of_several(sk.precision_score, "macro"),
    "recall_macro": of_several(sk.recall_score, "macro"),
    "f1_macro": of_several(sk.f1_score, "macro"),
    "f1_micro": of_several(sk.f1_score, "micro"),
    "f1_weighted": of_several(sk.f1_score, "weighted"),
    "f1_samples": of_several(sk.f1_score, "samples", empty=1),
    "hamming": lambda y, p, w: sk.hamming_loss(y, (p >= 0.5).astype(int), sample_weight=w),
    "roc_auc": each_label(sk.roc_auc_score),
    "auprc": each_label(sk.average_precision_score),
    # Yes comes first, as it wins a tie.
    "ece": lambda y, p, w: decisions(ece)(1 - y, 1 - p, w),
    "log_loss": decisions(lambda y, p, w: sk.log_loss(y, p, sample_weight=w, labels=[0, 1])),
    "brier": decisions(lambda y, p, w: float(np.average((y - p[:, 1]) ** 2, weights=w))),
}
ORACLES: dict[str, Oracle] = {
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
    "precision_macro": of_labels(sk.precision_score, "macro"),
    "recall_macro": of_labels(sk.recall_score, "macro"),
    "f1_macro": of_labels(sk.f1_score, "macro"),
    "precision_weighted": of_labels(sk.precision_score, "weighted"),
    "recall_weighted": of_labels(sk.recall_score, "weighted"),
    "f1_weighted": of_labels(sk.f1_score, "weighted"),
    "roc_auc": one_vs_rest(sk.roc_auc_score),
    "auprc": one_vs_rest(sk.average_precision_score),
    "ece": ece,
    "log_loss": lambda y, p, w: sk.log_loss(y, p, sample_weight=w, labels=range(p.shape[1])),
    "brier": lambda y, p, w: sk.brier_score_loss(
        y, p, sample_weight=w, labels=np.arange(p.shape[1])
    ),
    "pearson": repeated(lambda y, p: stats.pearsonr(y, p).statistic),
    "spearman": repeated(lambda y, p: stats.spearmanr(y, p).statistic),
    "rmse": lambda y, p, w: sk.root_mean_squared_error(y, p, sample_weight=w),
    "mae": lambda y, p, w: sk.mean_absolute_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: sk.r2_score(y, p, sample_weight=w),
}


def test_names() -> None:
    assert set(ORACLES) == {name for task, name in MEMBERS if task != "multilabel"}
    assert set(MULTILABEL) == set(METRICS["multilabel"])
    assert all(MAIN[task] in METRICS[task] for task in METRICS)
    for task, name in MEMBERS:
        metric = METRICS[task][name]
        assert (metric.task, metric.name) == (task, name)
        assert metric.greater_is_better == (metric.best > metric.worst)


@pytest.mark.parametrize(("task", "name"), MEMBERS)
def test_perfect_predictions_give_the_best_value(task: str, name: str) -> None:
    target, _ = rows(task, 0)
    perfect = np.eye(3)[target.astype(int)] if task == "classification" else target.astype(float)
    metric = METRICS[task][name]
    assert metric.function(target, perfect) == pytest.approx(metric.best, abs=1e-12)


@pytest.mark.parametrize("c", [2, 3, 7])
@pytest.mark.parametrize("weigh", [False, True])
@pytest.mark.parametrize(("task", "name"), MEMBERS)
def test_agrees_with_the_oracle(task: str, name: str, weigh: bool, c: int) -> None:
    for seed in range(3):
        target, predictions = rows(task, seed, n=60, c=c)
        weights = np.ones(60)
        if weigh:
            weights = np.random.default_rng(seed).poisson(1.0, 60).astype(float)
            # The oracles of correlation repeat rows; all others must take fractions.
            weights *= 1 if name in ("pearson", "spearman") else 0.37
        value = METRICS[task][name].function(target, predictions, weights if weigh else None)
        oracles = MULTILABEL if task == "multilabel" else ORACLES
        expected = oracles[name](target, predictions, weights)
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(1, 4), st.booleans())
def test_weights_are_repetitions(seed: int, n: int, c: int, unknown: bool) -> None:
    counts = np.random.default_rng(seed + 1).integers(4, size=n)
    for task in METRICS:
        target, predictions = rows(task, seed, n, c)
        if unknown and task == "classification":
            target[: n // 3] = -1
        weighted = measure(task, target, predictions, counts)
        repeats = measure(
            task, np.repeat(target, counts, axis=0), np.repeat(predictions, counts, axis=0)
        )
        assert weighted == pytest.approx(repeats, rel=1e-9, abs=1e-12, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25))
def test_the_order_of_rows_is_nothing(seed: int, n: int) -> None:
    order = np.random.default_rng(seed).permutation(n)
    for task in METRICS:
        target, predictions = rows(task, seed, n)
        straight = measure(task, target, predictions)
        shuffled = measure(task, target[order], predictions[order])
        assert shuffled == pytest.approx(straight, rel=1e-9, abs=1e-12, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(1, 4))
def test_values_lie_between_worst_and_best(seed: int, n: int, c: int) -> None:
    for task in METRICS:
        for name, value in measure(task, *rows(task, seed, n, c)).items():
            ends = METRICS[task][name].best, METRICS[task][name].worst
            assert np.isnan(value) or min(ends) <= value <= max(ends)


UNDEFINED: dict[str, tuple[list[int], Array, list[float] | None]] = {
    "no rows": ([], np.zeros((0, 3)), []),
    "no weight": ([0, 1], np.eye(3)[:2], [0, 0]),
    "one row": ([1], np.full((1, 3), 1 / 3), None),
    "one class": ([1, 1, 1], np.full((3, 3), 1 / 3), None),
    "one class with weight": ([0, 1, 1], np.full((3, 3), 1 / 3), [0, 1, 2.5]),
    "unknown labels alone": ([-1, -1], np.full((2, 3), 1 / 3), None),
    "not finite": ([0, 1], np.array([[NAN, 0, 0], [0, np.inf, 0]]), None),
    "huge": ([0, 1], np.full((2, 3), 1e300), [1e-300, 1e-300]),
}


@pytest.mark.parametrize("case", UNDEFINED)
@pytest.mark.parametrize(("task", "name"), MEMBERS)
def test_what_is_not_defined_is_nan_without_a_warning(task: str, name: str, case: str) -> None:
    codes, predictions, weights = UNDEFINED[case]
    target: Any = codes
    if task == "multilabel":
        target = np.array([np.arange(3) == code for code in codes], dtype=int).reshape(-1, 3)
    if task == "regression":
        predictions = predictions[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = METRICS[task][name].function(target, predictions, weights)
    assert type(value) is float
    if case in ("no rows", "no weight", "not finite"):
        assert np.isnan(value)
    if name in ("roc_auc", "auprc", "pearson", "spearman") and case != "huge":
        assert np.isnan(value)


def test_a_row_without_weight_may_be_broken() -> None:
    for task in METRICS:
        target, predictions = rows(task, 0)
        sound = measure(task, target[1:], predictions[1:])
        predictions[0] = NAN
        assert measure(task, target, predictions, np.arange(200) > 0) == pytest.approx(sound)
        assert all(np.isnan(list(measure(task, target, predictions).values())))


def test_prepared_once_is_the_same() -> None:
    for task in METRICS:
        target, predictions = rows(task, 5)
        measuring = prepare(task, target, predictions)
        for weights in np.random.default_rng(0).poisson(1.0, (3, 200)).astype(float):
            assert measuring(weights) == measure(task, target, predictions, weights)


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        ("ranking", ([0], [[1.0]]), "unknown task 'ranking'; allowed: classification, multilabel"),
        ("regression", ([0.5], [0.5], None, ["f1"]), "no metric .*f1.*allowed: pearson, spearman"),
        ("regression", ([0.5], [[0.5]]), "do not fit"),
        ("classification", ([0, 1], [[1.0, 0.0]]), "do not fit"),
        ("multilabel", ([0, 1], [[1.0, 0.0]]), "do not fit"),
        ("multilabel", ([[0, 2]], [[1.0, 0.0]]), "allowed: 0 and 1"),
        ("classification", ([2], [[1.0, 0.0]]), r"target: codes \[2, 2\]; allowed: -1 to 1"),
        ("classification", ([0.5], [[1.0, 0.0]]), "whole numbers"),
        ("classification", ([0], [[1.0, 0.0]], [-1.0]), "none below 0"),
        ("classification", ([0], [[1.0, 0.0]], None, None, [-1]), "predicted: codes"),
    ],
)
def test_messages(task: str, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(task, *arguments)  # type: ignore[arg-type]


def test_starts_fast() -> None:
    code = "import sys, foldline.judging.intervals; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sklearn", "scipy", "pandas", "torch"} & set(done.stdout.split())


# By hand.

TARGET = [0, 0, 0, 1, 1, -1]
SCORES = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.4, 0.6], [0.8, 0.2], [0.2, 0.8]])


def test_unknown_labels_by_hand() -> None:
    values = measure("classification", TARGET, SCORES)
    # Predicted 0 0 1 1 0 1: three hits of six; class 0 has 2 of 3 and 2 of 3, class 1 has
    # precision 1 of 3 and recall 1 of 2.
    assert values["accuracy"] == values["recall_weighted"] == 0.5
    assert values["precision_macro"] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert values["recall_macro"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert values["f1_macro"] == pytest.approx((4 / 6 + 2 / 5) / 2)
    assert values["f1_weighted"] == pytest.approx((3 * 4 / 6 + 2 * 2 / 5) / 6)
    # Ranked 0.8 (unknown), 0.6 (one of each), 0.3, 0.2 (positive), 0.1.
    assert values["roc_auc"] == pytest.approx((2.5 + 1) / 8)
    assert values["auprc"] == pytest.approx((1 / 3 + 2 / 5) / 2)
    likelihood = [0.9, 0.7, 0.4, 0.6, 0.2, np.finfo(float).eps]
    assert values["log_loss"] == pytest.approx(-np.log(likelihood).mean())
    losses = [0.01, 0.09, 0.36, 0.16, 0.64, (0.04 + 0.64 + 1) / 2]
    assert values["brier"] == pytest.approx(np.mean(losses))


def test_unknown_labels_are_as_a_class_that_is_never_predicted() -> None:
    target, p = rows("classification", 3, c=4)
    target[:50] = -1
    values = measure("classification", target, p)
    assert values["f1_weighted"] == pytest.approx(
        sk.f1_score(target, p.argmax(axis=1), average="weighted", zero_division=0)
    )
    assert values["f1_macro"] == pytest.approx(
        sk.f1_score(target, p.argmax(axis=1), average="macro", labels=range(4))
    )
    more = np.column_stack([p, np.zeros(200)])
    as_class = np.where(target < 0, 4, target)
    assert values["brier"] == pytest.approx(
        sk.brier_score_loss(as_class, more, labels=np.arange(5))
    )


def test_several_labels_a_row_by_hand() -> None:
    target = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]])
    p = np.array([[0.9, 0.2, 0.1], [0.8, 0.4, 0.1], [0.1, 0.1, 0.1], [0.6, 0.5, 0.1]])
    found = measure("multilabel", target, p)
    assert found["accuracy"] == 0.5  # rows one and three
    assert found["hamming"] == pytest.approx(2 / 12)
    # Label one: 2 hits of 2, 3 predicted; label two: 1 of 2, 1 predicted; label three: nothing.
    assert found["f1_macro"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found["f1_micro"] == pytest.approx(2 * 3 / (4 + 4))
    assert found["f1_samples"] == pytest.approx((1 + 2 / 3 + 1 + 2 / 3) / 4)
    table = per_class(target, p, ["a", "b", "c"])
    assert [(row["class"], row["support"]) for row in table] == [("a", 2), ("b", 2), ("c", 0)]
    assert table[0]["precision"] == pytest.approx(2 / 3)


def test_a_class_that_does_not_occur_is_not_in_the_mean() -> None:
    assert CLASSIFICATION["f1_macro"].function([0, 0], [[0.9, 0.1, 0], [0.8, 0.2, 0]]) == 1
    # Class 1 is predicted once, and so it occurs.
    half = CLASSIFICATION["f1_macro"].function([0, 0], [[0.9, 0.1, 0], [0.2, 0.8, 0]])
    assert half == pytest.approx((2 / 3 + 0) / 2)


def test_labels_may_be_chosen_otherwise() -> None:
    usual = measure("classification", TARGET, SCORES)
    chosen = measure("classification", TARGET, SCORES, predicted=[0, 0, 0, 1, 1, 0])
    assert chosen["accuracy"] == pytest.approx(5 / 6)
    for name in ("roc_auc", "auprc", "ece", "log_loss", "brier"):
        assert chosen[name] == usual[name]


def test_ece_by_hand() -> None:
    # 0.8 is the upper edge of the bin (11/15, 12/15]: two rows there, one hit; 0.9 has its own.
    target, p = [0, 1, 0], [[0.8, 0.2], [0.75, 0.25], [0.9, 0.1]]
    expected = (2 * abs(0.5 - 0.775) + abs(1 - 0.9)) / 3
    assert CLASSIFICATION["ece"].function(target, p) == pytest.approx(expected)


def test_confusion_and_scores_by_class() -> None:
    predicted = SCORES.argmax(axis=1)
    assert confusion(TARGET, predicted, 2).tolist() == [[2, 1], [1, 1], [0, 1]]
    lines = per_class(TARGET, SCORES, ["no", "yes"])
    assert lines == per_class(TARGET, predicted, ["no", "yes"])
    assert lines[1] == {
        "class": "yes",
        "support": 2,
        "precision": pytest.approx(1 / 3),
        "recall": pytest.approx(1 / 2),
        "f1": pytest.approx(2 / 5),
    }
    assert per_class([], [], ["no"])[0]["f1"] == 0


def test_correlations_by_hand() -> None:
    # Two copies of the 2 share ranks 2 and 3.
    value = REGRESSION["spearman"].function([1, 2, 3], [5, 1, 9], [1, 2, 1])
    assert value == pytest.approx(np.corrcoef([1, 2.5, 2.5, 4], [3, 1.5, 1.5, 4])[0, 1])
    assert REGRESSION["pearson"].function([0, 1, 2], [0, -1, -2]) == pytest.approx(-1)
    assert REGRESSION["r2"].function([0, 2], [1, 1]) == 0
    assert np.isnan(REGRESSION["r2"].function([2, 2], [1, 1]))


@pytest.mark.parametrize("scale", [1e-200, 1e200, 1e307])
def test_correlation_does_not_depend_on_the_scale(scale: float) -> None:
    target, predicted = rows("regression", 1)
    value = REGRESSION["pearson"].function(target * scale, predicted * scale)
    assert value == pytest.approx(REGRESSION["pearson"].function(target, predicted), rel=1e-9)
    # The mean of many 0.1 is not 0.1: a constant must not be taken for a tiny variance.
    assert np.isnan(REGRESSION["pearson"].function(target, np.full(200, 0.1) * scale))
