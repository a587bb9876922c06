"""Splits and folds: nothing torn apart, nothing lost, every class in its share."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.corpus.allocation import by_time, strata_of
from foldline.corpus.constraints import class_notes, fold_notes, large_group_note
from foldline.corpus.folds import fold_rows, nested_rows
from foldline.corpus.splits import PARTS, method, ratios, split_rows
from foldline.frame.errors import FoldlineError
from foldline.frame.params import Split

COLUMNS = ["id", "part", "text", "text_pair", "label", "group", "time"]
NEUTRAL = {"max_leak_share": 1, "drop_from_train": False, "compare": False}
SHARES = [0.6, 0.2, 0.2]
METHODS = ["stratified", "grouped", "time"]


def options(method: str = "auto", shares: object = SHARES) -> Split:
    return Split.model_validate({"method": method, "ratios": shares, **NEUTRAL})


def frame(count: int, **columns: object) -> pd.DataFrame:
    """Give rows of two classes without duplicates; columns are replaced by those given."""
    table = pd.DataFrame(
        {
            "id": [f"r{n:05}" for n in range(count)],
            "part": "train",
            "text": [f"text {n}" for n in range(count)],
            "text_pair": "",
            "label": ["ab"[n % 2] for n in range(count)],
            "group": "",
            "time": np.arange(count, dtype=float),
        }
    )
    return grouped(table.assign(**columns))


def grouped(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in `dup_group`: rows of equal texts, in either order, by their smallest id."""
    texts = [" ".join(sorted(pair)) for pair in zip(table["text"], table["text_pair"], strict=True)]
    return table.assign(
        dup_group=table["id"].groupby(pd.Series(texts, table.index)).transform("min")
    )


def sizes(table: pd.DataFrame) -> list[int]:
    return [int((table["part"] == part).sum()) for part in PARTS]


def torn_free(table: pd.DataFrame) -> bool:
    """Tell whether inner folds are possible: two even halves of the groups outside each fold."""
    outside = [table["group"][table["fold"] != fold].value_counts() for fold in range(3)]
    return all(len(sizes) > 1 and sizes.iloc[0] <= sizes.sum() / 3 for sizes in outside)


def torn(table: pd.DataFrame, column: str, by: str) -> int:
    """Count the values of a column that stand on more than one side."""
    named = table[table[column] != ""]
    return int((named.groupby(column)[by].nunique() > 1).sum())


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
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
    return grouped(pd.DataFrame(rows, columns=COLUMNS))


def split(table: pd.DataFrame, how: str, seed: int = 1, shares: object = SHARES) -> pd.DataFrame:
    task = "classification"
    return split_rows(table, options(how, shares), how, task, seed)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    tables(), st.sampled_from(["stratified", "grouped", "time"]), st.integers(0, 99), st.randoms()
)
def test_nothing_is_torn_or_lost_whatever_the_order(table, how, seed, random):
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = table.iloc[order].reset_index(drop=True)
    try:
        found = split(table, how, seed)
    except FoldlineError as error:  # one group may hold nearly all
        assert "leaves no row for" in str(error)
        with pytest.raises(FoldlineError, match="leaves no row for"):
            split(shuffled, how, seed)
        return
    folds = fold_rows(found, 3, "classification", seed) if found["group"].nunique() > 2 else None
    again = split(shuffled, how, seed)

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
        assert torn(found, "duplicate", side) == 0
        assert how == "stratified" or torn(found, "user", side) == 0
    if folds is not None and torn_free(found):
        inner = found.drop(columns="fold").merge(nested_rows(found, 2, "classification", seed))
        assert sorted(set(inner["inner"])) == [0, 1]
        for fold, rows in inner.groupby("fold"):
            assert sorted(rows["id"]) == sorted(found["id"][found["fold"] != fold])
            assert torn(rows, "group", "inner") == 0
    key = ["id", "part", "group"]
    assert sorted(again[key].to_numpy().tolist()) == sorted(found[key].to_numpy().tolist())
    if folds is not None:
        same = dict(zip(again["id"], fold_rows(again, 3, "classification", seed), strict=True))
        assert [same[name] for name in found["id"]] == folds.tolist()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from("aaaaaabbbcde"), min_size=40, max_size=300),
    st.sampled_from([[0.6, 0.2, 0.2], [0.8, 0.1, 0.1], [0.5, 0.25, 0.25], [0.7, 0.3, 0]]),
    st.integers(0, 9),
)
def test_single_rows_reach_shares_and_balance(labels, shares, seed):
    found = split(frame(len(labels), label=labels), "stratified", seed, shares)

    for part, share, count in zip(PARTS, shares, sizes(found), strict=True):
        assert abs(count - share * len(labels)) <= len(set(labels))
        for name in set(labels):
            here = int(((found["part"] == part) & (found["label"] == name)).sum())
            assert abs(here - share * labels.count(name)) <= 2


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("aaaabbcdefgh"), min_size=20, max_size=200), st.integers(2, 7))
def test_folds_are_of_one_size_and_balance(labels, n_splits):
    table = frame(len(labels), label=labels).assign(group=lambda t: t["id"])
    folds = fold_rows(table, n_splits, "classification", 3)
    counts = np.bincount(folds, minlength=n_splits)

    assert counts.max() - counts.min() <= 3
    for name in set(labels):
        own = np.bincount(folds[np.array(labels) == name], minlength=n_splits)
        assert own.max() - own.min() <= 2


