"""Advice on rows and columns is tried by following it: the error or the note goes away."""

import json
from collections.abc import Callable

import pytest

from tests.helpers.advised_projects import Case, case, follow

pytestmark = pytest.mark.usefixtures("workplace")


def letter(n: int) -> str:
    return "ab"[n % 2]


def table(count: int = 20, **columns: Callable[[int], object]) -> str:
    """Return rows of two classes; columns are added, or replace others, by the row's number."""
    own: dict[str, Callable[[int], object]] = {
        "id": lambda n: f"r{n}",
        "text": lambda n: f"text number {n}",
        "label": letter,
    }
    own |= columns
    lines = [",".join(f'"{cell(n)}"' for cell in own.values()) for n in range(count)]
    return "\n".join([",".join(own), *lines, ""])


def json_lines(record: Callable[[int], dict[str, object]]) -> str:
    """Return 20 rows as objects."""
    return "".join(f"{json.dumps({'id': str(n)} | record(n))}\n" for n in range(20))


def only(row: int, value: object, usual: Callable[[int], object]) -> Callable[[int], object]:
    """Return a column that has `value` in one row."""
    return lambda n: value if n == row else usual(n)


PLAIN = table()
NUMBERS = {"task": "regression"}
SEVERAL = {"task": "multilabel"}


def number(n: int) -> float:
    return n / 4


ROWS = [
    case(
        {"train.csv": table(text=lambda n: "", body=lambda n: f"body {n}")},
        "Check data.text and data.label",
        values={"data.text": "body"},
    ),
    *(
        case({"train.csv": table(id=only(3, "", lambda n: n))}, advice, edits=edits)
        for advice, edits in [
            ("Add an id to every row", {"train.csv": PLAIN}),
            ("set data.id=null", {}),
        ]
    ),
    *(
        case({"train.csv": table(id=only(3, "r1", lambda n: f"r{n}"))}, advice, edits=edits)
        for advice, edits in [
            ("Make ids unique", {"train.csv": PLAIN}),
            ("set data.id=null", {}),
        ]
    ),
    *(
        case({"train.csv": table(id=only(3, "1.0", lambda n: n))}, advice, edits=edits)
        for advice, edits in [
            ("Make ids unique", {"train.csv": PLAIN}),
            ("set data.id=null", {}),
        ]
    ),
    *(
        case({"train.csv": table(label=only(3, "", letter))}, advice, edits=edits)
        for advice, edits in [
            ("Fill them in", {"train.csv": PLAIN}),
            ("set prepare.missing_label=drop", {}),
        ]
    ),
    case(
        {"train.csv": PLAIN, "test.csv": table(label=lambda n: "")},
        "name the file as data.predict instead of data.test",
        values={"data.predict": "data/raw/test.csv", "data.test": None},
    ),
    case(
        {"train.csv": table(label=lambda n: "", kind=letter)},
        "name another column as data.label",
        values={"data.label": "kind"},
    ),
    *(
        case(
            {"train.csv": table(text=only(3, " ", lambda n: f"text {n}"))},
            advice,
            {"prepare.empty_text": "error"},
            edits=edits,
        )
        for advice, edits in [
            ("Fill them in", {"train.csv": PLAIN}),
            ("set prepare.empty_text=drop", {}),
        ]
    ),
    case({"train.csv": table(9)}, "provide at least 10", edits={"train.csv": table(10)}),
    *(
        case(
            {"train.csv": table(label=only(3, "b", lambda n: n % 2))}, advice, NUMBERS, edits=edits
        )
        for advice, edits in [
            ("Correct the labels", {"train.csv": table(label=number)}),
            ("set task=classification", {}),
        ]
    ),
    case(
        {"train.csv": table(label=only(3, "NaN", number))},
        "Empty the cell (and set prepare.missing_label=drop)",
        NUMBERS,
        edits={"train.csv": table(label=only(3, "", number))},
    ),
    case(
        {"train.csv": table(label=lambda n: f"{n + 1},{n + 100:03}")},
        "Write numbers with a decimal point and nothing between thousands",
        NUMBERS,
        edits={"train.csv": table(label=lambda n: f"{n + 1}.{n + 100:03}")},
    ),
    case(
        {"train.csv": table(label=only(3, "4 kg", number))},
        "Write all numbers in one way, best with a decimal point and without units",
        NUMBERS,
        edits={"train.csv": table(label=only(3, "4", number))},
    ),
    *(
        case({"train.csv": table(label=lambda n: f"{n}e30")}, advice, NUMBERS, edits=edits)
        for advice, edits in [
            ("write all labels in a larger unit", {"train.csv": table(label=lambda n: n)}),
        ]
    ),
    case(
        {"train.csv": table(label=lambda n: f"{n}e-33")},
        "Write them in a smaller unit",
        NUMBERS,
        edits={"train.csv": table(label=lambda n: n)},
    ),
    *(
        case(
            {"train.csv": table(weight=only(3, bad, lambda n: 1))},
            advice,
            {"data.weight": "weight"},
            edits=edits,
        )
        for bad, advice, edits in [
            ("0", "remove rows of weight 0", {"train.csv": table(weight=lambda n: 2)}),
            ("x", "set data.weight=null", {}),
            (
                "1e-12",
                "Write all weights in another unit",
                {"train.csv": table(weight=lambda n: 1)},
            ),
            ("1e-12", "set data.weight=null", {}),
        ]
    ),
    *(
        case(
            {"train.csv": table(time=only(3, bad, usual))},
            advice,
            {"data.time": "time"},
            edits=edits,
        )
        for bad, usual, advice, edits in [
            (
                "soon",
                lambda n: f"2024-01-{n + 1:02}",
                "Correct it",
                {"train.csv": table(time=lambda n: f"2024-01-{n + 1:02}")},
            ),
            ("soon", lambda n: f"2024-01-{n + 1:02}", "set data.time=null", {}),
            (
                "7",
                lambda n: f"2024-01-{n + 1:02}",
                "Use one format",
                {"train.csv": table(time=lambda n: f"2024-01-{n + 1:02}T12:00:00+09:00")},
            ),
            ("1e31", lambda n: n, "set data.time=null", {}),
        ]
    ),
]


