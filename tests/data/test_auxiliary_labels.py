"""A further label of the rows: read by its column, kept by id, never needed of new rows."""

import pandas as pd

from foldline.models.soft_labels import add_auxiliary_labels
from tests.helpers.raw_files import csv_text

HEADER = "id,text,label,bias"


def lines(count: int, start: int = 0) -> list[str]:
    return [f"{n},text number {n},{'ab'[n % 2]},{['x', ' y ', ''][n % 3]}" for n in range(
        start, start + count
    )]  # fmt: skip


def test_labels_are_kept_by_id_where_rows_have_one(prepare_files):
    files = {"train": csv_text(lines(12), HEADER)}
    table = prepare_files(files, auxiliary_label="bias").auxiliary_labels

    assert dict(zip(table["id"], table["label"], strict=True)) == {
        str(n): "xy"[n % 3] for n in range(12) if n % 3 < 2
    }
    assert prepare_files(files).auxiliary_labels.empty


def test_other_files_may_lack_the_column_and_test_rows_are_left_out(prepare_files):
    bare = csv_text([f"t{n},held out {n},{'ab'[n % 2]}" for n in range(4)])
    files = {
        "train": csv_text(lines(12), HEADER),
        "valid": csv_text(lines(3, 20), HEADER),
        "test": csv_text(lines(3, 30), HEADER),
        "predict": csv_text(["p1,new text"], "id,text"),
    }
    table = prepare_files(files, auxiliary_label="bias").auxiliary_labels
    other = prepare_files(files | {"valid": bare}, auxiliary_label="bias").auxiliary_labels

    assert {"20", "22"} & set(table["id"])
    assert not {"30", "31", "32"} & set(table["id"])
    assert set(other["id"]) <= {str(n) for n in range(12)}


def test_ids_made_of_the_content_do_not_depend_on_it(prepare_files):
    files = {"train": csv_text([line.partition(",")[2] for line in lines(12)], "text,label,bias")}
    plain, named = (
        prepare_files(files, id=None, **options).rows["id"].tolist()
        for options in ({}, {"auxiliary_label": "bias"})
    )
    assert plain == named


def test_a_copy_has_the_label_of_its_source():
    rows = pd.DataFrame({"id": ["a", "b", "a+1"], "source_id": ["a", "b", "a"]})
    table = pd.DataFrame({"id": ["a", "c"], "label": ["x", "y"]})

    assert add_auxiliary_labels(rows, table)["auxiliary"].tolist() == ["x", "", "x"]
    assert add_auxiliary_labels(rows, table.iloc[:0]) is rows
