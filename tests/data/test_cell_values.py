"""One value in two spellings: the same rule for groups, labels, ids, items and annotators."""

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.params import Annotations
from foldline.data.cell_values import find_value, number_key, trim
from tests.helpers.raw_files import csv_text, prepare_error

LABELS = "ab"
JUDGED = Annotations.model_construct(
    file="judged.csv", item="item", annotator="who", label="said", scale="nominal", aggregate="none"
)


def grouped(groups: list[str]) -> str:
    rows = [f'{n},text {n},{LABELS[n % 2]},"{group}"' for n, group in enumerate(groups)]
    return csv_text(rows, "id,text,label,user")


def labelled(labels: list[str], start: int = 0) -> str:
    return csv_text([f'{start + n},text {n},"{label}"' for n, label in enumerate(labels)])


def notes_on(found, word: str) -> list[str]:
    return [note for note in found.notes if word in note]


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("3.0", "3", "3"),
        ("00007", "7", "7"),
        ("3.", "3", "3"),
        ("3e0", "3", "3"),
        ("+3", "3", "3"),
        ("-3.0", "-3", "-3"),
        ("\uff13", "3", "3"),
        ("123456789.0", "123456789", "123456789"),
    ],
)
def test_groups_of_one_number_are_one_in_all_files(prepare_files, first, second, kept):
    files = {"train": grouped([first, ""] * 6), "test": grouped([second, ""])}

    found = prepare_files(files, group="user")

    rows = found.rows[found.rows["group"] != ""]
    assert set(rows["group"]) == {kept}
    (note,) = notes_on(found, "column 'user'")
    assert f"'{first}' (train.csv, lines 2, 4, 6 and 3 more)" in note
    assert f"'{second}' (test.csv, line 2) are the number" in note


def test_groups_among_words_are_joined_where_two_spellings_meet(prepare_files):
    found = prepare_files({"train": grouped(["A1", "3.0", "3", "v1.50"] * 3)}, group="user")

    assert set(found.rows["group"]) == {"A1", "3", "v1.50"}


@pytest.mark.parametrize(
    "groups", [["00007", "00012"], ["A1", "3.0"], ["1e5", "ffe"], ["1.5", "2"]]
)
def test_groups_in_one_spelling_stay(prepare_files, groups):
    found = prepare_files({"train": grouped(groups * 5)}, group="user")

    assert set(found.rows["group"]) == set(groups)
    assert notes_on(found, "column 'user'") == []


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u200b", "\u3000", "\ufeff", "\t"])
def test_white_space_around_is_no_part_of_a_value(prepare_files, space):
    files = {"train": grouped(["x", f"{space}x{space}"] * 5), "predict": "id,text\n 1 ,some\n"}
    files["sample"] = f"id,label\n{space}1{space},a\n"

    found = prepare_files(files, group="user")

    assert set(found.rows["group"]) == {"x"}
    assert found.unlabelled["id"].tolist() == ["1"]
    assert trim(f"{space}a b{space}") == "a b"


@pytest.mark.parametrize(
    ("train", "test", "classes"),
    [
        (["0.0", "1.0", "2.0"], ["0", "1", "2"], ("0", "1", "2")),
        (["0", "1", "2"], ["0.0", "2.0"], ("0", "1", "2")),
        (["0.", "1."], ["0", "1"], ("0", "1")),
        (["1.0", "1.5"], ["1", "1.50"], ("1", "1.5")),
        (["-1.0", "1.0"], ["-1", "+1"], ("-1", "1")),
        (["1", "spam"], ["1.0"], ("1", "spam")),
    ],
)
def test_labels_of_one_number_are_one_class(prepare_files, train, test, classes):
    found = prepare_files({"train": labelled(train * 6), "test": labelled(test, 100)})

    assert found.labels.classes == classes
    assert set(found.rows["label"]) == set(classes)
    assert notes_on(found, "column 'label'")


def test_floats_alone_are_read_as_whole_numbers_with_a_note(prepare_files):
    found = prepare_files({"train": labelled(["0.0", "1.0"] * 6)}, classes=["0.0", "1"])

    assert found.labels.classes == ("0", "1")
    assert notes_on(found, "'0.0' is read as '0'")


def test_labels_with_leading_zeros_are_never_taken_for_others(prepare_files):
    found = prepare_files({"train": labelled(["01", "02"] * 6)})
    assert found.labels.classes == ("01", "02")
    files = {"train": labelled(["01", "02"] * 6), "test": labelled(["1"], 100)}
    assert "test.csv, line 2: label '1' (did you mean '01'?)" in prepare_error(prepare_files, files)


