"""Columns and tasks are guessed by name and by content, in English and Korean."""

from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.data.raw_table import RawTable
from foldline.importer.annotation_tables import AnnotationColumns, guess_annotation_columns
from foldline.importer.column_guessing import (
    Guess,
    column_hints,
    find_missing_header,
    guess_columns,
    guess_task,
)
from foldline.importer.column_names import part_by_name

N = 40
# Columns of every kind, N cells each.
COLUMNS = {
    "text": [f"a text of some words, number {n}" for n in range(N)],
    "korean": [f"영화가 정말 재미있었어요 {n}번" for n in range(N)],
    "short": [f"word{n}" for n in range(N)],
    "key": [f"row-{n}" for n in range(N)],
    "number": [str(n) for n in range(N)],
    "class": [("spam", "ham")[n % 2] for n in range(N)],
    "three": [("긍정", "부정", "중립")[n % 3] for n in range(N)],
    "binary": [str(n % 2) for n in range(N)],
    "score": [f"{n / 8:.3f}" for n in range(N)],
    "grade": [str(1 + n % 5) for n in range(N)],
    "person": [f"user{n % 7}" for n in range(N)],
    "date": [f"2024-01-{1 + n % 28:02}" for n in range(N)],
    "dots": [f"2024. {1 + n % 12}. {1 + n % 28}." for n in range(N)],
    "same": ["x"] * N,
    "twice": [f"what somebody said to somebody, and at length: {n // 2}" for n in range(N)],
}


def raw_table(columns: dict[str, str], name: str = "train.csv") -> RawTable:
    """Make a file of named columns, each of a kind above."""
    found = {column: list(COLUMNS[kind]) for column, kind in columns.items()}
    return RawTable(Path(name), found, list(range(2, N + 2)))


def guess_roles(columns: dict[str, str], **given: str | None) -> dict[str, str]:
    """Return the roles that are filled, as `role: column`."""
    known = {role: Guess(column, "from the command line") for role, column in given.items()}
    found = guess_columns(raw_table(columns), {}, known)
    return {role: guess.column for role, guess in found.items() if guess.column}


# columns of the file (name: kind), then the roles expected
TABLES = {
    "plain English": (
        {"id": "key", "text": "text", "label": "class"},
        {"id": "id", "text": "text", "label": "label"},
    ),
    "plain Korean": (
        {"번호": "number", "문장": "korean", "라벨": "three"},
        {"id": "번호", "text": "문장", "label": "라벨"},
    ),
    "Korean review with a day": (
        {"아이디": "key", "리뷰": "korean", "평점": "grade", "작성일": "dots", "작성자": "person"},
        {"id": "아이디", "text": "리뷰", "label": "평점", "time": "작성일", "group": "작성자"},
    ),
    "sentence pairs": (
        {"guid": "key", "sentence1": "text", "sentence2": "korean", "score": "score"},
        {"id": "guid", "text": "sentence1", "text_pair": "sentence2", "label": "score"},
    ),
    "Korean pairs": (
        {"문장1": "korean", "문장2": "text", "유사도": "score"},
        {"text": "문장1", "text_pair": "문장2", "label": "유사도"},
    ),
    "inference": (
        {"premise": "text", "hypothesis": "korean", "gold_label": "three"},
        {"text": "premise", "text_pair": "hypothesis", "label": "gold_label"},
    ),
    "questions, with ids of each": (
        {"id": "key", "qid1": "number", "question1": "text", "question2": "korean", "y": "binary"},
        {"id": "id", "text": "question1", "text_pair": "question2", "label": "y"},
    ),
    "letters instead of numbers": (
        {"Text_A": "text", "Text_B": "korean", "Label": "binary"},
        {"text": "Text_A", "text_pair": "Text_B", "label": "Label"},
    ),
    "case, spaces and words within": (
        {"Review ID": "key", "Review Text": "text", "Class": "class", "Created At": "date"},
        {"id": "Review ID", "text": "Review Text", "label": "Class", "time": "Created At"},
    ),
    "title and body": (
        {"title": "short", "content": "text", "category": "three"},
        {"text": "content", "label": "category"},
    ),
    "a rating beside a label": (
        {"document": "korean", "label": "binary", "rating": "grade"},
        {"text": "document", "label": "label"},
    ),
    "names that say nothing": (
        {"c0": "key", "c1": "text", "c2": "class", "c3": "date"},
        {"id": "c0", "text": "c1", "label": "c2", "time": "c3"},
    ),
    "numbers of texts and labels beside them": (
        {"text_id": "person", "text": "text", "label_id": "binary", "label": "class"},
        {"text": "text", "label": "label"},
    ),
    "Korean words written together": (
        {"리뷰내용": "korean", "감정라벨": "three", "등록일": "date", "고객번호": "person"},
        {"text": "리뷰내용", "label": "감정라벨", "time": "등록일"},
    ),
    "what a user gives is no user": (
        {"text": "text", "user_rating": "grade", "label": "class", "reading_time": "score"},
        {"text": "text", "label": "label"},
    ),
    "a label by its name": (
        {"text": "text", "label_no": "same", "label_name": "three"},
        {"text": "text", "label": "label_name"},
    ),
    "seconds and a name": (
        {"timestamp": "number", "author_name": "person", "body": "text", "label": "class"},
        {"time": "timestamp", "group": "author_name", "text": "body", "label": "label"},
    ),
    "texts of users": (
        {"user": "twice", "reply": "short", "label": "class"},
        {"text": "user", "label": "label"},
    ),
    "an id that repeats is none": (
        {"id": "person", "text": "text", "label": "class"},
        {"text": "text", "label": "label"},
    ),
    "a date that is none": (
        {"text": "text", "label": "class", "year": "short", "date": "short"},
        {"text": "text", "label": "label"},
    ),
    "a user of each row is no group": (
        {"user": "key", "text": "text", "label": "class"},
        {"id": "user", "text": "text", "label": "label"},
    ),
    "a label that is always the same is none": (
        {"text": "text", "label": "same", "kind": "class"},
        {"text": "text", "label": "kind"},
    ),
}


