"""What stands in the way of a split is named: a group, duplicates, a class."""

import pytest

from foldline.core.errors import FoldlineError
from foldline.data.folds import assign_folds
from foldline.data.split_feasibility import class_notes, large_group_note
from foldline.data.splits import PARTS
from tests.helpers.split_tables import make_rows, split_by


def test_too_few_groups_are_reported():
    table = make_rows(20, group=["one"] * 12 + ["two"] * 8)

    with pytest.raises(FoldlineError, match=r"split\.method=grouped leaves no rows for \w+: 20 "):
        split_by(table, "grouped")
    with pytest.raises(
        FoldlineError, match=r"kfold\.n_splits=5 needs at least as many groups .* in 2 "
    ):
        assign_folds(table, 5, "classification", 1)


def test_the_group_that_leaves_a_part_empty_is_named():
    table = make_rows(20, group=["movie-17"] * 12 + ["movie-2"] * 8)

    with pytest.raises(
        FoldlineError, match="20 rows are in 2 groups, and the largest, group 'movie-17', has 60%"
    ):
        split_by(table, "grouped")
    with pytest.raises(
        FoldlineError, match=r"kfold\.n_splits=3 .* group 'movie-17', with 60% of them"
    ):
        assign_folds(split_by(table, "grouped", shares=[1, 0, 0]), 3, "classification", 1)


def test_duplicates_that_leave_a_part_empty_are_named():
    table = make_rows(20, text="same", label="a")

    with pytest.raises(FoldlineError, match="the duplicates of row 'r00000', has 100%"):
        split_by(table, "stratified")


def test_the_class_that_leaves_a_part_empty_is_named():
    labels = ["x"] * 8 + ["y"] * 12
    table = make_rows(20, label=labels, group=["one"] * 8 + ["two"] * 12)

    message = r"2 classes are in one group only each: 'x' \(8 rows, group 'one'\); 'y' \(12 rows"
    with pytest.raises(FoldlineError, match=message):
        split_by(table, "grouped")


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_one_group_is_learnt_and_reported(seed):
    labels = ["lone"] * 6 + ["ab"[n % 2] for n in range(54)]
    table = make_rows(60, label=labels, group=["m17"] * 6 + [f"g{n // 3}" for n in range(54)])

    found = split_by(table, "grouped", seed, shares=[0.4, 0.2, 0.4])

    assert set(found["part"][found["label"] == "lone"]) == {"train"}
    notes = class_notes(found, list(PARTS))
    assert notes == [
        "class 'lone' (6 rows, group 'm17') is in one group only: rows of one group cannot be "
        "both trained on and scored"
    ]


def test_a_class_that_a_part_lacks_is_reported():
    table = make_rows(40, label=["a"] * 20 + ["b"] * 10 + ["c"] * 10)

    notes = class_notes(split_by(table, "time"), list(PARTS))

    assert notes == [
        "train has no rows of class 'c': no model learns it",
        "valid has no rows of class 'a': it is not scored",
        "test has no rows of class 'a', 'b': it is not scored",
    ]


def test_a_large_group_is_reported_and_small_ones_are_not():
    table = split_by(make_rows(40, group=["big"] * 10 + [""] * 30), "grouped", shares=[0.8, 0.2, 0])

    assert large_group_note(table) == [
        "the largest group has 10 rows (25%; group 'big'): parts and folds cannot be even"
    ]
    assert large_group_note(split_by(make_rows(40), "grouped", shares=[0.8, 0.2, 0])) == []
