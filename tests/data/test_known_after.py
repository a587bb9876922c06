"""Columns known only after the fact: refused as a role, reported where a text repeats them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from foldline.core.errors import FoldlineError
from foldline.core.params import Data, Settings, loading
from foldline.data.columns import known_after_notes, select_columns
from foldline.data.raw_table import RawTable
from tests.helpers.label_quality_data import data_params, data_section

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("role", ["text", "text_pair", "group", "time", "id"])
def test_a_column_known_after_the_fact_is_refused(role):
    with pytest.raises(ValidationError, match=f"{role}: column 'rating' is in data.k"):
        Data.model_validate(data_section(**{role: "rating"}, known_after=["votes", "rating"]))


def test_the_label_may_be_known_after_the_fact():
    assert Data.model_validate(data_section(known_after=["label"])).known_after == ["label"]


def test_the_refusal_names_the_key(tmp_path):
    text = (ROOT / "tests" / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("known_after: []", "known_after: [when]").replace(
        "  time:      ", "  time: when "
    )
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(FoldlineError, match=r"data\.time +column 'when' is in data.known_a"):
        loading.load_params(Settings, tmp_path / "params.yaml")


def raw(texts: list[str], ratings: list[str]) -> RawTable:
    columns = {"id": ["x"] * len(texts), "text": texts, "label": ["a"] * len(texts)}
    return RawTable(Path("a.csv"), {**columns, "rating": ratings}, list(range(2, len(texts) + 2)))


def test_a_column_that_is_not_there_is_reported_with_the_nearest():
    with pytest.raises(FoldlineError) as caught:
        select_columns(raw(["a"], ["3"]), data_params(known_after=["raiting"]), "train")

    assert str(caught.value) == (
        "a.csv has no column 'raiting', which data.known_after names; it has id, text, label, "
        "rating; did you mean 'rating'? Correct or remove the name"
    )


def test_only_train_must_have_the_columns():
    assert select_columns(raw(["a"], ["3"]), data_params(known_after=["votes"]), "test")[
        "text"
    ] == ["a"]


def test_what_came_after_and_stands_in_the_text_is_noted():
    ratings = [str(n % 10) for n in range(60)]
    texts = [f"정말 {rating}점 영화 {n}번째" for n, rating in enumerate(ratings)]
    data = data_params(known_after=["rating"])

    (note,) = known_after_notes(raw(texts, ratings), data)

    assert note.startswith(
        "a.csv: the value of column 'rating' (data.known_after) occurs in 100% of the texts "
        "(by chance "
    )
    assert known_after_notes(raw(["정말 영화"] * 60, ratings), data) == []
    assert known_after_notes(raw(texts, ratings), data_params(known_after=[])) == []


def test_sorted_files_are_looked_at_like_others():
    ratings = [str(n // 30) for n in range(300)]
    texts = [f"{rating}점 영화 {n}번째" for n, rating in enumerate(ratings)]

    (note,) = known_after_notes(raw(texts, ratings), data_params(known_after=["rating"]))

    assert "occurs in 100% of the texts" in note
