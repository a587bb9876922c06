"""Every metric that is undefined has a reason in words."""

from typing import Any

import numpy as np
import pytest

from foldline.metrics.registry import METRICS, measure
from foldline.metrics.undefined import explain_undefined

EVEN = np.full((3, 3), 1 / 3)
FOUR = np.eye(4)[[0, 1, 2]]
LABELS = np.array([[1, 0], [0, 1]])
CASES: dict[str, tuple[str, Any, Any, tuple[str, ...] | None, dict[str, str]]] = {
    "no rows": ("classification", [], np.zeros((0, 3)), None, {"f1_macro": "no rows"}),
    "one class": (
        "classification", [1, 1, 1], EVEN, ("1", "2", "x"),
        {
            "roc_auc": "only one class among the rows",
            "mcc": "only one class among the rows",
            "qwk": "the classes are not numbers",
            "top3_accuracy": "needs more than 3 classes, and there are 3",
        },
    ),
    "one predicted": (
        "classification", [0, 1, 2], EVEN, ("1", "2", "3"), {"mcc": "only one class is predicted"}
    ),
    "one number": (
        "classification", [0, 0, 0], EVEN, ("1", "2", "3"),
        {"qwk": "only one class among the rows"},
    ),
    "an unknown label": (
        "classification", [0, 1, -1], FOUR, ("1", "2", "3", "4"),
        {"qwk": "1 rows have a label that the model does not know"},
    ),
    "unknown labels": (
        "classification", [-1, -1, -1], FOUR, None,
        {
            "auprc": "no row has a label that the model knows",
            "balanced_accuracy": "no row has a label that the model knows",
        },
    ),
    "not finite": (
        "classification", [0, 1], [[np.nan, 1], [0, 1]], None,
        {"accuracy": "1 of 2 rows have a prediction or target that is not finite"},
    ),
    "no label": (
        "multilabel", LABELS * 0, LABELS * 0.1, None,
        {
            "f1_macro": "no row has a label, and none is predicted",
            "f1_weighted": "no row has a label",
            "auprc": "no row has a label",
        },
    ),
    "all labels": (
        "multilabel", LABELS * 0 + 1, LABELS * 0.9, None,
        {"roc_auc": "no label has both rows with it and rows without it"},
    ),
    "equal targets": (
        "regression", [2, 2, 2], [1, 2, 3], None,
        {"pearson": "all targets are equal", "r2": "all targets are equal"},
    ),
    "equal predictions": (
        "regression", [0, 2, 3], [1, 1, 1], None,
        {"spearman": "all predictions are equal", "mape": "1 targets are 0"},
    ),
    "one row": ("regression", [1], [1], None, {"pearson": "only one row"}),
    "huge numbers": (
        "regression", [1e300, -1e300], [0, 1], None, {"r2": "the numbers are too large"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("error")
def test_reasons(case: str) -> None:
    task, target, predictions, classes, expected = CASES[case]
    reasons = explain_undefined(task, np.array(target), predictions, classes=classes)
    assert expected.items() <= reasons.items()
    values = measure(task, np.array(target), predictions, classes=classes)
    assert set(reasons) == {name for name, value in values.items() if np.isnan(value)}


def test_defined_metrics_have_no_reason() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(4, size=50)
    assert not explain_undefined(
        "classification", target, rng.dirichlet(np.ones(4), 50), classes=list("1234")
    )
    assert not explain_undefined("multilabel", rng.integers(2, size=(50, 3)), rng.random((50, 3)))
    assert not explain_undefined("regression", rng.random(50) + 1, rng.random(50))
    assert set(METRICS["regression"]) == set(measure("regression", [1.0, 2.0], [1.0, 3.0]))
