"""Splits: nothing torn apart, nothing lost, every class in its share."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.core.errors import FoldlineError
from foldline.core.io.group_split import compute_strata
from foldline.data.folds import assign_folds
from foldline.data.splits import PARTS, resolve_method, resolve_ratios, split_rows
from tests.helpers.split_tables import (
    add_dup_groups,
    make_rows,
    part_sizes,
    split_by,
    split_options,
)

COLUMNS = ["id", "part", "text", "text_pair", "label", "group", "time"]


def count_divided(table: pd.DataFrame, column: str, by: str) -> int:
    """Count the values of a column that stand on more than one side."""
    named = table[table[column] != ""]
    return int((named.groupby(column)[by].nunique() > 1).sum())


@st.composite
def random_tables(draw: st.DrawFn) -> pd.DataFrame:
    """Draw rows in which duplicates, reversed pairs and groups touch each other."""
    count = draw(st.integers(30, 70))
    word = st.sampled_from([f"w{n}" for n in range(draw(st.integers(12, 60)))])
    pairs = draw(st.booleans())
    rows = [
        (
            f"r{n}",
            "train",
            draw(word),
            draw(word) if pairs else "",
            draw(st.sampled_from("aaaabbc")),
            draw(st.sampled_from(["", "", "", *(f"g{n}" for n in range(20))])),
            float(draw(st.integers(0, 200))),
        )
        for n in range(count)
    ]
    return add_dup_groups(pd.DataFrame(rows, columns=COLUMNS))


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    random_tables(),
    st.sampled_from(["stratified", "grouped", "time"]),
    st.integers(0, 99),
    st.randoms(),
)
def test_nothing_is_torn_or_lost_whatever_the_order(table, how, seed, random):
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = table.iloc[order].reset_index(drop=True)
    try:
        found = split_by(table, how, seed)
    except FoldlineError as error:  # one group may hold nearly all
        assert "leaves no rows for" in str(error)
        with pytest.raises(FoldlineError, match="leaves no rows for"):
            split_by(shuffled, how, seed)
        return
    folds = assign_folds(found, 3, "classification", seed) if found["group"].nunique() > 2 else None
    again = split_by(shuffled, how, seed)

    assert found["id"].tolist() == table["id"].tolist()
    assert set(found["part"]) == set(PARTS)
    found = found.assign(
        fold=folds,
        duplicate=[
            str(sorted(pair)) for pair in zip(found["text"], found["text_pair"], strict=True)
        ],
        user=table["group"],
    )
    sides = ["part"] if folds is None else ["part", "fold"]
    for side in sides:
        # Of users' groups and duplicates that chain too many rows, groups come first.
        assert how != "stratified" or count_divided(found, "duplicate", side) == 0
        assert how == "stratified" or count_divided(found, "user", side) == 0
    key = ["id", "part", "group"]
    assert sorted(again[key].to_numpy().tolist()) == sorted(found[key].to_numpy().tolist())
    if folds is not None:
        same = dict(zip(again["id"], assign_folds(again, 3, "classification", seed), strict=True))
        assert [same[name] for name in found["id"]] == folds.tolist()


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from("aaaaaabbbcde"), min_size=40, max_size=300),
    st.sampled_from([[0.6, 0.2, 0.2], [0.8, 0.1, 0.1], [0.5, 0.25, 0.25], [0.7, 0.3, 0]]),
    st.integers(0, 9),
)
def test_single_rows_reach_shares_and_balance(labels, shares, seed):
    found = split_by(make_rows(len(labels), label=labels), "stratified", seed, shares)

    for part, share, count in zip(PARTS, shares, part_sizes(found), strict=True):
        assert abs(count - share * len(labels)) <= len(set(labels))
        for name in set(labels):
            here = int(((found["part"] == part) & (found["label"] == name)).sum())
            assert abs(here - share * labels.count(name)) <= 2


def test_one_seed_is_one_split_and_another_is_another():
    table = make_rows(200)

    assert split_by(table, "stratified", 1).equals(split_by(table, "stratified", 1))
    assert not split_by(table, "stratified", 1).equals(split_by(table, "stratified", 2))


def test_a_new_row_moves_few_others():
    before = split_by(make_rows(400), "stratified").set_index("id")["part"]
    after = split_by(make_rows(402), "stratified").set_index("id")["part"]

    assert (before != after[before.index]).sum() <= 8


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (1, (0.6, 0.2, 0.2)),
        (9_999, (0.6, 0.2, 0.2)),
        (10_000, (0.8, 0.1, 0.1)),
        (999_999, (0.8, 0.1, 0.1)),
        (1_000_000, (0.98, 0.01, 0.01)),
    ],
)
def test_auto_ratios_follow_the_size(rows, expected):
    assert resolve_ratios(split_options(shares="auto"), rows) == expected
    assert resolve_ratios(split_options(shares=[0.5, 0.3, 0.2]), rows) == (0.5, 0.3, 0.2)


@pytest.mark.parametrize(
    ("time", "group", "expected"),
    [(0, 0, "stratified"), (0, 1, "grouped"), (1, 0, "time"), (1, 1, "time")],
)
def test_auto_method_follows_the_columns(time, group, expected):
    assert resolve_method(split_options("auto"), bool(time), bool(group)) == expected
    assert resolve_method(split_options("stratified"), bool(time), bool(group)) == "stratified"


@pytest.mark.parametrize("how", ["time", "grouped"])
def test_a_method_without_its_column_is_reported(how):
    with pytest.raises(FoldlineError, match=f"split.method={how} needs data."):
        resolve_method(split_options(how), False, False)


# --- official parts ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stratified", "time"])
@pytest.mark.parametrize(
    ("official", "expected"),
    [
        ([], [120, 40, 40]),
        (["valid"], [150, 0, 50]),
        (["test"], [150, 50, 0]),
        (["valid", "test"], [200, 0, 0]),
    ],
)
def test_official_parts_stay_and_the_others_are_cut_from_train(how, official, expected):
    table = make_rows(200)
    for number, part in enumerate(official, start=1):
        more = make_rows(20, part=part)
        table = pd.concat([table, add_dup_groups(more.assign(
            id=[f"{part}{n}" for n in range(20)], text=[f"{part} {n}" for n in range(20)]
        ))], ignore_index=True)  # fmt: skip
        assert len(table) == 200 + 20 * number

    found = split_by(table, how)

    for part in official:
        assert found["part"][table["part"] == part].eq(part).all()
    assert part_sizes(found[:200]) == expected


@pytest.mark.parametrize(
    ("shares", "expected"), [([0.8, 0, 0.2], [8, 0, 2]), ([1, 0, 0], [10, 0, 0])]
)
@pytest.mark.parametrize("how", ["stratified", "time"])
def test_a_share_of_zero_gets_no_row(how, shares, expected):
    assert part_sizes(split_by(make_rows(10), how, shares=shares)) == expected


def test_whole_groups_keep_the_shares_of_what_is_left():
    table = make_rows(300, group=[f"g{n // 3}" for n in range(300)])
    table = pd.concat([table, make_rows(1, id=["t"], text=["t"], part="test")], ignore_index=True)

    train, valid, test = part_sizes(split_by(table, "grouped"))

    assert abs(train - 225) <= 3
    assert abs(valid - 75) <= 3
    assert test == 1


# --- classes and numbers ----------------------------------------------------------------------


@pytest.mark.parametrize("rare", [1, 2, 3])
def test_a_rare_class_is_learnt_first(rare):
    labels = ["rare"] * rare + ["abc"[n % 3] for n in range(60 - rare)]

    found = split_by(make_rows(60, label=labels), "stratified")

    assert (found["part"][found["label"] == "rare"] == "train").sum() >= 1


def test_many_rare_classes_do_not_all_go_to_train():
    labels = [f"class {n // 4}" for n in range(400)]

    assert part_sizes(split_by(make_rows(400, label=labels), "stratified")) == [240, 80, 80]


def test_numbers_are_balanced_by_their_size():
    values = np.random.default_rng(1).normal(size=500)
    table = make_rows(500, label=[repr(float(v)) for v in values])

    found = split_rows(table, split_options(), "stratified", "regression", 1)

    means = [values[(found["part"] == part).to_numpy()].mean() for part in PARTS]
    assert np.ptp(means) < 0.1
    assert part_sizes(found) == [300, 100, 100]


@pytest.mark.parametrize(
    "labels", [["0"] * 50, ["0"] * 45 + ["5"] * 5, ["0", "1"] * 25, ["-1"] * 9 + ["1e9"] * 41]
)
def test_numbers_may_be_equal(labels):
    strata = compute_strata(pd.Series(labels), "regression")

    assert len(set(strata)) == len(set(labels))
    found = split_rows(make_rows(50, label=labels), split_options(), "stratified", "regression", 1)
    assert part_sizes(found) == [30, 10, 10]
