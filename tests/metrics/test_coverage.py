"""Intervals have the true value as often as they say, on simulated data with duplicates."""

import numpy as np
import pytest

from benchmarks.coverage import PROCESSES, Process, compute_coverage, draw_groups, make_intervals

# Of 4,000,000 rows, from `benchmarks.coverage.compute_truth`.
TRUTH = {"f1_macro": 0.6731, "auprc": 0.7870, "pearson": 0.7954}


def test_a_fifth_of_the_rows_are_in_groups_of_two_to_four() -> None:
    groups = draw_groups(2_000, np.random.default_rng(0))
    sizes = np.bincount(groups)
    assert len(groups) == 2_000
    assert set(sizes) == {1, 2, 3, 4}
    assert 400 <= sizes[sizes > 1].sum() <= 403


@pytest.mark.slow
@pytest.mark.parametrize("process", PROCESSES, ids=[process.metric for process in PROCESSES])
def test_intervals_cover_the_truth(process: Process) -> None:
    """The share of 300 has a standard deviation of 1.3 %, so the band is 91 to 98 %."""
    intervals = list(make_intervals(process, 240, sets=300, resamples=200))
    assert 0.91 <= compute_coverage(intervals, TRUTH[process.metric]) <= 0.98