@pytest.mark.parametrize(("columns", "roles"), TABLES.values(), ids=TABLES)
def test_columns_are_guessed(columns, roles):
    assert guess_roles(columns) == roles


def test_what_was_reported_goes_before_every_guess():
    columns = {"id": "key", "text": "text", "body": "korean", "label": "class", "kind": "three"}

    assert guess_roles(columns, text="body", label="kind", id=None) == {
        "text": "body",
        "label": "kind",
    }


def test_a_guess_says_why():
    found = guess_columns(raw_table({"text": "text", "label": "class"}), {}, {})

    assert found["label"].why == "its name; 2 values in 40 rows"
    assert found["time"] == Guess(None, "no column of this kind")


def test_an_id_must_stand_in_every_file():
    train = raw_table({"id": "key", "text": "text", "label": "class"})
    without = raw_table({"text": "text"}, "test.csv")

    assert guess_columns(train, {"predict": without}, {})["id"].column is None
    assert guess_columns(train, {"predict": train}, {})["id"].column == "id"


def test_a_time_must_stand_in_the_official_files_but_not_in_rows_to_predict():
    train = raw_table({"text": "text", "label": "class", "date": "date"})
    without = raw_table({"text": "text", "label": "class"}, "other.csv")

    assert guess_columns(train, {"test": without}, {})["time"].column is None
    assert guess_columns(train, {"predict": without}, {})["time"].column == "date"


def test_columns_known_only_after_the_fact_get_no_role():
    train = raw_table({"text": "text", "label": "class", "date": "date"})

    assert guess_columns(train, {}, {}, skip=["date"])["time"].column is None


@pytest.mark.parametrize(
    ("columns", "given", "expected"),
    [
        ({"a": "text", "b": "text"}, {}, ["no column looks like the label", "--label COLUMN"]),
        ({"a": "score", "b": "class"}, {}, ["no column looks like the text", "--text COLUMN"]),
        ({"text": "text", "y": "class"}, {"label": "labl"}, ["has no column 'labl'", "text, y"]),
        ({"text": "text", "label": "class"}, {"text_pair": "txt"}, ["mean 'text'", "--pair"]),
    ],
)
def test_a_role_without_a_column_is_reported(columns, given, expected):
    with pytest.raises(FoldlineError) as caught:
        guess_roles(columns, **given)

    for part in expected:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("column", "values", "task"),
    [
        ("label", ["a", "b"] * 20, "classification"),
        ("label", ["0", "1"] * 20, "classification"),
        ("label", ["0.0", "1.0"] * 20, "classification"),
        ("label", ["1", "x"] * 20, "classification"),
        ("label", [str(n % 77) for n in range(1000)], "classification"),  # numbered classes
        ("label", [str(n) for n in range(100)], "regression"),
        ("target", ["0.5", "1", "2"] * 9, "regression"),
        ("score", ["0", "1", "2", "3"] * 9, "regression"),
        ("score", ["0", "1"] * 9, "classification"),
        ("평점", ["1", "2", "3", "4", "5"] * 9, "regression"),
        ("label", ["3,5", "0,1", "2"] * 9, "regression"),
        ("label", ["4.5점", "3점"] * 9, "regression"),
        ("label", [f"{n},000원" for n in range(1, 40)], "regression"),
        ("label", ["0.5", "N/A", "2"] * 9, "regression"),
        ("label", ["5점", "4점"] * 9, "classification"),
        ("label", ["class1", "class2"] * 9, "classification"),
    ],
)
def test_the_task_is_guessed(column, values, task):
    assert guess_task(column, values)[0] == task


