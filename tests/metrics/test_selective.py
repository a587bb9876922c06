"""Selective prediction: risk-coverage curve, AURC, thresholds of confidence."""

import re
from pathlib import Path

import numpy as np
import pytest

from foldline.metrics.selective import (
    aurc,
    find_threshold,
    risk_coverage_curve,
    summarize_answers,
)

CONFIDENCE = np.array([0.6, 0.9, 0.7, 0.8])
CORRECT = np.array([False, True, False, True])


def test_curve_and_aurc_by_hand():
    curve = risk_coverage_curve(CONFIDENCE, CORRECT)

    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 2 / 4])
    assert aurc(CONFIDENCE, CORRECT) == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert np.isnan(aurc([], []))


def test_equal_confidence_has_no_order():
    """The risk is the mean over all orders of the rows."""
    confidence, correct = np.array([0.9, 0.5, 0.5, 0.5]), np.array([True, False, True, True])
    orders = [[0, 1, 2, 3], [0, 2, 1, 3], [0, 2, 3, 1]]
    risks = [np.cumsum(~correct[order]) / np.arange(1, 5) for order in orders]

    for order in orders:
        found = risk_coverage_curve(confidence[order], correct[order]).risk
        assert found == pytest.approx(np.mean(risks, axis=0))


def test_random_confidence_has_the_error_rate_as_aurc():
    rng = np.random.default_rng(0)
    assert aurc(np.full(100, 0.5), np.arange(100) < 70) == pytest.approx(0.3)
    found = aurc(rng.random(20_000), rng.random(20_000) < 0.7)
    assert found == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(
    ("accuracy", "threshold", "coverage"), [(1.0, 0.8, 0.5), (0.6, 0.7, 0.75), (0.5, 0.6, 1.0)]
)
def test_threshold_has_the_largest_coverage(accuracy, threshold, coverage):
    found = find_threshold(CONFIDENCE, CORRECT, accuracy)
    assert found == threshold
    answers = summarize_answers(found <= CONFIDENCE, CORRECT)
    assert answers.coverage == coverage
    assert answers.accuracy >= accuracy
    assert answers.low <= answers.accuracy <= answers.high


def test_no_threshold_reaches_the_accuracy():
    assert find_threshold([0.9, 0.8], [False, True], 0.9) is None
    assert find_threshold([0.5, 0.5], [False, True], 0.9) is None  # a tie is not divided
    answers = summarize_answers([False, False], [False, True])
    assert answers.coverage == 0
    assert np.isnan(answers.accuracy)


def test_the_example_of_the_documentation_has_the_numbers_that_it_says():
    page = Path("docs/calibration.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.S)
    names: dict[str, object] = {}
    exec(example, names)
    stated = re.findall(r"^(\w+\(.*\))  # (.*)$", example, re.M)

    assert len(stated) == 2
    assert all(eval(call, names) == float(value) for call, value in stated)