def test_folds_of_many_small_classes_are_of_one_size():
    labels = [f"class {n // 3}" for n in range(240)]
    table = frame(240, label=labels).assign(group=lambda t: t["id"])

    counts = np.bincount(fold_rows(table, 5, "classification", 1))

    assert counts.tolist() == [48] * 5


def test_one_seed_is_one_split_and_another_is_another():
    table = frame(200)

    assert split(table, "stratified", 1).equals(split(table, "stratified", 1))
    assert not split(table, "stratified", 1).equals(split(table, "stratified", 2))


def test_a_new_row_moves_few_others():
    before = split(frame(400), "stratified").set_index("id")["part"]
    after = split(frame(402), "stratified").set_index("id")["part"]

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
    assert ratios(options(shares="auto"), rows) == expected
    assert ratios(options(shares=[0.5, 0.3, 0.2]), rows) == (0.5, 0.3, 0.2)


@pytest.mark.parametrize(
    ("time", "group", "expected"),
    [(0, 0, "stratified"), (0, 1, "grouped"), (1, 0, "time"), (1, 1, "time")],
)
def test_auto_method_follows_the_columns(time, group, expected):
    assert method(options("auto"), bool(time), bool(group)) == expected
    assert method(options("stratified"), bool(time), bool(group)) == "stratified"


@pytest.mark.parametrize("how", ["time", "grouped"])
def test_a_method_without_its_column_is_told(how):
    with pytest.raises(FoldlineError, match=f"split.method={how} needs data."):
        method(options(how), False, False)


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
    table = frame(200)
    for number, part in enumerate(official, start=1):
        more = frame(20, part=part)
        table = pd.concat([table, grouped(more.assign(
            id=[f"{part}{n}" for n in range(20)], text=[f"{part} {n}" for n in range(20)]
        ))], ignore_index=True)  # fmt: skip
        assert len(table) == 200 + 20 * number

    found = split(table, how)

    for part in official:
        assert found["part"][table["part"] == part].eq(part).all()
    assert sizes(found[:200]) == expected


@pytest.mark.parametrize(
    ("shares", "expected"), [([0.8, 0, 0.2], [8, 0, 2]), ([1, 0, 0], [10, 0, 0])]
)
@pytest.mark.parametrize("how", ["stratified", "time"])
def test_a_share_of_zero_gets_no_row(how, shares, expected):
    assert sizes(split(frame(10), how, shares=shares)) == expected


def test_whole_groups_keep_the_shares_of_what_is_left():
    table = frame(300, group=[f"g{n // 3}" for n in range(300)])
    table = pd.concat([table, frame(1, id=["t"], text=["t"], part="test")], ignore_index=True)

    train, valid, test = sizes(split(table, "grouped"))

    assert abs(train - 225) <= 3
    assert abs(valid - 75) <= 3
    assert test == 1


def test_too_few_groups_are_told():
    table = frame(20, group=["one"] * 12 + ["two"] * 8)

    with pytest.raises(FoldlineError, match=r"split\.method=grouped leaves no row for \w+: 20 "):
        split(table, "grouped")
    with pytest.raises(FoldlineError, match=r"kfold\.n_splits=5 needs as many groups .* in 2 "):
        fold_rows(table, 5, "classification", 1)


# --- classes and numbers ----------------------------------------------------------------------