def test_a_file_without_a_header_is_seen():
    rows = {"ham": ["ham", "spam"] * 20, "hello there": COLUMNS["text"]}

    assert find_missing_header(RawTable(Path("sms.tsv"), rows, list(range(1, N + 1)))) == "ham"
    assert find_missing_header(raw_table({"text": "text", "label": "class"})) is None


def test_columns_without_a_role_are_hinted_at():
    raw = raw_table({"text": "text", "title": "korean", "movie_id": "person", "label": "class"})
    found = column_hints(raw, guess_columns(raw, {}, {}))

    assert [line.split("'")[1] for line in found] == ["title", "movie_id"]
    assert "--pair 'title'" in found[0]
    assert "--group 'movie_id'" in found[1]


@pytest.mark.parametrize(
    ("stem", "part"),
    [
        ("train", "train"),
        ("ratings_train", "train"),
        ("Train-v2", "train"),
        ("dev", "valid"),
        ("validation", "valid"),
        ("KLUE_val", "valid"),
        ("학습_데이터", "train"),
        ("test", "test"),
        ("test_unlabeled", "predict"),
        ("sample_submission", "sample"),
        ("data", None),
        ("latest", None),
    ],
)
def test_the_part_is_read_from_the_file_name(stem, part):
    assert part_by_name(stem) == part


def annotation_table(label: list[str], **more: list[str]) -> RawTable:
    columns = {
        "item_id": [f"t{n // 3}" for n in range(N)],
        "annotator_id": [f"p{n % 3}" for n in range(N)],
        "flag": [str(n % 2) for n in range(N)],
    }
    return RawTable(Path("a.csv"), columns | more | {"severity": label}, list(range(2, N + 2)))


@pytest.mark.parametrize(
    ("label", "scale"),
    [
        (["yes", "no"] * 20, "nominal"),
        (["0", "1"] * 20, "nominal"),
        ([str(n % 4 - 2) for n in range(N)], "ordinal"),
        ([f"{n / 7:.2f}" for n in range(N)], "interval"),
    ],
)
def test_a_table_of_judgements_is_recognised(label, scale):
    expected = AnnotationColumns("item_id", "annotator_id", "severity", scale)

    assert guess_annotation_columns(annotation_table(label)) == expected


def test_a_korean_table_of_judgements_is_recognised():
    rows = {
        "문항": [f"t{n // 2}" for n in range(N)],
        "평가자": [f"p{n % 2}" for n in range(N)],
        "점수": [str(n % 5) for n in range(N)],
    }

    found = guess_annotation_columns(RawTable(Path("a.csv"), rows, list(range(N))))
    assert found == AnnotationColumns("문항", "평가자", "점수", "ordinal")


def test_rows_with_one_judgement_each_are_no_such_table():
    assert (
        guess_annotation_columns(raw_table({"id": "key", "annotator": "person", "label": "class"}))
        is None
    )
    assert (
        guess_annotation_columns(raw_table({"id": "key", "text": "text", "label": "class"})) is None
    )


@pytest.mark.parametrize("count", [1, 2])
def test_a_name_that_says_text_is_believed_in_the_smallest_files(count):
    columns = {"text": ["hello there", "good bye"][:count], "label": ["a", "b"][:count]}
    found = {} if count == 2 else {"label": Guess("label", "from the command line")}

    guess = guess_columns(RawTable(Path("t.csv"), columns, [2, 3][:count]), {}, found)

    assert (guess["text"].column, guess["label"].column) == ("text", "label")
