"""Splits by time: nothing is learnt that is newer than what is scored."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.core.errors import FoldlineError
from foldline.data.time_split import split_by_time
from tests.helpers.split_tables import SHARES, make_rows, split_by


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=80))
def test_no_row_is_newer_than_the_next_part(times):
    moments = np.array(times, dtype=float)

    codes = split_by_time(moments, [str(n) for n in range(len(times))], SHARES)

    for code in (0, 1):
        if (codes == code).any() and (codes > code).any():
            assert moments[codes == code].max() < moments[codes > code].min()


def test_time_reaches_the_shares():
    codes = split_by_time(np.arange(100.0), [str(n) for n in range(100)], SHARES)

    assert codes.tolist() == [0] * 60 + [1] * 20 + [2] * 20


def test_rows_of_one_moment_stay_together_at_the_nearest_cut():
    years = np.array([2019.0] * 60 + [2020.0] * 25 + [2021.0] * 15)

    codes = split_by_time(years, [str(n) for n in range(100)], SHARES)

    assert codes.tolist() == [0] * 60 + [1] * 25 + [2] * 15


def test_a_group_stands_where_its_newest_row_stands():
    codes = split_by_time(np.arange(10.0), ["old and new", *"bcdefghi", "old and new"], SHARES)

    assert codes.tolist() == [2, 0, 0, 0, 0, 0, 0, 1, 1, 2]


def test_one_moment_for_all_is_reported():
    with pytest.raises(FoldlineError, match="too many rows have the same time"):
        split_by(make_rows(20, time=1.0), "time")
