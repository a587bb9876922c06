"""Advice on annotations is tried by following it: the error goes away, and they are read."""

from collections.abc import Callable

import pytest

from foldline.annotators import agreement, label_ceiling
from tests.data.test_advice import PLAIN, name, number, table
from tests.helpers.advised_projects import case, follow


@pytest.fixture(autouse=True)
def few_resamples(workplace, monkeypatch):
    """Make intervals coarse and quick."""
    monkeypatch.setattr(agreement, "RESAMPLES", 20)
    monkeypatch.setattr(label_ceiling, "DRAWS", 5)


def judged(
    label: Callable[[int], str] = lambda n: "ab"[n % 2],
    item: Callable[[int], str] = lambda n: f"r{n}",
    labels: str = "label",
) -> str:
    """Return the judgements of three people on each of 20 rows."""
    lines = [f"{item(n)},{who},{label(n)}" for n in range(20) for who in "xyz"]
    return "\n".join([f"item_id,annotator_id,{labels}", *lines, ""])


WORDS = {"train.csv": PLAIN, "annotations.csv": judged()}
NUMBERS = {"train.csv": table(label=number), "annotations.csv": judged()}
OTHERS = {
    "train.csv": PLAIN,
    "annotations.csv": judged(lambda n: f"{'cd'[n % 2]},{'ab'[n % 2]}", labels="label,said"),
}
STRAY = {"train.csv": PLAIN, "annotations.csv": judged(lambda n: "c" if n == 3 else "ab"[n % 2])}
MEAN = {"task": "regression", "data.annotations.aggregate": "mean"}
ITEMS = {
    "train.csv": table(key=lambda n: f"k{n}"),
    "annotations.csv": judged(item=lambda n: f"k{n}"),
}
TWICE = WORDS | {"test.csv": table(5)}
CLASSES = {"data.classes": ["a", "b"], "data.annotations.aggregate": "majority"}

CASES = [
    case(ITEMS, "Set data.id", {"data.id": None}, {"data.id": "key"}),
    case(WORDS, "set data.annotations.file=null", {"data.id": None}),
    case(ITEMS, "Check data.annotations.item and data.id", values={"data.id": "key"}),
    case(
        WORDS | {"annotations.csv": judged(lambda n: "")},
        "Fill them in",
        edits={"annotations.csv": judged()},
    ),
    case(
        WORDS | {"annotations.csv": judged(lambda n: f",{'ab'[n % 2]}", labels="label,said")},
        "label. Fill them in, or correct data.annotations",
        values={"data.annotations.label": "said"},
    ),
    *(
        case(
            WORDS,
            f"Set data.annotations.{key} in params.yaml",
            {f"data.annotations.{key}": "absent"},
            {f"data.annotations.{key}": column},
        )
        for key, column in [("item", "item_id"), ("annotator", "annotator_id"), ("label", "label")]
    ),
    case(
        TWICE,
        "Make ids unique across files",
        edits={"test.csv": table(5, id=lambda n: f"t{n}")},
    ),
    *(
        case(
            WORDS | {"annotations.csv": judged(lambda _, cell=cell: f'"{cell}"')},
            "Write one value in each row",
            edits={"annotations.csv": judged()},
        )
        for cell in ('[""a"", ""b""]', "[0, 1]")
    ),
    case(WORDS, "set data.annotations.scale=nominal", {"data.annotations.scale": "interval"}),
    case(WORDS, "set data.annotations.scale=nominal", {"data.annotations.scale": "ordinal"}),
    case(
        WORDS,
        "list its words in order in data.classes",
        {"data.annotations.scale": "ordinal"},
        {"data.classes": ["b", "a"]},
    ),
    case(
        NUMBERS,
        "Correct the labels",
        MEAN,
        edits={"annotations.csv": judged(lambda n: str(number(n)))},
    ),
    case(NUMBERS, "set data.annotations.aggregate=none", MEAN),
    case(
        NUMBERS,
        "set data.annotations.aggregate=none and data.annotations.scale=nominal",
        MEAN | {"data.annotations.scale": "ordinal", "data.classes": ["a", "b"]},
    ),
    case(STRAY, "Correct the labels", CLASSES, edits={"annotations.csv": judged()}),
    case(
        STRAY,
        "empty the cells that should not count",
        CLASSES,
        edits={"annotations.csv": judged(lambda n: "" if n == 3 else "ab"[n % 2])},
    ),
    case(
        OTHERS,
        "Name another column in data.annotations.label",
        {"data.annotations.aggregate": "majority"},
        {"data.annotations.label": "said"},
    ),
    case(
        OTHERS,
        "map one of the two to the other's words",
        {"data.annotations.aggregate": "majority"},
        edits={"train.csv": table(label=lambda n: "cd"[n % 2])},
    ),
    case(
        {
            "train.csv": table(id=lambda n: f"{n:03}") + '"7","more","a"\n',
            "annotations.csv": judged(item=lambda n: f"{n:02}"),
        },
        "Write each id in one way in all files",
        edits={"annotations.csv": judged(item=lambda n: f"{n:03}")},
    ),
]


@pytest.mark.parametrize("own", CASES, ids=name)
def test_advice_on_annotations(own):
    dataset = follow(own).dataset

    if "file=null" in own.advice:
        assert dataset.annotations is None
    else:
        assert set(dataset.annotations.first["id"]) <= set(dataset.rows["id"])
