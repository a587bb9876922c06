"""Split conformal prediction: quantiles by hand, coverage by simulation, equality with crepes."""

import numpy as np
import pytest

from foldline.metrics.conformal import (
    conformal_quantile,
    cover_classes,
    fit_class_quantiles,
    fit_interval,
    predict_sets,
)


def test_quantile_by_hand():
    assert conformal_quantile(np.arange(1, 10), 0.9) == 9  # the ninth of nine
    assert conformal_quantile(np.arange(1, 20), 0.9) == 18
    assert conformal_quantile(np.arange(1, 9), 0.9) == np.inf  # too few
    assert conformal_quantile([], 0.5) == np.inf


def test_sets_by_hand():
    known = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    target = np.array([0, 1, 1])  # scores 0.1, 0.4, 0.7
    quantiles = fit_class_quantiles(known, target, 0.5)

    assert quantiles == pytest.approx([0.4, 0.4])
    new = np.array([[0.55, 0.45], [0.35, 0.65], [0.62, 0.38]])
    sets = predict_sets(new, quantiles)
    assert sets.tolist() == [[False, False], [False, True], [True, False]]
    assert cover_classes(sets, np.array([0, 1, -1])).tolist() == [False, True, False]
    by_class = fit_class_quantiles(known, target, 0.5, by_class=True)
    assert by_class == pytest.approx([0.1, 0.7])


def test_a_class_with_too_few_rows_is_in_every_set():
    known, target = np.array([[0.9, 0.1]] * 30), np.array([0] * 29 + [1])
    quantiles = fit_class_quantiles(known, target, 0.9, by_class=True)

    assert quantiles[0] == pytest.approx(0.1)
    assert predict_sets(np.array([[1.0, 0.0]]), quantiles).tolist() == [[True, True]]


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities that are wrong, and rare classes."""
    target = rng.choice(3, size=n, p=[0.8, 0.15, 0.05])
    logits = rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[target] + [1.0, 0.0, 0.0]
    powers = np.exp(2 * logits)
    return powers / powers.sum(axis=1, keepdims=True), target


@pytest.mark.parametrize("by_class", [False, True])
def test_sets_cover_what_they_promise(by_class):
    rng, covered, targets = np.random.default_rng(7), [], []
    for _ in range(300):
        known, target = draw(rng, 200)
        new, true = draw(rng, 200)
        quantiles = fit_class_quantiles(known, target, 0.9, by_class)
        covered.append(cover_classes(predict_sets(new, quantiles), true))
        targets.append(true)
    rows, true = np.concatenate(covered), np.concatenate(targets)

    assert 0.895 < rows.mean() < (0.93 if by_class else 0.91)
    coverage = [rows[true == code].mean() for code in range(3)]
    assert min(coverage) > 0.89 if by_class else min(coverage) < 0.8


def test_intervals_cover_what_they_promise():
    rng, covered = np.random.default_rng(8), []
    for _ in range(500):
        target, predicted = rng.normal(size=(2, 99))
        half = fit_interval(predicted, target, 0.9)
        new, true = rng.normal(size=(2, 99))
        covered.append(np.abs(new - true) <= half)

    assert np.mean(covered) == pytest.approx(0.9, abs=0.005)


def test_sets_equal_those_of_crepes():
    crepes = pytest.importorskip("crepes")
    known, target = draw(np.random.default_rng(1), 211)
    new, _ = draw(np.random.default_rng(2), 50)
    alphas = 1 - known[np.arange(len(target)), target]
    model = crepes.ConformalClassifier()
    model.fit(alphas)
    expected = model.predict_set(1 - new, confidence=0.9, smoothing=False)

    sets = predict_sets(new, fit_class_quantiles(known, target, 0.9))
    assert sets.astype(int).tolist() == np.asarray(expected).tolist()
    model.fit(alphas, bins=target)
    bins = np.arange(3)
    by_class = np.column_stack(
        [
            np.asarray(
                model.predict_set(1 - new, bins=np.full(50, k), confidence=0.9, smoothing=False)
            )[:, k]
            for k in bins
        ]
    )
    sets = predict_sets(new, fit_class_quantiles(known, target, 0.9, by_class=True))
    assert sets.astype(int).tolist() == by_class.tolist()


def test_intervals_equal_those_of_crepes():
    crepes = pytest.importorskip("crepes")
    target, predicted = np.random.default_rng(3).normal(size=(2, 137))
    model = crepes.ConformalRegressor()
    model.fit(target - predicted)
    low, high = np.asarray(model.predict_int(np.array([0.5]), confidence=0.9))[0]

    half = fit_interval(predicted, target, 0.9)
    assert (0.5 - half, 0.5 + half) == pytest.approx((low, high), abs=1e-12)
