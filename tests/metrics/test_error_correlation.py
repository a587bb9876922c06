"""Correlation of errors, against NumPy's and by hand."""

import numpy as np
import pytest

from foldline.metrics.error_correlation import correlate_errors


def test_classes_by_hand() -> None:
    """a errs in rows 0 and 1, b in rows 1 and 2, of four: their errors do not correlate."""
    target = np.zeros(4, dtype=int)
    right, wrong = [0.9, 0.1], [0.1, 0.9]
    own = {
        "a": np.array([wrong, wrong, right, right]),
        "b": np.array([right, wrong, wrong, right]),
        "never": np.array([right] * 4),
    }
    found = correlate_errors("classification", target, own)
    assert found["a"]["a"] == pytest.approx(1)
    assert found["a"]["b"] == pytest.approx(0)
    assert np.isnan(found["a"]["never"])


def test_numbers_and_labels_equal_numpy() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=50)
    own = {name: target + rng.normal(size=50) for name in "ab"}
    expected = np.corrcoef(own["a"] - target, own["b"] - target)[0, 1]
    assert correlate_errors("regression", target, own)["a"]["b"] == pytest.approx(expected)
    labels = rng.integers(2, size=(50, 3))
    own = {name: rng.random((50, 3)) for name in "ab"}
    errors = [((own[name] >= 0.5) != labels).ravel() for name in "ab"]
    found = correlate_errors("multilabel", labels, own)["a"]["b"]
    assert found == pytest.approx(np.corrcoef(errors)[0, 1])
