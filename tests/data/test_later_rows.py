"""Training rows that are later than those to be scored are reported, and missing times are not."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from foldline.core.io import schemas
from foldline.core.io.files import read_json
from foldline.core.params import Predict, Prepare, loading
from stages import prepare
from tests.helpers.label_quality_data import WORDS, check_quality, data_params, random_rows
from tests.helpers.projects import PARAMS


def timed_rows(train: range, test: range, valid: range = range(0)) -> pd.DataFrame:
    parts = []
    given = {"train": train, "valid": valid, "test": test}
    for part, times in {part: times for part, times in given.items() if times}.items():
        rows = random_rows(n=len(times)).assign(part=part, time=[float(t) for t in times])
        rows["id"] = rows["dup_group"] = part[0] + rows["id"]
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def test_training_rows_later_than_the_first_test_row_are_reported():
    rows = timed_rows(train=range(1, 101), test=range(99, 120))

    found = check_quality(rows, data=SimpleNamespace(time="date"))

    assert found.notes == [
        "1 of 100 rows of train are later than the first row of test, so the score is not "
        "that of a forecast: ids tr99"
    ]
    assert found.metrics["later_rows"] == 1
    assert found.details["time"] == {"train_after_test": {"rows": 1, "ids": ["tr99"]}}


def test_validation_rows_stand_in_time_too():
    rows = timed_rows(train=range(1, 101), valid=range(90, 130), test=range(120, 140))

    found = check_quality(rows, data=SimpleNamespace(time="date"))

    assert {name: entry["rows"] for name, entry in found.details["time"].items()} == {
        "train_after_valid": 10,
        "valid_after_test": 9,
    }


def test_without_times_there_is_no_later():
    rows = timed_rows(train=range(1, 101), test=range(50, 60))
    without_times = rows.assign(time=rows["time"].where(rows["part"] != "test", 0.0))

    assert check_quality(rows).details["time"] == {}
    assert check_quality(without_times, data=SimpleNamespace(time="date")).details["time"] == {}
    assert (
        check_quality(timed_rows(range(1, 50), range(49, 60)), data=SimpleNamespace(time="t")).notes
        == []
    )


@pytest.fixture
def official(tmp_path, monkeypatch) -> Callable[..., dict[str, Any]]:
    """Prepare the lines of train and of an official test file; give the account in JSON."""
    monkeypatch.chdir(tmp_path)
    Path("data/raw").mkdir(parents=True)

    def make(train: list[str], test: list[str], **changes: Any) -> dict[str, Any]:
        Path("data/raw/train.csv").write_text("\n".join(train), encoding="utf-8")
        Path("data/raw/test.csv").write_text("\n".join(test), encoding="utf-8")
        files = {"train": "data/raw/train.csv", "test": "data/raw/test.csv", "predict": None}
        content = loading.read_params(PARAMS)
        data = data_params(valid=None, **files, **changes)
        own = Prepare.model_validate(content["prepare"])
        prepare.main(
            prepare.Params.model_validate(
                {
                    "seed": 1,
                    "task": "classification",
                    "data": data,
                    "prepare": own,
                    "components": {},
                    "predict": Predict(sample_submission=None, escape_formulas=False),
                    "evaluate.slices": content["evaluate"]["slices"],
                }
            )
        )
        return {
            folder: read_json(Path(folder, "prepare.json")) for folder in ("reports", "metrics")
        }

    return make


def dated_lines(first: int, last: int, when: bool = True) -> list[str]:
    tails = [f",{2000 + n}-01-01" if when else "" for n in range(first, last)]
    rows = [f"{n},글 {WORDS[n % 12]} {n},{'ab'[n % 2]}{tails.pop(0)}" for n in range(first, last)]
    return ["id,text,label" + (",when" if when else ""), *rows]


def test_an_official_file_may_lack_the_time(official):
    found = official(dated_lines(0, 120), dated_lines(120, 124, when=False), time="when")

    rows = schemas.PREPARED.read()
    assert set(rows["time"][rows["part"] == "test"]) == {0.0}
    assert not [note for note in found["reports"]["notes"] if "later than" in note]


def test_prepare_tells_what_it_finds(official):
    found = official(dated_lines(0, 120), dated_lines(110, 114), time="when")

    expected = "9 of 120 rows of train are later than"
    assert [note for note in found["reports"]["notes"] if note.startswith(expected)]
    assert found["reports"]["health"]["time"]["train_after_test"]["rows"] == 9
    assert found["reports"]["metrics"]["later_rows"] == 9
