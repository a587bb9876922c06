"""The interval of a share: independent cases, copies of cases, and cases of groups."""

import numpy as np
import pytest

from foldline.metrics.calibration import wilson_interval
from foldline.metrics.clustered_share import clustered_interval


def test_independent_cases_have_wilsons_interval():
    hits = np.arange(40) < 30

    assert clustered_interval(hits, np.arange(40), 0.95) == pytest.approx(
        wilson_interval(30, 40, 0.95), abs=0.004
    )


def test_copies_of_a_case_count_once():
    hits = np.repeat(np.arange(40) < 30, 5)
    low, high = clustered_interval(hits, np.repeat(np.arange(40), 5), 0.95)
    once = clustered_interval(np.arange(40) < 30, np.arange(40), 0.95)

    assert (low, high) == pytest.approx(once, abs=0.015)
    assert high - low > 1.8 * np.subtract(*wilson_interval(150, 200, 0.95)[::-1])


def test_cases_that_all_pass_count_as_many_as_their_groups():
    assert clustered_interval([True] * 60, np.repeat([0, 1, 2], 20), 0.95) == pytest.approx(
        wilson_interval(3, 3, 0.95)
    )


@pytest.mark.slow
def test_95_percent_intervals_cover_the_rate_of_dependent_cases():
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        rates = generator.beta(4, 1, size=60)  # of groups of four cases, 0.8 in the mean
        hits = generator.random((60, 4)) < rates[:, None]
        low, high = clustered_interval(hits.ravel(), np.repeat(np.arange(60), 4), 0.95)
        covered += low <= 0.8 <= high

    assert 930 <= covered <= 970