@pytest.mark.parametrize("rare", [1, 2, 3])
def test_a_rare_class_is_learnt_first(rare):
    labels = ["rare"] * rare + ["abc"[n % 3] for n in range(60 - rare)]

    found = split(frame(60, label=labels), "stratified")

    assert (found["part"][found["label"] == "rare"] == "train").sum() >= 1


def test_many_rare_classes_do_not_all_go_to_train():
    labels = [f"class {n // 4}" for n in range(400)]

    assert sizes(split(frame(400, label=labels), "stratified")) == [240, 80, 80]


def test_numbers_are_balanced_by_their_size():
    values = np.random.default_rng(1).normal(size=500)
    table = frame(500, label=[repr(float(v)) for v in values])

    found = split_rows(table, options(), "stratified", "regression", 1)

    means = [values[(found["part"] == part).to_numpy()].mean() for part in PARTS]
    assert np.ptp(means) < 0.1
    assert sizes(found) == [300, 100, 100]


@pytest.mark.parametrize(
    "labels", [["0"] * 50, ["0"] * 45 + ["5"] * 5, ["0", "1"] * 25, ["-1"] * 9 + ["1e9"] * 41]
)
def test_numbers_may_be_equal(labels):
    strata = strata_of(pd.Series(labels), "regression")

    assert len(set(strata)) == len(set(labels))
    found = split_rows(frame(50, label=labels), options(), "stratified", "regression", 1)
    assert sizes(found) == [30, 10, 10]


# --- time ---------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=80))
def test_no_row_is_newer_than_the_next_part(times):
    moments = np.array(times, dtype=float)

    codes = by_time(moments, [str(n) for n in range(len(times))], SHARES)

    for code in (0, 1):
        if (codes == code).any() and (codes > code).any():
            assert moments[codes == code].max() < moments[codes > code].min()


def test_time_reaches_the_shares():
    codes = by_time(np.arange(100.0), [str(n) for n in range(100)], SHARES)

    assert codes.tolist() == [0] * 60 + [1] * 20 + [2] * 20


def test_rows_of_one_moment_stay_together_at_the_nearest_cut():
    years = np.array([2019.0] * 60 + [2020.0] * 25 + [2021.0] * 15)

    codes = by_time(years, [str(n) for n in range(100)], SHARES)

    assert codes.tolist() == [0] * 60 + [1] * 25 + [2] * 15


def test_a_group_stands_where_its_newest_row_stands():
    codes = by_time(np.arange(10.0), ["old and new", *"bcdefghi", "old and new"], SHARES)

    assert codes.tolist() == [2, 0, 0, 0, 0, 0, 0, 1, 1, 2]


def test_one_moment_for_all_is_told():
    with pytest.raises(FoldlineError, match="too many rows share one moment"):
        split(frame(20, time=1.0), "time")


# --- what is in the way -------------------------------------------------------------------------


