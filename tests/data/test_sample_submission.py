"""The sample submission: told by `prepare` what `predict` cannot fill, and filled as it asks."""

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.core.params import Data
from foldline.data.raw_table import RawTable
from foldline.data.sample_submission import plan_submission
from foldline.evaluation.submission import make_submission
from tests.helpers.raw_files import csv_lines, csv_text, prepare_error

TWO, THREE = Labels("classification", ("0", "1")), Labels("classification", ("0", "1", "2"))
P_TWO = np.array([[0.9, 0.1], [0.2, 0.8]])
P_THREE = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])


def table(tmp_path, **columns: list[str]) -> RawTable:
    return RawTable(tmp_path / "sample.csv", columns, list(range(2, 2 + len(columns["id"]))))


def fill(sample: RawTable, labels: Labels, p: np.ndarray, ids: list[str], **options):
    data = Data.model_construct(**{"id": "id", "label": "label", "separator": "|"} | options)
    plan = plan_submission(ids, labels, data, sample, "new.csv")
    filled = make_submission(ids, p, labels, data, plan)
    return filled.to_dict("list"), " ".join(plan.notes)


@pytest.mark.parametrize("value", ["0.5", "0,5", "0.123"])
@pytest.mark.parametrize("name", ["prediction", "target", "label", "score"])
def test_fractions_ask_for_the_probability_of_the_second_class(tmp_path, name, value):
    sample = table(tmp_path, id=["b", "a"], **{name: [value, value]})

    filled, notes = fill(sample, TWO, P_TWO, ["a", "b"])

    expected = ["0,8", "0,1"] if value == "0,5" else [0.8, 0.1]
    assert filled == {"id": ["b", "a"], name: expected}
    assert f"column '{name}' holds {value}, a fraction" in notes
    assert "probability of class '1'" in notes


def test_a_name_asks_for_a_probability_too(tmp_path):
    sample = table(tmp_path, id=["a", "b"], probability=["0", "0"])
    assert fill(sample, TWO, P_TWO, ["a", "b"])[0]["probability"] == [0.1, 0.8]
    sample = table(tmp_path, id=["a", "b"], problem=["0", "0"])
    assert fill(sample, TWO, P_TWO, ["a", "b"])[0]["problem"] == ["0", "1"]


@pytest.mark.parametrize(
    ("cells", "labels", "p", "expected"),
    [
        (["0", "0"], TWO, P_TWO, ["0", "1"]),
        (["0", "0"], THREE, P_THREE, ["0", "2"]),
        (["0.0", "0.0"], THREE, P_THREE, ["0.0", "2.0"]),
        (["", ""], TWO, P_TWO, ["0", "1"]),
        (["NaN", "NaN"], TWO, P_TWO, ["0", "1"]),
        (["1.5", "1.5"], Labels("classification", ("1.5", "2.5")), P_TWO, ["1.5", "2.5"]),
        (["Ham", "Ham"], Labels("classification", ("ham", "spam")), P_TWO, ["Ham", "spam"]),
    ],
)
def test_labels_are_written_as_the_sample_writes_them(tmp_path, cells, labels, p, expected):
    filled, _ = fill(table(tmp_path, id=["a", "b"], label=cells), labels, p, ["a", "b"])

    assert filled["label"] == expected


def test_cells_that_are_no_class_are_noted(tmp_path):
    labels = Labels("classification", ("ham", "spam"))
    _, notes = fill(table(tmp_path, id=["a", "b"], label=["0", "0"]), labels, P_TWO, ["a", "b"])

    assert "column 'label' holds 0, which is no class (ham, spam)" in notes


def test_a_fraction_for_three_classes_is_refused(tmp_path):
    with pytest.raises(FoldlineError, match=r"those of 3 classes \(0, 1, 2\)"):
        fill(table(tmp_path, id=["a", "b"], label=["0.5", "0.5"]), THREE, P_THREE, ["a", "b"])