def test_several_labels_a_row_follow_the_rule(prepare_files):
    files = {"train": labelled(["1.0|2.0", "2", "3.0"] * 4), "test": labelled(["1|3"], 100)}

    found = prepare_files(files, task="multilabel", separator="|")

    assert found.labels.classes == ("1", "2", "3")
    assert set(found.rows["label"]) == {"1|2", "2", "3", "1|3"}


@pytest.fixture
def prepare_judged(prepare_files, tmp_path, monkeypatch):
    """Prepare a file of ids with judgements of them."""

    def prepare(ids: list[str], judgements: list[str], **options):
        text = "\n".join(["item,who,said", *judgements]) + "\n"
        (tmp_path / "judged.csv").write_text(text, encoding="utf-8")
        labels = options.pop("labels", ["a", "b"])
        rows = [f"{name},text {n},{labels[n % len(labels)]}" for n, name in enumerate(ids)]
        files = {"train": csv_text(rows)} | options.pop("others", {})
        return prepare_files(files, annotations=JUDGED, **options)

    return prepare


IDS = [f"{n:04}" for n in range(12)]


@pytest.mark.parametrize("spelling", ["{}", "{}.0", "{:06}", " {} "])
def test_items_are_rows_in_whatever_spelling(prepare_judged, spelling):
    judgements = [f"{spelling.format(n)},{who},a" for n in range(12) for who in "xy"]

    found = prepare_judged(IDS, judgements)

    assert found.annotations.first["id"].tolist() == [name for name in IDS for _ in "xy"]
    assert notes_on(found, "12 items are matched although they differ in leading zeros") or (
        spelling == "{:04}"
    )


def test_an_item_that_may_mean_two_rows_is_refused(prepare_judged):
    with pytest.raises(FoldlineError, match=r"'07' may mean '007' .*train\.csv, line 3.* or '7' "):
        prepare_judged(["7", "007", *IDS[:7], "x", "y", "z"], ["07,x,a", "07,y,b"])


def test_annotators_and_their_labels_follow_the_rule(prepare_judged):
    people = ["1.0", "1", "2"]
    judgements = [
        f"{name},{who},{said}"
        for name in IDS
        for who, said in zip(people[::2], ["0.0", "0"], strict=True)
    ]

    found = prepare_judged(IDS, judgements, labels=["0", "1"])

    assert set(found.annotations.first["annotator"]) == {"1", "2"}
    assert set(found.annotations.first["label"]) == {"0"}


def test_two_spellings_of_one_id_in_a_file_are_refused(prepare_files):
    rows = [f"{n}.0,text {n},{LABELS[n % 2]}" for n in range(12)]

    found = prepare_error(prepare_files, {"train": csv_text([*rows, "3,again,a"])})

    assert "train.csv, column 'id': '3.0' (line 5) and '3' (line 14) are one id" in found


def test_ids_that_became_floats_are_whole_again(prepare_files):
    rows = [f"{n}.0,text {n},{LABELS[n % 2]}" for n in range(12)]

    assert prepare_files({"train": csv_text(rows)}).rows["id"].tolist()[-1] == "11"


@pytest.mark.parametrize("group", ["1.23457E+11", "1.2345678901234568e+16"])
def test_numbers_that_a_spreadsheet_rounded_are_noted(prepare_files, group):
    found = prepare_files({"train": grouped([group, "5"] * 6)}, group="user")

    (note,) = notes_on(found, "rounded")
    assert "train.csv, lines 2, 4, 6 and 3 more: 1 values of column 'user' (group)" in note


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [("3.0", "3", True), ("03", "3", True), ("3", "4", False), (".5", "0.50", True)],
)
def test_numbers_have_one_key(first, second, same):
    assert (number_key(first) == number_key(second)) is same


@pytest.mark.parametrize("text", ["", "a", "1a", "0x10", "1_000", "nan", "1,5", "1e999999"])
def test_what_is_no_number_has_no_key(text):
    assert number_key(text) is None


def test_a_value_is_found_by_its_number():
    assert find_value("1.0", ["0", "1"]) == "1"
    assert find_value("07", ["7", "007"]) is None
    assert find_value("007", ["7", "007"]) == "007"


def test_an_exact_item_is_no_proof_where_others_lost_their_zeros(prepare_judged, tmp_path):
    judgements = [f"{n},{who},a" for n in (3, 5) for who in "xy"]
    files = {"predict": csv_text(["5,new"], "id,text")}

    with pytest.raises(FoldlineError, match=r"'5' may mean '0005' .*train\.csv.* or '5' .*predict"):
        prepare_judged(IDS, judgements, others=files)


def test_classes_in_two_spellings_are_one(prepare_files):
    found = prepare_files({"train": labelled(["0", "1"] * 6)}, classes=["1", "1.0", "0"])

    assert found.labels.classes == ("1", "0")
