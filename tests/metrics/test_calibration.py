"""Calibration: bins, ECE, smooth ECE and the parts of the Brier score."""

import numpy as np
import pytest

from foldline.metrics.calibration import (
    BrierParts,
    compute_confidence,
    decompose_brier,
    decompose_brier_of_event,
    equal_mass_bins,
    equal_mass_ece,
    reliability_bins,
    smooth_ece,
    wilson_interval,
)
from foldline.metrics.registry import measure


def draw(n: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return overconfident probabilities and outcomes."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.6, 0.6, n)
    return p, (rng.random(n) < 0.5 + 0.6 * (p - 0.5)).astype(float)


def test_bins_have_equal_numbers_of_rows():
    values, _ = draw(1003)
    sizes = np.bincount(equal_mass_bins(values, 10))

    assert len(sizes) == 10
    assert sizes.max() - sizes.min() <= 1
    assert equal_mass_bins([0.3, 0.1, 0.2, 0.4], 2).tolist() == [1, 0, 0, 1]


def test_equal_values_share_a_bin():
    assert equal_mass_bins([0.5] * 7, 10).tolist() == [0] * 7
    assert equal_mass_bins([0.9, 0.9, 0.9, 0.9, 0.1, 0.2], 3).tolist() == [1, 1, 1, 1, 0, 0]
    assert equal_mass_bins([], 10).tolist() == []


def test_wilson_interval_by_hand():
    # (0.8 + z2/20 -+ z sqrt(0.016 + z2/400)) / (1 + z2/10), z = 1.959964
    assert wilson_interval(8, 10, 0.95) == pytest.approx((0.490162, 0.943318), abs=1e-6)
    assert wilson_interval(0, 10, 0.95)[0] == 0
    assert wilson_interval(10, 10, 0.95)[1] == 1


def test_wilson_interval_equals_statsmodels():
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for hits, n in ((3, 40), (39, 40), (500, 1000)):
        expected = proportion.proportion_confint(hits, n, 0.1, "wilson")
        assert wilson_interval(hits, n, 0.9) == pytest.approx(expected, abs=1e-9)


def test_reliability_and_ece_by_hand():
    confidence, correct = [0.6, 0.9, 0.7, 0.8], [0, 1, 1, 1]
    low, high = reliability_bins(confidence, correct, 0.95, n_bins=2)

    assert (low.confidence, low.accuracy, low.rows) == (pytest.approx(0.65), 0.5, 2)
    assert (high.confidence, high.accuracy, high.rows) == (pytest.approx(0.85), 1.0, 2)
    assert low.low < 0.5 < low.high
    assert equal_mass_ece(confidence, correct, 2) == pytest.approx((0.15 + 0.15) / 2)


def brute_force_smooth_ece(p: np.ndarray, y: np.ndarray) -> float:
    """Return the fixed point of the definition: a sum of kernels, mirrored at 0 and 1."""
    from scipy.optimize import brentq

    t = (np.arange(10_000) + 0.5) / 10_000
    images = np.concatenate([p + k for k in range(-6, 7, 2)] + [-p + k for k in range(-6, 7, 2)])
    masses = np.tile(y - p, 14) / len(p)

    def excess(width: float) -> float:
        kernel = np.exp(-np.square((t[:, None] - images) / width) / 2)
        heights = (kernel * masses).sum(axis=1) / (width * np.sqrt(2 * np.pi))
        return float(np.abs(heights).mean() - width)

    return float(brentq(excess, 1e-3, 1.0, xtol=1e-8))


@pytest.mark.parametrize("n", [5, 20])
def test_smooth_ece_equals_brute_force(n):
    p, y = draw(n, seed=n)
    assert smooth_ece(p, y) == pytest.approx(brute_force_smooth_ece(p, y), abs=1e-5)


def test_smooth_ece_of_known_errors():
    rng = np.random.default_rng(1)
    p = rng.random(20_000)
    assert smooth_ece(p, rng.random(20_000) < p) < 0.02  # calibrated
    # A constant difference of 0.2 in one direction cannot be smoothed away.
    y = (np.arange(1000) % 10 < 5).astype(float)
    assert smooth_ece(np.full(1000, 0.7), y) == pytest.approx(0.2, abs=2e-3)
    assert smooth_ece([0.0, 1.0], [1, 0]) > 0.3
    assert smooth_ece([0.0, 1.0], [0, 1]) == pytest.approx(0, abs=1e-9)


def test_brier_parts_by_hand():
    p, y = np.array([0.2, 0.4, 0.6, 0.8]), np.array([0, 1, 1, 1])
    parts = decompose_brier_of_event(p, y, n_bins=2)

    assert parts.reliability == pytest.approx((0.2**2 + 0.3**2) / 2)  # 0.3 and 0.5; 0.7 and 1
    assert parts.resolution == pytest.approx((0.25**2 + 0.25**2) / 2)
    assert parts.uncertainty == pytest.approx(0.75 * 0.25)
    assert parts.score == pytest.approx(np.square(p - y).mean())


@pytest.mark.parametrize("classes", [2, 4])
def test_brier_parts_sum_to_the_metric(classes):
    rng = np.random.default_rng(classes)
    p, target = rng.dirichlet(np.ones(classes), 300), rng.integers(classes, size=300)
    parts = decompose_brier("classification", target, p)

    assert isinstance(parts, BrierParts)
    assert parts.score == pytest.approx(measure("classification", target, p)["brier"], abs=1e-12)
    multilabel = (rng.random(p.shape) < 0.5).astype(int)
    parts = decompose_brier("multilabel", multilabel, p)
    assert parts is not None
    assert parts.score == pytest.approx(measure("multilabel", multilabel, p)["brier"], abs=1e-12)


def test_unknown_labels_are_errors_without_brier_parts():
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    confidence, correct = compute_confidence("classification", np.array([-1, 1]), p)

    assert confidence.tolist() == [0.9, 0.8]
    assert correct.tolist() == [False, True]
    assert decompose_brier("classification", np.array([-1, -1]), p) is None


def test_the_order_of_rows_changes_no_bit():
    p, y = draw()
    order = np.random.default_rng(3).permutation(len(p))

    for function in (equal_mass_ece, smooth_ece, reliability_bins, decompose_brier_of_event):
        assert function(p, y) == function(p[order], y[order])


def test_values_outside_0_to_1_are_refused():
    with pytest.raises(ValueError, match="allowed: 0 to 1"):
        equal_mass_ece([0.5, 1.5], [0, 1])
    assert np.isnan(equal_mass_ece([], []))
    assert np.isnan(smooth_ece([], []))
