"""Metrics: cases worked out by hand, and of labels that are unknown."""

import numpy as np
import pytest
from sklearn import metrics as sk

from foldline.metrics.registry import (
    CLASSIFICATION,
    REGRESSION,
    confusion_matrix,
    measure,
    score_classes,
)
from tests.helpers.metric_cases import rows

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
    table = score_classes(target, p, ["a", "b", "c"])
    assert [(row["class"], row["support"]) for row in table] == [("a", 2), ("b", 2), ("c", 0)]
    assert table[0]["precision"] == pytest.approx(2 / 3)


def test_correlations_of_classes_by_hand() -> None:
    values = measure("classification", TARGET, SCORES, classes=["1", "3"])
    # The unknown label is a third class: shares 3 2 1 in the target, 3 3 0 in the predictions.
    spread = np.sqrt((1 - (9 + 4 + 1) / 36) * (1 - 18 / 36))
    assert values["mcc"] == pytest.approx((3 / 6 - (9 + 6) / 36) / spread)
    assert values["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert np.isnan(values["qwk"])
    # Ratings 1, 2 and 5 are as far apart as the numbers: errors of 1 and 9, by chance of 26 / 4.
    ratings = measure("classification", [0, 1, 2, 1], np.eye(3)[[1, 1, 1, 1]], classes=list("125"))
    assert ratings["qwk"] == pytest.approx(1 - (1 + 9) / (1 + 9))
    ratings = measure("classification", [0, 1, 2, 1], np.eye(3)[[0, 1, 1, 1]], classes=list("125"))
    # Expected: targets 1 2 5 2 against predictions 1 2 2 2.
    chance = np.mean([(t - p) ** 2 for t in (1, 2, 5, 2) for p in (1, 2, 2, 2)])
    assert ratings["qwk"] == pytest.approx(1 - 9 / 4 / chance)


def test_top3_accuracy_by_hand() -> None:
    p = np.array([[0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25]])
    assert CLASSIFICATION["top3_accuracy"].function([3, 2], p) == 0.5  # the first of equals count
    assert CLASSIFICATION["top3_accuracy"].function([2, -1], p) == 0.5
    assert np.isnan(CLASSIFICATION["top3_accuracy"].function([0, 1], p[:, :3]))


def test_mape_by_hand() -> None:
    assert REGRESSION["mape"].function([2, -4], [1, -5]) == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert np.isnan(REGRESSION["mape"].function([0, 1], [0, 1]))
    assert REGRESSION["mape"].function([0, 1], [5, 2], [0, 1]) == 1


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
    assert confusion_matrix(TARGET, predicted, 2).tolist() == [[2, 1], [1, 1], [0, 1]]
    lines = score_classes(TARGET, SCORES, ["no", "yes"])
    assert lines == score_classes(TARGET, predicted, ["no", "yes"])
    assert lines[1] == {
        "class": "yes",
        "support": 2,
        "precision": pytest.approx(1 / 3),
        "recall": pytest.approx(1 / 2),
        "f1": pytest.approx(2 / 5),
    }
    assert score_classes([], [], ["no"])[0]["f1"] == 0


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
