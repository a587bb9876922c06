"""Leaks: official files that share rows, a budget for them, and what nobody may copy."""

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.data.leaks import (
    check_leak_share,
    drop_leaks,
    find_leaks,
    hash_held_out,
    independent_of_test,
    text_digest,
)
from foldline.data.split_report import report_split


def make_table(rows: list[tuple[str, str, str, str]]) -> pd.DataFrame:
    """Return rows of part, text, label and duplicate group; ids count within the part."""
    found = pd.DataFrame(rows, columns=["part", "text", "label", "dup_group"])
    number = found.groupby("part").cumcount() + 1
    ids = found["part"] + "-" + number.astype(str)
    own = found["dup_group"].where(found["dup_group"] != "", ids)
    return found.assign(
        id=ids, text_pair="", group="", time=0.0, dup_group=own, sentence="", sentence_pair=""
    )


def leaking_table() -> pd.DataFrame:
    """Return official files in which three of five test rows leak, and one of two valid rows."""
    return make_table(
        [
            ("train", "yes", "a", "yes"),
            ("train", "Yes", "b", "yes"),
            ("train", "a longer text of train", "a", "long"),
            ("train", "nowhere else at all", "b", ""),
            ("valid", "yes", "a", "yes"),
            ("valid", "of valid alone, here", "b", "both"),
            ("test", "yes", "a", "yes"),
            ("test", "A longer text of train", "a", "long"),
            ("test", "a longer text of train!", "b", "long"),
            ("test", "of valid alone here", "b", "both"),
            ("test", "of test alone, this", "a", ""),
        ]
    )


def test_leaks_are_counted_by_strength_length_and_label():
    found = find_leaks(leaking_table())

    test = found["test"]
    assert test.ids == ["test-1", "test-2", "test-3"]
    assert (test.total, test.exact, test.short, test.disagree) == (5, 2, 1, 1)
    assert test.share == 0.6
    assert test.sources == {"train-1", "train-2", "train-3"}
    assert (found["valid"].ids, found["valid"].share) == (["valid-1"], 0.5)
    assert test.describe() == (
        "3 of 5 test rows (60.0%) have a duplicate in train: 2 are equal, 1 nearly equal, 1 of the "
        "equal ones have another label there, 1 have at most 2 words"
    )


def test_parts_that_are_cut_from_train_cannot_leak():
    rows = leaking_table()

    assert find_leaks(rows[rows["part"] == "train"]) == {}


def test_a_leak_over_the_budget_stops_with_its_rows_and_the_mend():
    rows = leaking_table()
    found = find_leaks(rows)

    with pytest.raises(FoldlineError) as error:
        check_leak_share(found, rows, 0.5)

    message = str(error.value)
    assert "split.max_leak_share=0.5 is exceeded: 3 of 5 test rows (60.0%)" in message
    assert "The rows are test-1, test-2, test-3." in message
    assert "valid rows" not in message
    assert "split.drop_from_train=true drops the 3 training rows that leak and leaves 1" in message
    assert "split.max_leak_share=0.6 keeps all rows" in message
    assert "prepare.duplicates.match=exact" in message
    check_leak_share(found, rows, 0.6)


def test_training_rows_that_leak_are_dropped_and_official_ones_stay():
    kept, dropped = drop_leaks(leaking_table())

    assert dropped == 3
    assert kept["id"][kept["part"] == "train"].tolist() == ["train-4"]
    assert (kept["part"] == "valid").sum() == 2
    assert (kept["part"] == "test").sum() == 5
    assert [leak.share for leak in find_leaks(kept).values()] == [0.0, 0.0]


def test_nothing_is_dropped_without_official_files():
    rows = leaking_table().assign(part="train")

    kept, dropped = drop_leaks(rows)

    assert dropped == 0
    assert kept.equals(rows)


def test_dropping_all_of_train_is_reported():
    rows = make_table([("train", "same", "a", "s"), ("test", "same", "a", "s")])

    with pytest.raises(
        FoldlineError, match=r"drop_from_train=true leaves no training rows: 1 of 1 "
    ):
        drop_leaks(rows)


# --- what is held out -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Same text", ""), ("same TEXT", "")),
        (("one", "two"), ("Two", "ONE")),
        (("\uff21", ""), ("a", "")),
    ],
)
def test_equal_texts_have_one_digest(one, other):
    assert text_digest(*one) == text_digest(*other)


def test_other_texts_have_other_digests():
    texts = [("a", ""), ("b", ""), ("a", "b"), ("a b", ""), ("ab", ""), ("a", "c"), ("", "")]

    assert len({text_digest(*text) for text in texts}) == len(texts)


