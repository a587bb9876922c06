"""Labels as codes and numbers, and back; the record of what a run ran on."""

import numpy as np
import pandas as pd
import pytest

from foldline.core import environment
from foldline.core.errors import FoldlineError
from foldline.core.io.labels import UNKNOWN, Labels
from tests.helpers.git_projects import make_repository

CLASSES = Labels("classification", ("no", "한글", "1.0"))
NUMBERS = Labels("regression")


def test_classes_become_codes_and_come_back():
    column = pd.Series(["1.0", "no", "한글", "never seen"], dtype="str")

    codes = CLASSES.encode(column)

    assert codes.tolist() == [2, 0, 1, UNKNOWN]
    assert CLASSES.decode(np.eye(3)[codes[:3]]) == ["1.0", "no", "한글"]


def test_numbers_stay_numbers():
    column = pd.Series(["1", "-2.50", "1e3"], dtype="str")

    numbers = NUMBERS.encode(column)

    assert numbers.tolist() == [1, -2.5, 1000]
    assert NUMBERS.decode(numbers) == [1, -2.5, 1000]


@pytest.mark.parametrize(
    ("labels", "predictions"),
    [(CLASSES, np.array([[0.2, 0.5, 0.3], [1, 0, 0]])), (NUMBERS, np.array([0.1, 1 / 3]))],
)
def test_predictions_come_back_from_their_table(labels, predictions):
    table = labels.table(predictions)

    assert list(table.columns) == ["predicted", *labels.columns]
    assert labels.outputs == (1 if labels.task == "regression" else 3)
    assert labels.predictions(table).tolist() == predictions.tolist()


@pytest.mark.parametrize("labels", [CLASSES, NUMBERS])
def test_labels_are_saved(labels, tmp_path):
    labels.save(tmp_path / "labels.json")

    assert Labels.load(tmp_path / "labels.json") == labels


@pytest.mark.parametrize("content", ["{}", "[]", "3", '{"task": "classification"}'])
def test_a_file_without_labels_is_told(tmp_path, content):
    (tmp_path / "labels.json").write_text(content)

    with pytest.raises(FoldlineError, match=r"does not hold labels .* run `dvc repro -f prepare`"):
        Labels.load(tmp_path / "labels.json")


def test_the_record_lists_changed_files_as_git_does(tmp_path, monkeypatch):
    make_repository(tmp_path, {"a.txt": "1", "b.txt": "1"})
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("2")
    monkeypatch.chdir(tmp_path)

    found = environment.environment_record(threads=1)

    assert found["changed_files"] == [" M a.txt", " M b.txt"]


def test_the_record_needs_neither_git_nor_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    found = environment.environment_record(threads=1)

    assert found["commit"] is None
    assert found["changed_files"] == []
    assert found["constraints"] is None
    assert found["packages"]["pandas"] == pd.__version__
    assert environment.package_version("no-such-package") is None
