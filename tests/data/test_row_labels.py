"""Labels of a user's file: what is kept, what is noted, and what is reported as a mistake."""

import pandas as pd
import pytest

from tests.helpers.raw_files import csv_lines, csv_text, prepare_error


@pytest.mark.parametrize("missing", ["", "  ", "\u200b"])
def test_missing_labels_are_reported_or_dropped(prepare_files, missing):
    files = {"train": csv_text([*csv_lines(10), f"x,some,{missing}", f"y,,{missing}"])}

    found = prepare_error(prepare_files, files)

    assert found.startswith("train.csv, lines 12, 13: 2 of 12 labels are missing (column 'label')")
    metrics = prepare_files(files, missing_label="drop").metrics
    assert (metrics["rows"], metrics["dropped_missing_label"], metrics["dropped_empty"]) == (
        10,
        2,
        0,
    )


def test_a_test_file_without_labels_belongs_elsewhere(prepare_files):
    train = csv_text(csv_lines(10))
    for content in ("id,text\n1,x\n", csv_text(["1,x,"])):
        assert "data.predict" in prepare_error(prepare_files, {"train": train, "test": content})


@pytest.mark.parametrize("wrong", ["abc", "nan", "inf", "-inf", "1_000", "1,5", "3 stars", "0x10"])
def test_numbers_to_predict_must_be_numbers(prepare_files, wrong):
    rows = [f'{n},text {n},"{n}.5"' for n in range(10)]

    found = prepare_error(
        prepare_files, {"train": csv_text([*rows, f'x,some,"{wrong}"'])}, task="regression"
    )

    assert f"train.csv, line 12: label '{wrong}' is not a finite number" in found


def test_numbers_to_predict_are_kept_as_written(prepare_files):
    rows = [
        f"{n},text {n},{label}"
        for n, label in enumerate(["1", "2.50", "-3", "1e3", "+4", "0", "0", "0", "0", ".5"])
    ]

    found = prepare_files({"train": csv_text(rows)}, task="regression")

    assert found.labels.classes == ()
    assert found.rows["label"].tolist()[:5] == ["1", "2.50", "-3", "1e3", "+4"]
    assert found.labels.encode(found.rows["label"])[:4].tolist() == [1, 2.5, -3, 1000]


def test_one_class_is_reported(prepare_files):
    found = prepare_error(prepare_files, {"train": csv_text([f"{n},t {n},a" for n in range(12)])})

    assert "train.csv, column 'label': classification needs at least two classes, found a" in found


def test_numbers_taken_for_classes_are_reported(prepare_files):
    rows = [f"{n},text {n},{n / 7:.4f}" for n in range(120)]

    assert "set task=regression" in prepare_error(prepare_files, {"train": csv_text(rows)})


@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_label_that_train_lacks_is_reported(prepare_files, part):
    files = {
        "train": csv_text(csv_lines(10)),
        part: csv_text(["x,some,a", "y,some,c", "z,other,c"]),
    }

    found = prepare_error(prepare_files, files)

    assert found.startswith(
        f"{part}.csv, lines 3, 4: label 'c', but train.csv has no row of it, so no model could "
        "learn it. Known: a, b. Correct the labels"
    )


@pytest.mark.parametrize(("label", "meant"), [("A", "a"), ("a.", "a"), ("01", "1")])
def test_a_label_that_was_meant_otherwise_is_reported(prepare_files, label, meant):
    rows = [f"{n},t {n},{['a', '1'][n % 2]}" for n in range(10)]

    found = prepare_error(
        prepare_files, {"train": csv_text(rows), "test": csv_text([f"x,some,{label}"])}
    )

    assert f"label '{label}' (did you mean '{meant}'?)" in found or label == "a."


def test_a_class_with_one_row_is_noted(prepare_files):
    found = prepare_files({"train": csv_text([*csv_lines(20), "x,some,rare"])})

    assert "classes with fewer than 10 rows have no reliable score: rare (1)" in found.notes


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "2"], ("2", "9", "10")),
        (["1", "-1", "0"], ("-1", "0", "1")),
        (["1.5", "1.0", "x"], ("1.0", "1.5", "x")),
        (["no", "yes", "NA"], ("NA", "no", "yes")),
        (["True", "False"], ("False", "True")),
    ],
)
def test_classes_are_sorted_numbers_first(prepare_files, labels, expected):
    rows = [f"{n},t {n},{labels[n % len(labels)]}" for n in range(12)]

    assert prepare_files({"train": csv_text(rows)}).labels.classes == expected


def test_classes_stand_in_the_users_order(prepare_files):
    found = prepare_files({"train": csv_text(csv_lines(10))}, classes=["b", "none", "a"])

    assert found.labels.classes == ("b", "a")
    assert "data.classes: no training row has label none, so it is ignored" in found.notes


def test_a_label_that_the_users_classes_lack_is_reported(prepare_files):
    found = prepare_error(
        prepare_files, {"train": csv_text([*csv_lines(10), "x,some,c"])}, classes=["a", "b"]
    )

    assert "train.csv, line 12: label 'c', but data.classes does not list it" in found
    assert "or add the class to data.classes" in found


def test_labels_that_look_like_one_are_noted(prepare_files):
    labels = ["spam", "Spam", "not spam", "not  SPAM", "1", "01"]
    rows = [f"{n},t {n},{labels[n % 6]}" for n in range(12)]

    (note,) = [n for n in prepare_files({"train": csv_text(rows)}).notes if "differ" in n]

    assert "01 (2 rows; train.csv, lines 7, 13) = 1 (2 rows; train.csv, lines 6, 12)" in note
    assert "Spam (2 rows; train.csv, lines 3, 9) = spam (2 rows; train.csv, lines 2, 8)" in note
    assert "not SPAM (2 rows; train.csv, lines 5, 11) = not spam (2 rows; " in note


def test_labels_lose_only_what_cannot_be_seen(prepare_files):
    rows = [f"{n},t {n},{[' ① ', '가'][n % 2]}" for n in range(12)]

    assert prepare_files({"train": csv_text(rows)}).labels.classes == ("①", "가")


def test_labels_of_parquet_are_whole_or_true(prepare_files, tmp_path):
    for values, expected in (([0.0, 1.0], ("0", "1")), ([False, True], ("False", "True"))):
        table = pd.DataFrame({"id": range(13), "text": [f"t {n}" for n in range(13)]})
        table["label"] = [*values * 6, None]  # the gap makes pandas store floats
        table.to_parquet(tmp_path / "train.parquet")
        found = prepare_files({}, train="train.parquet", missing_label="drop")
        assert found.labels.classes == expected
        assert found.rows["id"].tolist()[-1] == "11"
        assert found.notes[0] == "train.parquet, row 13: 1 rows dropped (missing label)"
