"""Texts without labels to pre-train on: none of them stands in a held-out row."""

from typing import Any

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.params import Pretrain
from foldline.data.pretraining_texts import pretraining_notes, select_pretraining_texts
from tests.helpers import projects

TEXTS = ["a text to learn", "one more to learn", "a text to stop by", "a text to judge by"]


def table(**changes: Any) -> pd.DataFrame:
    parts = ["train", "train", "valid", "test"]
    ids = ["r0", "r1", "r2", "r3"]
    rows = pd.DataFrame({"id": ids, "text": TEXTS, "text_pair": "", "part": parts, "label": "x"})
    return rows.assign(**changes)


def unlabelled(*texts: str) -> pd.DataFrame:
    ids = [f"u{n}" for n in range(len(texts))]
    return pd.DataFrame({"id": ids, "text": texts, "text_pair": ""}, dtype="str")


@pytest.fixture
def options(recipe):
    """Make the section `pretrain`, switched on."""

    def make(**changes: Any) -> Pretrain:
        return Pretrain.model_validate(recipe().pretrain.model_dump() | {"epochs": 1} | changes)

    return make


def test_nothing_is_given_where_nothing_is_asked_for(options) -> None:
    asked = unlabelled("a new text")
    for changes in ({"epochs": 0}, {"unlabelled": False}, {"epochs": 0, "test": True}):
        found = select_pretraining_texts(table(), asked, options(**changes))
        assert found.empty
        assert list(found.columns) == ["id", "text", "text_pair", "part"]
        assert pretraining_notes(found) == []


def test_unlabelled_texts_that_stand_in_a_row_are_left_out(options) -> None:
    """A row is held out somewhere: in a fold, to stop by, or to judge by. Case is no matter."""
    found = select_pretraining_texts(table(), unlabelled("New", *map(str.upper, TEXTS)), options())
    assert found[["id", "text", "part"]].values.tolist() == [["u0", "New", "unlabelled"]]


def test_either_text_of_a_pair_counts(options) -> None:
    rows = table(text_pair=["", "", "", "its second text"])
    asked = unlabelled("new", "newer").assign(text_pair=["its second text", "another"])
    assert select_pretraining_texts(rows, asked, options())["id"].tolist() == ["u1"]


def test_test_rows_are_read_only_where_it_is_said(options) -> None:
    assert "test" not in set(
        select_pretraining_texts(table(), unlabelled("new"), options())["part"]
    )
    found = select_pretraining_texts(table(), unlabelled("new"), options(test=True))
    assert found["text"].tolist() == ["new", "a text to judge by"]
    assert "label" not in found
    assert "pre-trained on 1 texts of the test rows" in pretraining_notes(found)[0]


def test_a_test_text_that_may_be_held_out_of_a_fold_is_left_out(options) -> None:
    rows = table(text=[*TEXTS[:3], TEXTS[0]])
    assert select_pretraining_texts(rows, unlabelled(), options(test=True)).empty


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.lora": 4}, r"train\.lora +freezes the encoder, and that of model=scratch knows"),
        (
            {"pretrain.epochs": 1, "pretrain.max_length": 99},
            r"pretrain\.max_length +model=scratch reads max_length=\d+ tokens.*found 99",
        ),
        ({"pretrain.mask": 1.0}, r"pretrain\.mask"),
        ({"pretrain.objective": "mask"}, r"pretrain\.objective .*masked"),
    ],
)
def test_the_first_stage_refuses_what_makes_no_sense(changes, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    projects.make(tmp_path, {"model": "scratch"} | changes)
    with pytest.raises(FoldlineError, match=message):
        projects.run("prepare")
