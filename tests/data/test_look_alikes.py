"""Values that look alike, and words for nothing, are told with counts and lines."""

import unicodedata

import pytest

from foldline.data.look_alikes import is_placeholder, look_alike_key
from tests.helpers.raw_files import csv_lines, csv_text, prepare_error

COUPLES = [
    ("on-line", "on\u2011line"),
    ("on-line", "on\u2013line"),
    ("a-b", "a\u2212b"),
    ("it's", "it\u2019s"),
    ('say "x"', "say \u201cx\u201d"),
    ("정치·사회", "정치\u318d사회"),
    ("정치·사회", "정치\u30fb사회"),
    ("정치·사회", "정치\u2027사회"),
    ("and...", "and\u2026"),
    ("\u2764", "\u2764\ufe0f"),
    ("\U0001f44d", "\U0001f44d\U0001f3fd"),
    ("ABC", "\uff21\uff22\uff23"),
    ("a b", "ab"),
    ("Sport", "sport"),
    ("sport", "\u0455port"),
    ("A", "\u0410"),
    ("a/b", "a\u2215b"),
    ("caf\u00e9", "cafe\u0301"),
    ("01", "1"),
]


@pytest.mark.parametrize(("first", "second"), COUPLES)
def test_look_alikes_share_a_key(first, second):
    assert look_alike_key(first) == look_alike_key(second)


@pytest.mark.parametrize(
    ("first", "second"), [("on-line", "on_line"), ("1", "10"), ("데이터", "데이타"), ("a-b", "ab")]
)
def test_others_do_not(first, second):
    assert look_alike_key(first) != look_alike_key(second)


def labelled(first: str, second: str) -> str:
    rows = [f'{n},text {n},"{label}"' for n, label in enumerate([first] * 7 + [second] * 5)]
    return csv_text([row.replace('say "x"', 'say ""x""') for row in rows])


@pytest.mark.parametrize(("first", "second"), COUPLES)
def test_labels_that_look_alike_are_noted(prepare_files, first, second):
    if unicodedata.normalize("NFC", second) == first:
        return  # one label already
    notes = prepare_files({"train": labelled(first, second)}).notes

    (note,) = [note for note in notes if "look-alike" in note]
    assert "(7 rows; " in note
    assert "train.csv, lines 9, 10, 11 and 2 more)" in note


def test_a_look_alike_in_test_is_refused_with_its_characters(prepare_files):
    files = {"train": labelled("on-line", "off"), "test": csv_text(["x,some,on\u2011line"])}

    found = prepare_error(prepare_files, files)

    assert "did you mean 'on-line', with plain characters instead of U+2011?" in found


def test_groups_that_look_alike_are_noted(prepare_files):
    rows = [f"{n},text {n},{'ab'[n % 2]},{['Kim', 'kim', 'Lee'][n % 3]}" for n in range(12)]
    notes = prepare_files({"train": csv_text(rows, "id,text,label,user")}, group="user").notes

    assert any(note.startswith("groups that differ only in case") for note in notes)


WORDS = ["NULL", "nan", "NaN", "None", "N/A", "<NA>", "\\N", "#N/A", "-", "?", "없음", "없음.",
         "null", "undefined", "(null)", "NaT", "#VALUE!", "해당 없음", "--"]  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_words_for_nothing_are_noted_in_every_role(prepare_files, word):
    rows = [f"{n},text {n},{'ab'[n % 2]},u{n % 3}" for n in range(12)]
    rows += [f"x,{word},a,u1", f"y,some,{word},u1", f"z,other,a,{word}"]

    found = prepare_files({"train": csv_text(rows, "id,text,label,user")}, group="user")

    for kind, line in (("text", 14), ("label", 15), ("group", 16)):
        start = f"train.csv, line {line}: 1 {kind} is only '{word}'"
        assert any(note.startswith(start) for note in found.notes), kind
    assert len(found.rows) == 15  # kept


def test_texts_with_such_a_word_among_others_are_texts(prepare_files):
    rows = [*csv_lines(12), "x,None of them,a", "y,nan bread,b"]

    assert not any("missing" in note for note in prepare_files({"train": csv_text(rows)}).notes)
    assert not is_placeholder("no")


def test_a_frequent_label_like_none_is_a_class(prepare_files):
    rows = [f"{n},text {n},{('none', 'hate')[n % 2]}" for n in range(12)]

    (note,) = [n for n in prepare_files({"train": csv_text(rows)}).notes if "'none'" in n]

    assert note.endswith(
        "'none' is a class of 6 rows. If it stands for no label, empty these cells"
    )