def test_held_out_rows_are_known_by_sorted_digests_alone():
    rows = leaking_table()
    valid, test = (rows[rows["part"] == part] for part in ("valid", "test"))

    found = hash_held_out(test, valid, make_table([("predict", "", "", "")]))

    assert list(found.columns) == ["key"]
    assert found["key"].tolist() == sorted(set(found["key"]))
    # "yes" is held twice, and an empty text equals nothing.
    assert len(found) == 6
    assert text_digest("YES", "") in set(found["key"])
    assert text_digest("nowhere else at all", "") not in set(found["key"])
    assert text_digest("", "") not in set(found["key"])
    assert hash_held_out(valid, test)["key"].tolist() == found["key"].tolist()


# --- the report ---------------------------------------------------------------------------------


def test_the_report_counts_what_crosses_by_strength():
    rows = leaking_table()
    report = report_split(
        rows.assign(group=rows["dup_group"]), find_leaks(rows), "classification", 1
    )

    numbers = report.metrics
    assert [numbers[part] for part in ("train", "valid", "test")] == [4, 2, 5]
    assert (numbers["crossing_valid"], numbers["crossing_test"]) == (1, 2)
    assert (numbers["leak_share_valid"], numbers["leak_share_test"]) == (0.5, 0.6)
    assert (numbers["groups"], numbers["largest_group_share"]) == (5, 4 / 11)
    assert report.details["leaks"]["test"]["ids"] == ["test-1", "test-2", "test-3"]
    assert any(
        note.startswith("1 of 5 test rows (20.0%) have a duplicate, a near duplicate or ")
        for note in report.notes
    )


def test_the_report_tells_of_groups_that_official_files_tear():
    rows = make_table([("train", f"t{n}", "ab"[n % 2], "") for n in range(30)])
    test = make_table([("test", f"x{n}", "ab"[n % 2], "") for n in range(10)])
    both = pd.concat([rows, test], ignore_index=True)
    both["group"] = [f"g{n % 30}" for n in range(40)]

    report = report_split(both, find_leaks(both), "classification", 1)

    assert report.metrics["leak_share_test"] == 1
    assert any("10 of 10 test rows (100.0%) share a group (data.group)" in n for n in report.notes)


# --- groups -------------------------------------------------------------------------------------


def table_with_groups() -> pd.DataFrame:
    """Return `leaking()` with users: Ann stands everywhere, Bob in valid and test alone."""
    users = ["ann", "", "", "cid", "bob", "ann", "", "ann", "dan", "ann", "bob"]
    return leaking_table().assign(group=users)


def test_leaks_are_counted_by_text_by_group_and_by_either():
    found = find_leaks(table_with_groups())

    test, valid = found["test"], found["valid"]
    assert (test.by_text, test.by_group) == (3, 2)
    assert test.ids == ["test-1", "test-2", "test-3", "test-4"]  # test-2 leaks both ways
    assert test.share == 0.8
    assert test.sources == {"train-1", "train-2", "train-3"}
    assert test.in_valid == ["test-5"]
    assert (valid.by_text, valid.by_group, valid.ids) == (1, 1, ["valid-1", "valid-2"])
    words = test.describe()
    assert words.startswith("3 of 5 test rows (60.0%) have a duplicate in train: ")
    assert words.endswith(
        "; 2 of 5 test rows (40.0%) share a group (data.group) with train; "
        "by text or by group 4 of 5 test rows (80.0%)"
    )
    details = test.details()
    assert (details["rows"], details["by_text"], details["by_group"]) == (4, 3, 2)


def test_the_budget_counts_groups_and_names_the_way_to_allow_them():
    rows = table_with_groups()

    with pytest.raises(FoldlineError, match=r"4 of 5 test rows \(80.0%\).*split.method=stratified"):
        check_leak_share(find_leaks(rows), rows, 0.6)
    with pytest.raises(FoldlineError) as by_text_alone:
        check_leak_share(find_leaks(leaking_table()), leaking_table(), 0.5)

    assert "stratified" not in str(by_text_alone.value)


def test_dropping_mends_groups_and_texts():
    rows = table_with_groups()
    kept, dropped = drop_leaks(rows.drop(index=rows.index[rows["id"] == "train-1"]))

    assert dropped == 2
    assert [leak.ids for leak in find_leaks(kept).values()] == [[], []]
    assert kept["id"][kept["part"] == "train"].tolist() == ["train-4"]
    # Bob's rows of test keep those of valid out of the folds; so do "both" and Ann.
    assert kept["id"][independent_of_test(kept)].tolist() == ["train-4"]


def test_rows_without_a_group_share_none():
    rows = leaking_table()

    assert find_leaks(rows.assign(group=""))["test"].by_group == 0


def test_where_dropping_leaves_nothing_groups_are_named():
    rows = make_table([("train", "one", "a", ""), ("test", "two", "a", "")]).assign(group="ann")

    with pytest.raises(FoldlineError, match=r"by text or by group.*split.method=stratified"):
        drop_leaks(rows)
