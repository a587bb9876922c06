"""Linear heads of TF-IDF: what each is, and that scores become honest probabilities."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import expit

from foldline.core.io.labels import Labels
from foldline.models import linear_heads
from foldline.models.one_vs_rest import LinearModel, one_vs_rest_targets
from foldline.models.platt import calibration_folds, fit_calibrated, fit_sigmoid

CLASSES = Labels("classification", ("a", "b", "c"))
SEVERAL = Labels("multilabel", ("a", "b", "c"))
HEADS = ("logistic", "svm", "nbsvm", "complement_nb", "ridge")


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_every_head_learns_and_is_kept(head, pairs, fit, rows, labels, tmp_path):
    from foldline.models import registry

    table = rows("classification", pairs)
    found = fit(
        "tfidf", table.iloc[:28], table.iloc[:0], "classification", dotted={"tfidf.head": head}
    )
    held = table.iloc[28:]
    predictions = found.model.predict(held)
    target = labels("classification").encode(held["label"])

    assert predictions.sum(axis=1) == pytest.approx(np.ones(12))
    assert (predictions.argmax(axis=1) == target).mean() > (0.6 if pairs else 0.8)
    registry.save(found.model, "tfidf", labels("classification"), tmp_path / "m")
    np.testing.assert_array_equal(registry.load(tmp_path / "m").predict(held), predictions)


@pytest.mark.parametrize("head", HEADS)
def test_soft_labels_pull_a_head_to_their_side(head, fit, rows, labels):
    """A text that most people call food, and some sport, is likelier sport than by food alone."""
    table = rows().iloc[:30]
    names = labels("classification").columns
    hard = np.eye(3)[labels("classification").encode(table["label"])]
    mixed = np.where(hard[:, :1] == 1, [[0.55, 0.45, 0.0]], hard)
    told = [table.assign(**dict(zip(names, part.T, strict=True))) for part in (hard, mixed)]
    how = {"tfidf.head": head, "tfidf.class_weights": "none"}
    sure, unsure = (
        fit("tfidf", part, part.iloc[:0], "classification", dotted=how).model.predict(table)
        for part in told
    )
    food = hard[:, 0] == 1

    assert unsure[food, 1].mean() > sure[food, 1].mean() + 0.05


def test_complement_naive_bayes_orders_classes_as_scikit_learn_does():
    from sklearn.naive_bayes import ComplementNB

    rng = np.random.default_rng(0)
    features, codes = sparse.csr_matrix(rng.random((60, 9)) ** 3), np.arange(60) % 3
    own = linear_heads.fit_complement_nb(features, np.eye(3)[codes].astype(bool), None, 9)
    theirs = ComplementNB(alpha=1.0).fit(features, codes).predict_joint_log_proba(features)
    scores = features @ own.weights.T

    np.testing.assert_allclose(
        scores - scores.mean(axis=1, keepdims=True), theirs - theirs.mean(axis=1, keepdims=True)
    )


def test_log_count_ratios_by_hand():
    """Wang and Manning: r = log((p / |p|) / (q / |q|)), p and q the counts plus 1 of each side."""
    features = sparse.csr_matrix([[2.0, 0.0, -5.0], [1.0, 1.0, 7.0], [0.0, 3.0, 1.0]])
    ratio, bias = linear_heads._fit_naive_bayes(2, features, np.array([1, 1, 0]), None)
    p, q = np.array([4.0, 2.0]) / 6, np.array([1.0, 4.0]) / 5

    assert ratio == pytest.approx([*np.log(p / q), 0.0])  # what may be negative is no count
    assert bias == 0.0


def test_platt_finds_the_sigmoid_that_made_the_classes():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=20_000)
    holds = rng.random(20_000) < expit(1.7 * scores - 0.8)
    slope, shift = fit_sigmoid(scores, holds, np.ones(20_000))

    assert slope == pytest.approx(1.7, abs=0.1)
    assert shift == pytest.approx(-0.8, abs=0.1)
    # A row that weighs twice is a row that stands twice.
    twice = fit_sigmoid(np.tile(scores[:50], 2), np.tile(holds[:50], 2), np.full(100, 0.5))
    weighed = fit_sigmoid(scores[:50], holds[:50], np.ones(50))
    assert twice == pytest.approx(weighed, abs=1e-4)


def test_calibration_sees_no_row_with_its_group():
    """A model that knows its rows by heart is sure of them, but not out of fold."""
    rng = np.random.default_rng(2)
    noise = rng.random((200, 400))
    holds = (rng.random(200) < 0.5)[:, None]
    groups = np.arange(200) % 5

    def by_heart(features, wanted, shares):
        weights = np.linalg.lstsq(features, 20.0 * wanted[:, 0] - 10, rcond=None)[0]
        return LinearModel(weights[None], np.zeros(1), np.arange(1))

    def weigh(column, shares):
        return np.ones(len(column))

    sure = by_heart(noise, holds, None)
    modest = fit_calibrated(by_heart, noise, holds, None, groups, weigh)
    one = fit_calibrated(by_heart, noise, holds, None, np.zeros(200), weigh)

    assert np.abs(noise @ sure.weights[0]).min() > 9
    assert np.abs(noise @ modest.weights[0] + modest.bias).max() < 2
    np.testing.assert_array_equal(one.weights, sure.weights)  # one fold calibrates nothing


def test_copies_and_groups_are_dealt_together_whatever_the_order(rows):
    table = rows(n=40).assign(group=[f"g{i // 2}" for i in range(40)])
    copies = table.iloc[:5].assign(id="copy", text="changed")
    whole = pd.concat([table, copies], ignore_index=True)
    folds = calibration_folds(whole, "classification", seed=3)
    turned = calibration_folds(whole.iloc[::-1], "classification", seed=3)[::-1]

    np.testing.assert_array_equal(folds, turned)
    assert pd.Series(folds).groupby(whole["group"]).nunique().max() == 1
    assert sorted(np.unique(folds)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("head", HEADS)
def test_several_labels_at_once_are_independent(head, recipe, rows):
    """Columns 0 and 1 hang on features, 2 is never held: no row's probabilities sum to 1."""
    rng = np.random.default_rng(4)
    features = sparse.csr_matrix(rng.random((60, 5)))
    wanted = np.column_stack(
        [
            features[:, [0]].toarray()[:, 0] > 0.5,
            features[:, [1]].toarray()[:, 0] > 0.5,
            np.zeros(60),
        ]
    )
    made = recipe({"tfidf.head": head, "tfidf.c": 100.0, "tfidf.svm_c": 100.0, "tfidf.alpha": 1e-3})
    fitted = linear_heads.fit_head(
        made, features, one_vs_rest_targets(wanted.astype(int), SEVERAL), rows(n=60), 5
    )
    found = fitted.predict(features, SEVERAL)

    assert found.shape == (60, 3)
    assert (found[:, 2] == 0).all()
    assert ((found[:, :2] > 0.5) == wanted[:, :2]).mean() > 0.85
    assert found.sum(axis=1).max() > 1.3


def test_one_class_alone_and_of_two_the_second():
    single = one_vs_rest_targets(np.array([1, 1]), CLASSES)
    double = one_vs_rest_targets(np.array([2, 0, 2]), CLASSES)

    assert single.indicators.shape == (2, 0)
    assert (
        LinearModel(np.zeros((0, 4)), np.zeros(0), single.codes)
        .predict(np.ones((2, 4)), CLASSES)
        .tolist()
        == [[0, 1, 0]] * 2
    )
    assert double.indicators.tolist() == [[True], [False], [True]]
    found = LinearModel(np.array([[1.0]]), np.zeros(1), double.codes).predict(
        np.array([[0.0]]), CLASSES
    )
    assert found.tolist() == [[0.5, 0.0, 0.5]]
