"""Preparing rows: what a user's file may hold, and what is said where it cannot be used."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.core.io import schemas
from foldline.data.rows import make_content_ids
from tests.helpers.raw_files import csv_lines, csv_text, prepare_error


def test_one_file_becomes_rows_of_train(prepare_files):
    found = prepare_files({"train": csv_text(csv_lines(12))})

    assert found.rows["id"].tolist() == [str(n) for n in range(12)]
    assert set(found.rows["part"]) == {"train"}
    assert found.labels.classes == ("a", "b")
    assert found.notes == ["classes with fewer than 10 rows have no reliable score: a (6), b (6)"]
    assert len(found.unlabelled) == len(found.originals) == 0
    for table, rows in (
        (schemas.PREPARED, found.rows),
        (schemas.ORIGINALS, found.originals),
        (schemas.UNLABELLED, found.unlabelled),
    ):
        table.write(rows)
        assert len(table.read()) == len(rows)


# --- ids ------------------------------------------------------------------------------------


TABLES = st.lists(st.tuples(st.text(max_size=3), st.sampled_from("ab")), max_size=12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(TABLES, TABLES, st.randoms())
def test_ids_made_from_content_do_not_move(rows, added, random):
    def ids(rows: list[tuple[str, str]]) -> list[tuple[tuple[str, str], str]]:
        table = pd.DataFrame(rows, columns=["text", "label"], dtype="str")
        return list(zip(rows, make_content_ids(table), strict=True))

    more = rows + added
    moved = random.sample(rows, len(rows))

    assert ids(more)[: len(rows)] == ids(rows)
    assert sorted(ids(moved)) == sorted(ids(rows))
    assert len({name for _, name in ids(more)}) == len(more)


def test_ids_are_made_where_there_are_none(prepare_files):
    rows = [*csv_lines(12), "9,text number 3,b"]
    one = prepare_files({"train": csv_text(rows)}, id=None).rows
    other = prepare_files({"train": csv_text(["99,new,a", *reversed(rows)])}, id=None).rows

    assert set(one["id"]) < set(other["id"])
    assert one["id"].is_unique


def test_the_users_ids_are_kept(prepare_files):
    rows = [*csv_lines(10), '"007",x,a', "한글 1,y,b", '" 11",z,a', '"a,b",w,b']

    found = prepare_files({"train": csv_text(rows)}).rows

    assert found["id"].tolist()[10:] == ["007", "한글 1", "11", "a,b"]


def test_doubled_ids_are_reported_with_their_lines(prepare_files):
    found = prepare_error(
        prepare_files, {"train": csv_text([*csv_lines(10), "3,again,a", "4,again,a", "3,again,b"])}
    )

    assert found.startswith(
        "train.csv, lines 5, 12, 14: id '3' occurs more than once, and so do 1 other ids. Make ids"
    )


@pytest.mark.parametrize("empty", ["", " ", "\u3000"])
def test_an_empty_id_is_reported(prepare_files, empty):
    found = prepare_error(prepare_files, {"train": csv_text([*csv_lines(10), f"{empty},x,a"])})

    assert "train.csv, line 12: column 'id' is empty" in found


def test_ids_of_official_files_that_clash_get_their_part(prepare_files):
    found = prepare_files(
        {
            "train": csv_text(csv_lines(10)),
            "test": csv_text(csv_lines(3)),
            "predict": csv_text(csv_lines(2)),
        }
    )

    assert found.rows["id"].tolist()[:2] == ["train-0", "train-1"]
    assert found.rows["id"].tolist()[-1] == "test-2"
    assert found.unlabelled["id"].tolist() == ["0", "1"]
    assert found.notes[0].startswith("3 ids (such as '0') are in more than one file")


def test_originals_say_which_part_they_are_of(prepare_files):
    rows = [*csv_lines(9), "9,ｗｉｄｅ,b"]
    found = prepare_files({"train": csv_text(rows), "predict": csv_text(["9,two  spaces,"])})

    assert found.originals.to_dict("records") == [
        {"text": "ｗｉｄｅ", "text_pair": "", "id": "9", "part": "train"},
        {"text": "two  spaces", "text_pair": "", "id": "9", "part": "predict"},
    ]
    assert found.metrics["changed_texts"] == 2


# --- texts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", ["", "   ", "\u200b", "\u3164"])
def test_empty_texts_of_training_rows_are_dropped_and_noted(prepare_files, empty):
    found = prepare_files({"train": csv_text([f"x,{empty},a", *csv_lines(10)])})

    assert len(found.rows) == 10
    assert found.notes[0] == "train.csv, line 2: 1 rows dropped (empty text)"
    assert found.metrics["dropped_empty"] == 1
    assert found.details["files"]["train"]["dropped_lines"] == {"empty text": [2]}


def test_empty_texts_can_be_an_error(prepare_files):
    found = prepare_error(
        prepare_files, {"train": csv_text(["x,,a", *csv_lines(10), "y,,b"])}, empty_text="error"
    )

    assert found.startswith("train.csv, lines 2, 13: 2 texts are empty (after normalization)")
    assert "set prepare.empty_text=drop" in found


@pytest.mark.parametrize("choice", ["drop", "error"])
def test_empty_texts_that_are_scored_are_kept(prepare_files, choice):
    files = {
        "train": csv_text(csv_lines(10)),
        "test": csv_text(["x,,a"]),
        "predict": csv_text(["y,,", "z,w,"]),
    }

    found = prepare_files(files, empty_text=choice)

    assert found.rows["text"].tolist()[-1] == ""
    assert found.unlabelled["id"].tolist() == ["y", "z"]
    assert "test.csv, line 2: 1 empty texts kept, to be scored" in found.notes


def test_a_pair_needs_both_texts(prepare_files):
    rows = [f"{n},one {n},two {n},{'ab'[n % 2]}" for n in range(10)]
    rows += ["x,one,,a", "y,,two,b"]

    found = prepare_files({"train": csv_text(rows, "id,text,pair,label")}, text_pair="pair")

    assert found.metrics["dropped_empty"] == 2
    assert found.rows["text_pair"].tolist()[0] == "two 0"


def test_a_file_without_a_usable_row_is_reported(prepare_files):
    found = prepare_error(
        prepare_files, {"train": csv_text(csv_lines(10)), "valid": csv_text(["1,,a", "2, ,b"])}
    )

    assert found.startswith("valid.csv: none of its 2 rows is usable (empty text)")


def test_too_few_rows_are_reported(prepare_files):
    assert "train.csv: 9 usable rows are too few" in prepare_error(
        prepare_files, {"train": csv_text(csv_lines(9))}
    )
    clashes = [f"{n},the same,{'ab'[n % 2]}" for n in range(100, 108)]
    found = prepare_error(
        prepare_files, {"train": csv_text(csv_lines(5) + clashes)}, conflicts="drop"
    )
    assert "5 usable rows (8 were dropped by prepare.conflicts) are too few" in found


# --- columns --------------------------------------------------------------------------------


def test_an_unknown_column_is_reported_with_its_nearest_name(prepare_files):
    found = prepare_error(
        prepare_files, {"train": csv_text(csv_lines(10), "id,Text,lable")}, label="label"
    )

    assert found == (
        "train.csv has no column 'text'; it has id, Text, lable; did you mean 'Text'? "
        "Set data.text in params.yaml"
    )
    assert "or set it to null" in prepare_error(
        prepare_files, {"train": csv_text(csv_lines(10), "n,text,label")}
    )


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_read_and_noted(prepare_files, mark, word):
    found = prepare_files({"train": csv_text(csv_lines(10)).replace(",", mark)})

    assert f"train.csv was read with {word} between fields" in found.notes


def test_a_file_without_any_column_is_reported(prepare_files, tmp_path):
    (tmp_path / "train.jsonl").write_text("{}\n{}\n")

    assert "train.jsonl: its 2 rows have no value" in prepare_error(
        prepare_files, {}, train="train.jsonl"
    )


def test_column_names_may_have_white_space_around_them(prepare_files):
    rows = csv_text(csv_lines(10), " id ,text , label")

    assert len(prepare_files({"train": rows}).rows) == 10
    assert len(prepare_files({"train": rows}, text="text ", id=" id ").rows) == 10


# --- groups, predict, duplicates ------------------------------------------------------------


def test_groups_may_be_empty(prepare_files):
    rows = [f"{n},text {n},{'ab'[n % 2]},{['', ' ', ' g '][n % 3]}" for n in range(12)]

    found = prepare_files({"train": csv_text(rows, "id,text,label,who")}, group="who")

    assert set(found.rows["group"]) == {"", "g"}


def test_rows_to_predict_need_no_label_group_or_time(prepare_files):
    train = csv_text([f"{line},1,g" for line in csv_lines(10)], "id,text,label,when,who")
    files = {"train": train, "predict": "text,id\nnew one,p1\nother,p0\n"}

    found = prepare_files(files, time="when", group="who").unlabelled

    schemas.UNLABELLED.write(found)
    assert schemas.UNLABELLED.read().to_dict("list") == {
        "id": ["p1", "p0"],
        "text": ["new one", "other"],
        "text_pair": ["", ""],
    }


def test_rows_to_predict_that_are_equal_get_ids_of_their_own(prepare_files):
    files = {"train": csv_text(csv_lines(10)), "predict": "text\nsame\nsame\n"}

    found = prepare_files(files, id=None).unlabelled["id"].tolist()

    assert found[1] == f"{found[0]}-2"


def test_duplicates_and_conflicts_are_counted(prepare_files):
    rows = [*csv_lines(10), "x,Text Number 3,b", "y,TEXT number 4,b", "z,  text number 4,a"]

    metrics = prepare_files({"train": csv_text(rows)}).metrics

    assert metrics["duplicate_rows"] == 5
    assert metrics["conflicting_rows"] == 3


def test_a_guessed_encoding_is_noted(prepare_files):
    korean = csv_text([f"{n},글 {n},{'ab'[n % 2]}" for n in range(10)])
    prepare_files({"train": korean})
    Path("train.csv").write_bytes(korean.encode("cp949"))

    assert "read as cp949" in prepare_files({}, train="train.csv").notes[0]


def test_names_with_spaces_and_korean_will_do(prepare_files):
    found = prepare_files({"train": csv_text(csv_lines(10))}, train_name="내 자료 (1).csv")

    assert found.details["files"]["train"]["path"] == "내 자료 (1).csv"
