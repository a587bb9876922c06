"""Corrections for many tests: by hand, and equal to scipy."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from foldline.metrics.multiple_testing import benjamini_hochberg, holm


def test_holm_by_hand() -> None:
    # .01 * 4, .02 * 3 = .06, .03 * 2 = .06, .04 * 1 is not below the one before it.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert holm([0.04, float("nan"), 0.5]) == pytest.approx([0.08, np.nan, 0.5], nan_ok=True)
    assert holm([]).tolist() == []


def test_benjamini_and_hochberg_by_hand() -> None:
    # Sorted .01 .02 .03 .04 of five tests: p * 5 / rank = .05 .05 .05 .05, the fifth is 1.
    assert benjamini_hochberg([0.04, 0.01, 0.03, 0.02], 5) == pytest.approx([0.05] * 4)
    # .001 * 4 / 1, .3 * 4 / 2; a larger rank's smaller value holds for those before it.
    assert benjamini_hochberg([0.3, 0.001], 4) == pytest.approx([0.6, 0.004])
    assert benjamini_hochberg([0.5, 0.02, 0.021]) == pytest.approx([0.5, 0.0315, 0.0315])
    assert benjamini_hochberg([0.9], 10).tolist() == [1.0]
    assert benjamini_hochberg([], 10).tolist() == []


def test_benjamini_and_hochberg_equals_scipy() -> None:
    p = np.random.default_rng(0).random(200) ** 3

    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p), abs=1e-15)


def test_more_p_values_than_tests_are_refused() -> None:
    with pytest.raises(ValueError, match="2 p-values of 1 tests"):
        benjamini_hochberg([0.1, 0.2], 1)
