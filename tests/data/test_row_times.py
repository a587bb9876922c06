"""Times of a user's file: numbers or dates, and what is neither is reported."""

import re

import pytest

from foldline.core.errors import FoldlineError
from foldline.data.preparation import PreparedDataset
from foldline.data.raw_table import parse_time
from tests.helpers.raw_files import PrepareFiles, csv_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-02", 86400),
        ("1970/1/2", 86400),
        ("1970. 1. 2.", 86400),
        ("1970-01-02T00:00:01.5", 86401.5),
        ("1970-01-02 00:00:01Z", 86401),
        ("1970.01.02 00:01", 86460),
        ("1970-01-02T09:00:00+09:00", 86400),
        ("1969-12-31", -86400),
        ("2024-02-30", None),
        ("yesterday", None),
        ("01/02/1970", None),
        ("", None),
    ],
)
def test_moments(text, expected):
    assert parse_time(text) == expected


def prepare_times(prepare_files: PrepareFiles, times: list[str]) -> PreparedDataset:
    rows = [f"{n},text {n},{'ab'[n % 2]},{time}" for n, time in enumerate(times)]
    return prepare_files({"train": csv_text(rows, "id,text,label,when")}, time="when")


def test_times_are_numbers_or_dates(prepare_files):
    assert (
        prepare_times(prepare_files, [str(n * 0.5) for n in range(10)]).rows["time"].tolist()[3]
        == 1.5
    )
    assert prepare_times(prepare_files, ["20240131"] * 10).rows["time"].tolist()[0] == 20240131
    dates = [f"1970-01-{n + 1:02}" for n in range(10)]
    assert prepare_times(prepare_files, dates).rows["time"].tolist()[:2] == [0, 86400]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["2024-01-01"] * 9 + ["soon"], "train.csv, line 11: 'soon' in column 'when' is neither"),
        (["1"] * 9 + [""], "train.csv, line 11: '' in column 'when' is neither"),
        (["1"] * 9 + ["nan"], "'nan' in column 'when' is neither"),
        (
            ["2024-01-01"] * 9 + ["2024"],
            "train.csv, line 11: '2024' in column 'when' is a number, but",
        ),
    ],
)
def test_what_is_no_time_is_reported(prepare_files, times, message):
    with pytest.raises(FoldlineError, match=re.escape(message)):
        prepare_times(prepare_files, times)
