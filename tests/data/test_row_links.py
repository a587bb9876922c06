"""Rows that belong together: what a split never divides, and what it releases, weakest first."""

import numpy as np
import pandas as pd
import pytest

from foldline.core.params import Duplicates
from foldline.data.crossings import list_released, measure_crossings
from foldline.data.duplicates import find_duplicates, name_groups
from foldline.data.folds import assign_folds, fit_fold_groups, name_divided_duplicates
from tests.helpers.split_tables import make_rows, part_sizes, split_by


def prepared(match: str = "exact", pairs: str = "auto", **columns: object) -> pd.DataFrame:
    """Return training rows with the duplicates that `prepare` finds."""
    table = make_rows(len(next(iter(columns.values()))), **columns)  # type: ignore[arg-type]
    options = {"match": match, "threshold": 0.8, "pairs": pairs, "min_chars": 1}
    groups = find_duplicates(table, Duplicates.model_validate(options))
    return table.assign(
        dup_group=name_groups(groups.together, table["id"].tolist()),
        sentence=pd.array(groups.sentences[0], dtype="str"),
        sentence_pair=pd.array(groups.sentences[1], dtype="str"),
    )


def count_divided(table: pd.DataFrame, keys: list[object]) -> int:
    return int((table["part"].groupby(pd.Series(keys, table.index)).nunique() > 1).sum())


def test_pairs_in_short_chains_stay_together():
    """Three pairs share each first sentence: nothing needs to be released."""
    count = 120
    table = prepared(
        text=[f"first {n // 3}" for n in range(count)],
        text_pair=[f"second {n}" for n in range(count)],
    )

    found = split_by(table, "stratified")

    assert count_divided(found, found["text"].tolist()) == 0
    assert part_sizes(found) == [72, 24, 24]
    assert measure_crossings(found.assign(user_group=""))["test"]["sentence"] == 0


@pytest.mark.parametrize("order", ["as is", "shuffled"])
def test_a_sentence_of_all_rows_is_released_before_rarer_ones(order):
    """One title stands in all rows, and each first sentence in three: only the title is divided."""
    count = 120
    table = prepared(
        text=[f"first {n // 3}" for n in range(count)],
        text_pair=["the one title"] * count,
    )
    if order == "shuffled":
        table = table.sample(frac=1, random_state=1).reset_index(drop=True)

    found = split_by(table, "stratified")

    assert count_divided(found, found["text"].tolist()) == 0
    assert part_sizes(found) == [72, 24, 24]
    crossing = measure_crossings(found)
    assert (crossing["valid"]["sentence"], crossing["test"]["sentence"]) == (24, 24)
    assert crossing["test"]["near"] == 0
    assert list_released(found, "part") == {
        "sentence": {
            "values": 1,
            "links": 2,
            "examples": [{"text": "the one title", "rows": 120}],
        }
    }
    again = split_by(table.sort_values("id", ignore_index=True), "stratified")
    assert dict(zip(again["id"], again["part"], strict=True)) == dict(
        zip(found["id"], found["part"], strict=True)
    )


def test_equal_pairs_never_cross_whatever_else_is_released():
    count = 240
    table = prepared(
        text=[f"first {n // 2}" for n in range(count)],
        text_pair=["the one title"] * count,
    )
    table = prepared(
        text=table["text"].tolist(),
        text_pair=table["text_pair"].tolist(),
        label=["ab"[n // 2 % 2] for n in range(count)],
    )

    found = split_by(table, "stratified")

    assert count_divided(found, found["text"].tolist()) == 0
    assert measure_crossings(found)["test"]["exact"] == 0


def test_both_ignores_shared_sentences_but_counts_them():
    table = prepared(
        pairs="both",
        text=[f"first {n // 3}" for n in range(120)],
        text_pair=[f"second {n}" for n in range(120)],
    )

    crossing = measure_crossings(split_by(table, "stratified"))

    assert set(table["sentence"]) == {""}
    assert crossing["test"]["sentence"] > 0


def test_a_chain_of_near_duplicates_is_divided_where_few_are_alike():
    """Each text shares all but one word with the next: the chain is all rows, the pieces are not.

    Equal texts stay together.
    """
    words = [
        f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n * 7 % 26)}xq" for n in range(340)
    ]
    texts = [" ".join(words[n // 2 : n // 2 + 40]) for n in range(600)]
    table = prepared("near", text=texts, label=["ab"[n // 2 % 2] for n in range(600)])
    assert table["dup_group"].nunique() == 1

    found = split_by(table, "stratified")

    assert count_divided(found, found["text"].tolist()) == 0
    sizes = part_sizes(found)
    assert abs(sizes[0] - 360) <= 36
    released = list_released(found, "part")
    assert set(released) == {"near"}
    assert released["near"]["examples"][0]["rows"] == 600


def test_groups_of_users_come_before_duplicates():
    """All users repeat one text: users stay whole, and the text is divided."""
    table = prepared(
        text=["good" if n % 5 == 0 else f"text number {n}" for n in range(200)],
        group=[f"u{n // 5}" for n in range(200)],
    )

    found = split_by(table, "grouped")

    assert part_sizes(found) == [120, 40, 40]
    assert count_divided(found, found["user_group"].tolist()) == 0
    crossing = measure_crossings(found)
    assert (crossing["test"]["group"], crossing["test"]["exact"]) == (0, 8)


def test_duplicates_between_few_users_stay_together():
    table = prepared(
        text=[f"text {n}" for n in range(198)] + ["text 0", "text 7"],
        group=[f"u{n // 5}" for n in range(200)],
    )

    found = split_by(table, "grouped")

    assert measure_crossings(found)["test"]["exact"] == 0
    assert count_divided(found, found["user_group"].tolist()) == 0


def test_folds_release_what_parts_need_not():
    """A chain of half of the rows fits train, but not one of five folds."""
    table = prepared(
        text=[f"first {n}" for n in range(200)],
        text_pair=["the one title" if n < 100 else f"second {n}" for n in range(200)],
    )
    found = split_by(table, "stratified")
    assert set(found["part"][:100]) == {"train"}

    whole, dependent = fit_fold_groups(table.assign(group=""), 5, "classification", 1)
    folds = assign_folds(table.assign(group=whole), 5, "classification", 1)

    assert np.bincount(folds).tolist() == [40] * 5
    assert len(set(dependent)) == 150  # chains of two rows, 1% of all


def test_duplicates_that_folds_divide_are_named():
    rows = prepared(text=["good" if n % 10 == 0 else f"text {n}" for n in range(100)])
    folds = rows.assign(fold=[n // 20 for n in range(100)])

    names = name_divided_duplicates(folds)

    assert [n for n, name in enumerate(names) if name] == list(range(0, 100, 10))
    assert set(names) == {"", "r00000"}
    same = prepared(text=["good"] * 100).assign(fold=folds["fold"])
    assert set(name_divided_duplicates(same)) == {""}  # nothing would be left to train on
