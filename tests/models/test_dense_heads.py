"""Heads over dense features: linear, nearest neighbours, a network; of every task."""

import numpy as np
import pytest

from foldline.core.io.labels import Labels
from foldline.core.params import DenseHead
from foldline.models import dense_heads
from foldline.models.pair_features import combine_pairs
from foldline.models.scaling import balance_classes, softmax

TASKS = {
    "two": Labels("classification", ("a", "b")),
    "three": Labels("classification", ("a", "b", "c")),
    "several": Labels("multilabel", ("a", "b", "c")),
    "numbers": Labels("regression"),
}
HEADS = ("linear", "knn", "mlp")


def make_options(head: str, **how) -> DenseHead:
    given = {"c": 1000.0, "alpha": 1e-3, "class_weights": "none", "neighbours": 3, "hidden": 32}
    return DenseHead.model_validate(
        {"head": head, "epochs": 400, "weight_decay": 0.0} | given | how
    )


def make_points(task: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(120, 4)) * [1.0, 30.0, 0.01, 1.0] + [0, 5, 0, 0]
    scaled = (features - [0, 5, 0, 0]) / [1.0, 30.0, 0.01, 1.0]
    if task == "numbers":
        return features, 3 + 2 * scaled[:, 0] - scaled[:, 2]
    if task == "several":
        return features, (scaled[:, :3] > 0).astype(np.int64)
    return features, scaled[:, : len(TASKS[task].classes)].argmax(axis=1)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_a_head_learns_and_is_kept(head, task):
    features, target = make_points(task)
    labels = TASKS[task]
    fitted = dense_heads.fit_head(make_options(head), features, target, labels, None, seed=1)
    found = fitted.predict(features, labels)

    if task == "numbers":
        assert np.corrcoef(found, target)[0, 1] > 0.98
    elif task == "several":
        assert ((found > 0.5) == target).mean() > 0.95
        assert found.sum(axis=1).max() > 1.5
    else:
        assert found.sum(axis=1) == pytest.approx(np.ones(120))
        assert (found.argmax(axis=1) == target).mean() > 0.95
    again = dense_heads.restore_head(fitted.arrays()).predict(features, labels)
    np.testing.assert_array_equal(again, found)


def test_neighbours_vote_by_how_near_they_are():
    rows = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]])
    labels = TASKS["three"]
    fitted = dense_heads.fit_head(
        make_options("knn"), rows, np.array([0, 1, 1, 2]), labels, None, seed=1
    )
    found = fitted.predict(np.array([[2.0, 0.0]]), labels)
    numbers = dense_heads.fit_head(
        make_options("knn"), rows, np.array([1.0, 2.0, 9.0, 9.0]), TASKS["numbers"], None, 1
    )

    # cosines 1, .8 and 0 of the three nearest
    assert found[0] == pytest.approx([1 / 1.8, 0.8 / 1.8, 0.0], abs=1e-5)
    assert numbers.predict(np.array([[2.0, 0.0]]), TASKS["numbers"]) == pytest.approx(
        [(1 + 0.8 * 2) / 1.8], abs=1e-4
    )
    shares = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    heavy = np.array([1.0, 3.0, 1.0, 1.0])
    weighed = dense_heads.fit_head(
        make_options("knn"), rows, np.array([0, 1, 1, 2]), labels, heavy, seed=1
    )
    assert weighed.predict(np.array([[2.0, 0.0]]), labels)[0, 0] == pytest.approx(1 / 3.4, abs=1e-5)
    soft = dense_heads.fit_head(make_options("knn"), rows, shares, labels, None, seed=1)
    assert soft.predict(np.array([[2.0, 0.0]]), labels)[0, 0] == pytest.approx(0.5 / 1.8, abs=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_soft_labels_are_learnt(head):
    """Rows that say nothing, with shares of 3 to 1: so must the probabilities be."""
    features = np.random.default_rng(6).normal(size=(200, 3))
    shares = np.tile([0.75, 0.25, 0.0], (200, 1))
    how = make_options(head, c=1e-3, epochs=500, neighbours=200, hidden=2)
    found = dense_heads.fit_head(how, features, shares, TASKS["three"], None, 1).predict(
        features, TASKS["three"]
    )

    assert found.mean(axis=0) == pytest.approx([0.75, 0.25, 0.0], abs=0.06)


def test_balanced_classes_weigh_the_same():
    weights = balance_classes("balanced", np.array([0, 0, 0, 2]), None)
    assert weights == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    shares = balance_classes("balanced", np.array([0, 1]), np.array([0.2, 0.8]))
    assert shares == pytest.approx([0.5, 0.5])
    assert balance_classes("none", np.array([0, 1]), None) is None


def test_features_of_pairs_by_hand():
    found = combine_pairs(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]]))
    assert found[0] == pytest.approx([3, 4, 4, 3, 1, 1, 12, 12, 24 / 25])
    assert softmax(np.array([[1000.0, 1000.0]])).tolist() == [[0.5, 0.5]]