OTHER_CLASS = table(10, id=lambda n: f"t{n}", label=lambda n: "abc"[n % 3])
HARD = {"task": "multilabel", "data.label": ["x", "y"]}
FLAGS = {"x": lambda n: n % 2, "y": lambda n: n // 2 % 2}
VECTORS = {"train.csv": table(label=lambda n: f"[{n % 2}, {n // 2 % 2}]")}

LABELS = [
    *(
        case(
            {"train.csv": table(bias=bias, other=lambda n: "xy"[n % 2])},
            "Name another column as data.auxiliary_label, or set it to null",
            {"data.auxiliary_label": "bias"},
            values={"data.auxiliary_label": name},
        )
        for bias in (lambda n: "x", lambda n: "")
        for name in ("other", None)
    ),
    case(
        {"train.csv": table(label=lambda n: "a", kind=letter)},
        "Check data.label",
        values={"data.label": "kind"},
    ),
    case({"train.csv": table(120, label=number)}, "set task=regression"),
    case(
        {"train.csv": table(120, label=number, kind=letter)},
        "check data.label",
        values={"data.label": "kind"},
    ),
    case(
        {"train.csv": table(120, label=lambda n: f"a;{n};b" if n % 2 else "a")},
        "check data.label and data.separator",
        SEVERAL,
        values={"data.separator": ";"},
        edits={"train.csv": table(120, label=lambda n: "a;b" if n % 2 else "a")},
    ),
    case(
        {"train.csv": table(label=lambda n: "abc"[n % 3])},
        "Correct the labels, or add the class to data.classes",
        {"data.classes": ["a", "b"]},
        values={"data.classes": ["a", "b", "c"]},
    ),
    case(
        {"train.csv": PLAIN, "test.csv": OTHER_CLASS},
        "move rows of that class to train",
        edits={
            "train.csv": PLAIN + "".join(f"t{n},text number {n},c\n" for n in range(2, 10, 3)),
            "test.csv": table(10, id=lambda n: f"t{n}"),
        },
    ),
    case(
        {"train.csv": PLAIN, "test.csv": OTHER_CLASS},
        "add the class to data.classes, and rows of it to train",
        {"data.classes": ["a", "b"]},
        values={"data.classes": ["a", "b", "c"]},
        edits={"train.csv": PLAIN + "u1,other,c\n"},
    ),
    case(
        {"train.csv": table(label=only(3, '[""a"", ""b""]', letter))},
        "set task=multilabel",
    ),
    case(
        {"train.csv": table(label=only(3, '[""a"", ""b""]', letter))},
        "otherwise write one label",
        edits={"train.csv": PLAIN},
    ),
    case({"train.csv": PLAIN}, "otherwise set task=classification", SEVERAL),
    case(
        {"train.csv": table(label=lambda n: ["a", "b", "a; b"][n % 3])},
        "set data.separator",
        SEVERAL,
        values={"data.separator": ";"},
    ),
    case(
        {"train.csv": table(label=lambda n: "[a, b" + "]" if n % 2 else "[a, ...]")},
        "or with data.separator between them",
        SEVERAL,
        edits={"train.csv": table(label=lambda n: "a|b" if n % 2 else "a")},
    ),
    *(
        case(
            {
                "train.csv": table(
                    label=lambda n: '[[""a""], [""b""]]', kind=lambda n: "a|b"[: n + 1]
                )
            },
            advice,
            task,
            {"data.label": "kind"},
        )
        for task, advice in [
            (SEVERAL, "name another column as data.label"),
            ({}, "name another column"),
        ]
    ),
    *(
        case(
            {"train.csv": table(label=lambda n: ["a|b", "a", "a;b"][n % 3])},
            advice,
            SEVERAL | {"data.separator": ";"},
            values,
            edits,
        )
        for advice, values, edits in [
            ("set data.separator to '|' if these are several labels", {"data.separator": "|"}, {}),
            (
                "Rename the label",
                {},
                {"train.csv": table(label=lambda n: ["a/b", "a", "a;b"][n % 3])},
            ),
        ]
    ),
    *(
        case(
            {
                "train.csv": table(
                    **FLAGS | {"x": only(3, "2", lambda n: n % 2)}, z=lambda n: n % 3 % 2
                )
            },
            advice,
            HARD | {"data.label": ["x", "y", "z"]},
            values,
            edits,
        )
        for advice, values, edits in [
            ("Correct the cell", {}, {"train.csv": table(**FLAGS, z=lambda n: n % 3 % 2)}),
            ("remove the column from data.label", {"data.label": ["y", "z"]}, {}),
        ]
    ),
    case(
        VECTORS,
        "list these columns: --label NAME1,NAME2 in `foldline import`, or data.label",
        SEVERAL,
        values={"data.label": ["x", "y"]},
        edits={"train.csv": table(**FLAGS)},
    ),
    case(
        VECTORS,
        "or write the labels' names",
        SEVERAL,
        edits={
            "train.csv": table(label=lambda n: "|".join(["x"] * (n % 2) + ["y"] * (n // 2 % 2)))
        },
    ),
    case(
        {"train.csv": table(label=lambda n: ["spam", "ham", "Spam"][n % 3])},
        "Write them in one way if they are one",
        edits={"train.csv": table(label=lambda n: ["spam", "ham", "spam"][n % 3])},
    ),
    case(
        {"train.csv": table(text=only(3, "NULL", lambda n: f"text {n}"))},
        "Empty the cells that lack a value",
        edits={"train.csv": table(text=only(3, "", lambda n: f"text {n}"))},
    ),
    case(
        {"train.csv": table(label=lambda n: ["a", "b", "none"][n % 3])},
        "If it stands for no label, empty these cells",
        {"prepare.missing_label": "drop"},
        edits={"train.csv": table(label=lambda n: ["a", "b", ""][n % 3])},
    ),
]


def rating(n: int) -> int:
    return n * 37 % 101


PAIRS = {"train.csv": table(b=lambda n: f"other {n}")}
COLUMNS = [
    *(
        case(PAIRS, advice, {f"data.{role}": "absent"}, values)
        for role, advice, values in [
            ("text", "Set data.text in params.yaml", {"data.text": "text"}),
            ("label", "Set data.label in params.yaml", {"data.label": "label"}),
            ("id", "Set data.id in params.yaml", {"data.id": "id"}),
            ("id", "Set data.id in params.yaml, or set it to null", {"data.id": None}),
            ("text_pair", "Set data.text_pair in params.yaml", {"data.text_pair": "b"}),
            ("group", "Set data.group in params.yaml, or set it to null", {"data.group": None}),
            ("weight", "Set data.weight in params.yaml, or set it to null", {"data.weight": None}),
            ("time", "Set data.time in params.yaml, or set it to null", {"data.time": None}),
            (
                "auxiliary_label",
                "Set data.auxiliary_label in params.yaml, or set it to null",
                {"data.auxiliary_label": None},
            ),
        ]
    ),
    case(
        {"train.csv": PLAIN, "test.csv": "id,text\nt1,one\nt2,two\n"},
        "name a file without labels as data.predict instead",
        values={"data.predict": "data/raw/test.csv", "data.test": None},
    ),
    case(
        {
            "train.jsonl": json_lines(
                lambda n: {"text": {"title": f"t {n}", "body": f"b {n}"}, "label": letter(n)}
            )
        },
        "'text' holds objects: name one of the fields 'text.title', 'text.body'. Set data.text",
        values={"data.text": "text.body"},
    ),
    case(
        {"train.csv": table(text=lambda n: f'[""one {n}"", ""two""]', body=lambda n: f"body {n}")},
        "Write one value in each row",
        edits={"train.csv": PLAIN},
    ),
    case(
        {"train.csv": table(text=lambda n: f'[""one {n}"", ""two""]', body=lambda n: f"body {n}")},
        "name another column as data.text",
        values={"data.text": "body"},
    ),
    case(
        {"train.csv": table(text=lambda n: f"text {n} rated {rating(n)}", rating=rating)},
        "remove it from them",
        {"data.known_after": ["rating"]},
        edits={"train.csv": table(rating=rating)},
    ),
    *(
        case(
            {"train.csv": table(rating=lambda n: n)},
            "which data.known_after names; it has id, text, label, rating; did you mean 'rating'? "
            "Correct or remove the name",
            {"data.known_after": ["ratin"]},
            {"data.known_after": names},
        )
        for names in (["rating"], [])
    ),
    case(
        {"train.csv": table(12, id=lambda n: f"100{n % 10}.0" if n else "1.0e+15")},
        "Take the file before that program, with the column as text",
        {"data.id": None, "data.group": "id"},
        edits={"train.csv": PLAIN},
    ),
    case(
        {"train.csv": PLAIN + '"r1 ",more,a\n'},
        "Make ids unique",
        edits={"train.csv": PLAIN + "r99,more,a\n"},
    ),
]


def name(own: Case) -> str:
    return own.advice[:50]


@pytest.mark.parametrize("own", ROWS, ids=name)
def test_advice_on_rows(own):
    follow(own)


@pytest.mark.parametrize("own", LABELS, ids=name)
def test_advice_on_labels(own):
    follow(own)


@pytest.mark.parametrize("own", COLUMNS, ids=name)
def test_advice_on_columns(own):
    follow(own)
