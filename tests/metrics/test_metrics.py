"""Metrics: the contract of them all."""

import subprocess
import sys
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.metrics.registry import METRICS, measure, prepare_metrics
from foldline.testing import metrics as contract
from tests.helpers.metric_cases import MEMBERS, Array, rows

NAN = float("nan")


@pytest.mark.parametrize(("task", "name"), MEMBERS)
def test_perfect_predictions_give_the_best_value(task: str, name: str) -> None:
    metric = METRICS[task][name]
    target, _ = rows(task, 0, c=4)
    perfect = np.eye(4)[target.astype(int)] if task == "classification" else target.astype(float)
    value = metric.function(target, perfect, classes=["1", "2", "3", "4"])
    assert value == pytest.approx(metric.best, abs=1e-12)
    if name not in ("qwk", "top3_accuracy"):  # undefined for three classes without numbers
        contract.check_best_value(
            partial(measure, task, names=[name]), task, {name: (metric.best, metric.worst)}
        )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(1, 4), st.booleans())
def test_weights_are_repetitions(seed: int, n: int, c: int, unknown: bool) -> None:
    counts = np.random.default_rng(seed + 1).integers(4, size=n)
    for task in METRICS:
        target, predictions = rows(task, seed, n, c)
        measuring = partial(measure, task, classes=[str(code) for code in range(c)])
        if unknown and task == "classification":
            target[: n // 3] = -1
        contract.check_repetitions(measuring, target, predictions, counts)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25))
def test_the_order_of_rows_is_nothing(seed: int, n: int) -> None:
    order = np.random.default_rng(seed).permutation(n)
    for task in METRICS:
        target, predictions = rows(task, seed, n)
        contract.check_row_order(partial(measure, task), target, predictions, order)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(1, 4))
def test_values_lie_between_worst_and_best(seed: int, n: int, c: int) -> None:
    for task in METRICS:
        ends = {name: (metric.best, metric.worst) for name, metric in METRICS[task].items()}
        measuring = partial(measure, task, classes=[str(code) for code in range(c)])
        contract.check_range(measuring, *rows(task, seed, n, c), ends)
        for name, value in measuring(*rows(task, seed, n, c)).items():
            assert np.isnan(value) or min(ends[name]) <= value <= max(ends[name])


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
        found = measure(task, target, predictions, np.arange(200) > 0)
        assert found == pytest.approx(sound, nan_ok=True)
        assert all(np.isnan(list(measure(task, target, predictions).values())))


def test_prepared_once_is_the_same() -> None:
    for task in METRICS:
        target, predictions = rows(task, 5, c=4)
        classes = ["1", "2", "3", "4"]
        measuring = prepare_metrics(task, target, predictions, classes=classes)
        for weights in np.random.default_rng(0).poisson(1.0, (3, 200)).astype(float):
            direct = measure(task, target, predictions, weights, classes=classes)
            assert measuring(weights) == direct
            many = measuring.select(batched=True).compute_many(np.stack([weights] * 2, axis=1))
            for name, values in many.items():
                assert values == pytest.approx([direct[name]] * 2, rel=1e-12)


@pytest.mark.parametrize(
    "target",
    [
        [1.0, 1.0, 1.0, 2.0, 0.0, 0.1],
        [1.0, 1.0, 1.0, 1.0 + 1e-9, 1e9, -5.0],  # without the outlier there is hardly a variance
        [1e200, -1e200, 0.0, 1e-200, 3.0, 3.0],
        [7.1, 7.1, 7.1, 7.1, 7.1, 7.1],
    ],
)
def test_regressors_under_many_weightings_are_measured_as_under_each(target: list[float]) -> None:
    predictions = [0.5, 1.5, 1.2, 2.5, 0.1, 0.2]
    weights = np.random.default_rng(0).multinomial(6, np.full(6, 1 / 6), size=300).astype(float)
    measuring = prepare_metrics("regression", target, predictions)
    many = measuring.compute_many(np.ascontiguousarray(weights.T))
    for k, row in enumerate(weights):
        found = {name: values[k] for name, values in many.items()}
        assert found == pytest.approx(measuring(row), rel=1e-6, abs=1e-9, nan_ok=True), row


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        ("ranking", ([0], [[1.0]]), "unknown task 'ranking'; allowed: classification, multilabel"),
        ("regression", ([0.5], [0.5], None, ["f1"]), "no metric .*f1.*allowed: pearson, spearman"),
        ("regression", ([0.5], [[0.5]]), "do not match"),
        ("classification", ([0, 1], [[1.0, 0.0]]), "do not match"),
        ("multilabel", ([0, 1], [[1.0, 0.0]]), "do not match"),
        ("multilabel", ([[0, 2]], [[1.0, 0.0]]), "allowed: 0 and 1"),
        ("classification", ([2], [[1.0, 0.0]]), r"target: codes \[2, 2\]; allowed: -1 to 1"),
        ("classification", ([0.5], [[1.0, 0.0]]), "whole numbers"),
        ("classification", ([0], [[1.0, 0.0]], [-1.0]), "none below 0"),
        ("classification", ([0], [[1.0, 0.0]], None, None, [-1]), "predicted: codes"),
        ("classification", ([0], [[1.0, 0.0]], None, None, None, ["a"]), "classes: 1; allowed: 2"),
    ],
)
def test_messages(task: str, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(task, *arguments)  # type: ignore[arg-type]


def test_starts_fast() -> None:
    code = "import sys, foldline.metrics.intervals; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sklearn", "scipy", "pandas", "torch"} & set(done.stdout.split())