def test_a_fold_that_would_be_empty_is_refused():
    """Groups so uneven that one of them fills two folds' share."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        names = [f"g{g}" for g in rng.choice(5, size=30, p=[0.8, 0.05, 0.05, 0.05, 0.05])]
        frame = pd.DataFrame({"id": [str(i) for i in range(30)], "group": names})
        frame["label"] = rng.choice(["a", "b"], size=30)
        try:
            folds = fold_rows(frame, 5, "classification", seed)
        except FoldlineError as error:
            assert re.search("left without a row|needs as many groups", str(error))
        else:
            assert set(folds) == set(range(5))


def test_the_group_that_leaves_a_part_empty_is_named():
    table = frame(20, group=["movie-17"] * 12 + ["movie-2"] * 8)

    with pytest.raises(
        FoldlineError, match="20 rows are in 2 groups, and group 'movie-17' holds 60%"
    ):
        split(table, "grouped")
    with pytest.raises(
        FoldlineError, match=r"kfold\.n_splits=3 .* group 'movie-17' holds 60% of them"
    ):
        fold_rows(split(table, "grouped", shares=[1, 0, 0]), 3, "classification", 1)


def test_duplicates_that_leave_a_part_empty_are_named():
    table = frame(20, text="same", label="a")

    with pytest.raises(FoldlineError, match="the duplicates of row 'r00000' holds 100%"):
        split(table, "stratified")


def test_short_duplicates_that_glue_groups_are_told_what_undoes_it():
    table = frame(20, group=[f"g{n // 5}" for n in range(20)])
    table.loc[[0, 5, 10, 15], "text"] = "good"

    with pytest.raises(FoldlineError, match=r"with 3 more .* raise prepare\.duplicates\.min_chars"):
        split(grouped(table), "grouped")


def test_the_class_that_leaves_a_part_empty_is_named():
    labels = ["x"] * 8 + ["y"] * 12
    table = frame(20, label=labels, group=["one"] * 8 + ["two"] * 12)

    message = r"2 classes stand in one group only each: 'x' \(8 rows, group 'one'\); 'y' \(12 rows"
    with pytest.raises(FoldlineError, match=message):
        split(table, "grouped")


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_one_group_is_learnt_and_told(seed):
    labels = ["lone"] * 6 + ["ab"[n % 2] for n in range(54)]
    table = frame(60, label=labels, group=["m17"] * 6 + [f"g{n // 3}" for n in range(54)])

    found = split(table, "grouped", seed, shares=[0.4, 0.2, 0.4])

    assert set(found["part"][found["label"] == "lone"]) == {"train"}
    notes = class_notes(found, list(PARTS))
    assert notes == [
        "class 'lone' (6 rows, group 'm17') stands in one group only: what is learnt from cannot "
        "be scored too"
    ]


def test_a_class_that_a_part_lacks_is_told():
    table = frame(40, label=["a"] * 20 + ["b"] * 10 + ["c"] * 10)

    notes = class_notes(split(table, "time"), list(PARTS))

    assert notes == [
        "train has no row of class 'c': no model learns it",
        "valid has no row of class 'a': no score tells of it",
        "test has no row of class 'a', 'b': no score tells of it",
    ]


def test_classes_that_cannot_be_in_each_fold_are_told():
    table = frame(30, label=["rare"] * 2 + ["single"] + ["a"] * 27).assign(group=lambda t: t["id"])
    table["fold"] = fold_rows(table, 5, "classification", 1)

    (note,) = fold_notes(table, 5)

    assert note == (
        "kfold.n_splits=5: 2 classes are not in each fold: 'single' in 1 (it has 1 group), "
        "'rare' in 2 (it has 2 groups). What stands in one fold is never learnt where it is scored."
    )
    assert fold_notes(table[table["label"] == "a"], 5) == []


def test_a_large_group_is_told_and_small_ones_are_not():
    table = split(frame(40, group=["big"] * 10 + [""] * 30), "grouped", shares=[0.8, 0.2, 0])

    assert large_group_note(table) == [
        "the largest group holds 10 rows (25%; group 'big'): parts and folds cannot be even"
    ]
    assert large_group_note(split(frame(40), "grouped", shares=[0.8, 0.2, 0])) == []


# --- nested folds -------------------------------------------------------------------------------


def test_nested_folds_number_the_rows_outside_each_fold():
    table = frame(60).assign(group=lambda t: t["id"])
    table["fold"] = fold_rows(table, 3, "classification", 1)

    found = nested_rows(table, 4, "classification", 1)

    assert list(found.columns) == ["id", "fold", "inner"]
    for fold, rows in found.groupby("fold"):
        assert set(rows["id"]) == set(table["id"][table["fold"] != fold])
        assert rows["inner"].value_counts().tolist() == [10] * 4
        labels = table.set_index("id")["label"][rows["id"]]
        assert (
            pd.crosstab(labels.to_numpy(), rows["inner"].to_numpy()).to_numpy().tolist()
            == [[5] * 4] * 2
        )
    first, second = (found[found["fold"] == fold].set_index("id")["inner"] for fold in (0, 1))
    both = first.index.intersection(second.index)
    assert (first[both] != second[both]).any(), "each fold's inner folds are drawn anew"


def test_no_nested_folds_are_an_empty_table():
    table = frame(12).assign(group=lambda t: t["id"], fold=[0, 1] * 6)

    found = nested_rows(table, 0, "classification", 1)

    assert found.empty
    assert list(found.columns) == ["id", "fold", "inner"]


def test_too_few_groups_for_nested_folds_are_told():
    table = frame(12, group=["a", "b", "c"] * 4)
    table["fold"] = fold_rows(table, 3, "classification", 1)

    with pytest.raises(FoldlineError, match=r"kfold\.nested=3 needs as many groups .* in 2 "):
        nested_rows(table, 3, "classification", 1)


def test_a_split_that_shared_texts_make_impossible_names_the_way_to_part_pairs():
    rows = frame(12, text_pair="a title").assign(dup_group="r00000")

    with pytest.raises(FoldlineError, match=r"set prepare.duplicates.pairs=both, so that"):
        split_rows(rows, options(), "stratified", "classification", 1)