@pytest.mark.parametrize(
    "names", [["1", "2", "0"], ["1.0", "2.0", "0.0"], [" 1", "2 ", "0"], ["p_1", "p_2", "p_0"]]
)
def test_a_column_for_each_class_gets_probabilities(tmp_path, names):
    cells = {name: ["0.33", "0.33"] for name in names}

    filled, _ = fill(table(tmp_path, id=["a", "b"], **cells), THREE, P_THREE, ["a", "b"])

    assert list(filled) == ["id", *names]
    assert [filled[name] for name in names] == [[0.2, 0.1], [0.1, 0.8], [0.7, 0.1]]


def test_numbers_are_written_as_they_are(tmp_path):
    sample = table(tmp_path, id=["b", "a"], score=["0", "0"])

    assert fill(sample, Labels("regression"), np.array([1.25, -2.0]), ["a", "b"])[0] == {
        "id": ["b", "a"],
        "score": [-2.0, 1.25],
    }


@pytest.mark.parametrize(
    ("ids", "given"),
    [
        (["000001", "000002"], ["2", "1"]),
        (["1", "2"], ["2.0", "1.0"]),
        (["A01", "1"], ["1.0", "A01"]),
        (["\u1112\u1161\u11ab", "b"], ["b", "\ud55c"]),
        (["a", "b"], ["b ", "\u200ba"]),
    ],
)
def test_ids_are_matched_and_written_as_the_sample_writes_them(tmp_path, ids, given):
    filled, notes = fill(table(tmp_path, id=given, label=["0", "0"]), TWO, P_TWO, ids)

    assert filled["id"] == [name.strip("\u200b ") for name in given]
    assert filled["label"] == ["1", "0"]
    assert "matched" in notes or ids[0] in ("a", "1")


def test_a_numbered_sample_of_rows_without_ids_is_matched_in_order(tmp_path):
    sample = table(tmp_path, id=["0", "1"], label=["0", "0"])
    filled, notes = fill(sample, TWO, P_TWO, ["x", "y"], id=None)
    assert filled["label"] == ["0", "1"]
    assert "in order" in notes
    sample = table(tmp_path, id=["t7", "t3"], label=["0", "0"])
    with pytest.raises(FoldlineError, match=r"Set data\.id to the column with the ids"):
        fill(sample, TWO, P_TWO, ["x", "y"], id=None)


FILES = {
    "train": csv_text(csv_lines(12)),
    "predict": csv_text(["0001,some", "0002,other"], "id,text"),
}


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ("id,label\n8,a\n9,a\n", "only in the sample: 8, 9; only in data.predict: 0001, 0002"),
        ("id,label\n1,a\n", "only in data.predict: 0002"),
        ("id,label\n1,a\n2,a\n3,a\n", "only in the sample: 3"),
        ("id,label\n1,a\n2,a\n2,a\n", "lines 3, 4): id '2' occurs more than once"),
        ("id,label\n1,a\n,a\n", "line 3): column 'id' is empty"),
        ("id,label\n1,a\n01,a\n", "may mean '0001'"),
        ("id,label,more\n1,a,b\n2,a,b\n", "3 columns (id and label, more)"),
        ("id,a,c\n1,0,0\n2,0,0\n", "one for each class (a, b)"),
        ("id\n1\n2\n", "1 columns (id and none)"),
        ("id,label\n", "no rows"),
        ("", "sample.csv is empty"),
    ],
)
def test_prepare_refuses_what_predict_cannot_fill(prepare_files, sample, words):
    found = prepare_error(prepare_files, FILES | {"sample": sample})

    assert found.startswith("predict.sample_submission") or "may mean" in found
    assert words in found


def test_prepare_notes_how_the_sample_is_filled(prepare_files):
    notes = prepare_files(FILES | {"sample": "id,p\n1,0.5\n2,0.5\n"}).notes

    assert any("2 ids are matched although they differ in leading zeros" in n for n in notes)
    assert any("the submission holds the probability of class 'b'" in n for n in notes)
