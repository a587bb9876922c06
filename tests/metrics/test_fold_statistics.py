"""Statistics of the scores of folds, against numbers that were computed by hand."""

import numpy as np
import pytest

from foldline.metrics.fold_statistics import (
    corrected_interval,
    decompose_error,
    estimate_components,
)


def test_the_corrected_interval_adds_the_share_of_test_rows():
    scores = np.array([0.80, 0.90, 0.85, 0.75, 0.95])
    # Variance .00625, (1 / 5 + 1 / 4) of it: .0028125; Student's t of 4 is 2.7764.
    low, high = corrected_interval(scores, 0.25)

    assert (low, high) == pytest.approx((0.85 - 0.14724, 0.85 + 0.14724), abs=1e-5)
    assert np.isnan(corrected_interval(scores[:1], 0.25)).all()


def test_components_are_those_of_a_nested_design():
    # Means of trainings: 1 and 3 in the first division, 6 and 8 in the second.
    means = np.array([[1.0, 3.0], [6.0, 8.0]])
    scores = np.stack([means - 0.5, means + 0.5], axis=2)

    folds, seeds, divisions = estimate_components(scores)

    assert folds == pytest.approx(np.sqrt(0.5))
    assert seeds == pytest.approx(np.sqrt(2.0))
    # Divisions' means are 2 and 7: variance 12.5, less half of the seeds' 2.
    assert divisions == pytest.approx(np.sqrt(11.5))


def test_components_that_cannot_be_told_are_nan():
    folds, seeds, divisions = estimate_components(np.array([[[1.0, 2.0, 3.0]]]))

    assert folds == pytest.approx(1.0)
    assert np.isnan([seeds, divisions]).all()


def test_squared_error_is_bias_and_variance():
    # Predictions 1 and 3 of 0: errors 1 and 9; their variance is 2.
    assert decompose_error(np.array([0.0]), np.array([[1.0], [3.0]])) == (5.0, 3.0, 2.0)
    error, bias, variance = decompose_error(np.eye(2)[[0]], np.array([[[0.5, 0.5]]]))
    assert error == 0.5
    assert np.isnan([bias, variance]).all()
