"""Duplicates with different labels: each policy by hand, and what it never touches."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.data.conflicts import MAX_LISTED, ResolvedConflicts, conflict_mask, resolve_conflicts
from tests.helpers import projects


def rows(labels: list[str], parts: list[str] | None = None) -> pd.DataFrame:
    ids = [f"r{number}" for number in range(len(labels))]
    return pd.DataFrame({"id": ids, "part": parts or "train", "label": labels}, dtype="str")


def resolve(
    labels: list[str], codes: list[int], policy: str, task: str = "classification", **options: list
) -> ResolvedConflicts:
    return resolve_conflicts(rows(labels, **options), np.array(codes), task, policy)


# Group 0: b has the majority; 1: a tie; 2: agreed; 3: alone.
LABELS = ["a", "b", "b", "a", "c", "c", "c", "a"]
CODES = [0, 0, 0, 1, 1, 2, 2, 3]


def test_conflicts_are_groups_with_two_labels():
    found = conflict_mask(np.array(CODES), pd.Series(LABELS), "classification")

    assert found.tolist() == [True] * 5 + [False] * 3


def test_numbers_conflict_beyond_a_quarter_of_their_deviation():
    labels = pd.Series(["0", "0.4", "1", "1.6", "4", "4.0"])  # standard deviation 1.6
    found = conflict_mask(np.array([0, 0, 1, 1, 2, 2]), labels, "regression")

    assert found.tolist() == [False, False, True, True, False, False]


def test_keep_changes_nothing():
    found = resolve(LABELS, CODES, "keep")

    assert found.kept.all()
    assert found.labels == LABELS
    assert found.details["dropped_rows"] == found.details["relabelled_rows"] == 0
    assert found.notes == []


def test_drop_takes_whole_groups():
    found = resolve(LABELS, CODES, "drop")

    assert found.kept.tolist() == [False] * 5 + [True] * 3
    assert found.labels == LABELS
    assert [row["id"] for row in found.details["dropped"]] == ["r0", "r1", "r2", "r3", "r4"]
    assert found.notes == [
        "prepare.conflicts=drop: 2 texts have different labels in 5 training rows: 5 rows "
        "dropped, 0 relabelled (listed in reports/prepare.json). Test rows are taken from "
        "these later, so scores are on cleaned labels"
    ]


def test_majority_relabels_and_drops_ties():
    found = resolve(LABELS, CODES, "majority")

    assert found.kept.tolist() == [True] * 3 + [False] * 2 + [True] * 3
    assert found.labels[:3] == ["b", "b", "b"]
    assert found.details["relabelled"] == [{"id": "r0", "from": "a", "to": "b"}]
    assert found.details["dropped"] == [{"id": "r3", "label": "a"}, {"id": "r4", "label": "c"}]


def test_majority_of_numbers_is_their_mean_whatever_their_order():
    labels, codes = ["0.1", "0.2", "0.6", "1"], [0, 0, 0, 1]

    assert resolve(labels, codes, "majority", "regression").labels == ["0.3", "0.3", "0.3", "1"]
    turned = resolve(labels[::-1], codes[::-1], "majority", "regression")
    assert turned.labels == ["1", "0.3", "0.3", "0.3"]


@pytest.mark.parametrize("policy", ["drop", "majority"])
def test_official_parts_are_left_alone_and_not_asked(policy):
    labels, codes = ["a", "b", "b", "a", "b", "b"], [0, 0, 0, 1, 1, 1]
    parts = ["train", "test", "valid", "train", "train", "test"]

    found = resolve(labels, codes, policy, parts=parts)

    # Group 0 has one training row, which agrees with itself; group 1 has a tie in train.
    assert found.kept.tolist() == [True, True, True, False, False, True]
    assert found.labels == labels


def test_what_is_listed_is_capped_and_counted():
    count = MAX_LISTED + 10
    labels, codes = ["a", "b"] * count, np.repeat(np.arange(count), 2).tolist()

    found = resolve(labels, codes, "majority")

    assert len(found.details["dropped"]) == MAX_LISTED
    assert found.details["dropped_rows"] == 2 * count


def run_prepare(workplace: Path, policy: str, match: str) -> pd.DataFrame:
    """Run `prepare` on rows of which some are said to be of two topics."""
    projects.make(workplace, {"prepare.conflicts": policy, "prepare.duplicates.match": match})
    texts = projects.topics(12)
    copies = [
        {"id": "x1", "text": str(texts[0]["text"]).upper(), "label": "sports"},
        {"id": "x2", "text": f"{texts[0]['text']}!", "label": "economy"},
    ]
    projects.write_csv(workplace / "data/raw/rows.csv", texts + copies)
    projects.run("prepare")
    return schemas.PREPARED.read().set_index("id")


@pytest.mark.parametrize(("match", "left"), [("exact", {"x2"}), ("skeleton", {"r0", "x1", "x2"})])
def test_prepare_settles_by_the_strength_that_is_asked_for(workplace, match, left):
    """Equal texts stand one against one; with the skeleton's copy it is two against one."""
    table = run_prepare(workplace, "majority", match)

    assert {"r0", "x1", "x2"} & set(table.index) == left
    assert set(table.loc[sorted(left), "label"]) == {"economy"}
    details = json.loads(Path("reports/prepare.json").read_text(encoding="utf-8"))
    assert any("prepare.conflicts=majority" in note for note in details["notes"])
    assert details["conflicts"]["dropped_rows"] == 14 - len(table)
    assert details["duplicates"]["exact"]["conflicting_rows"] == 2


def test_prepare_names_groups_and_counts_them(workplace):
    table = run_prepare(workplace, "keep", "near")

    metrics = json.loads(Path("reports/prepare.json").read_text(encoding="utf-8"))["metrics"]
    assert table.loc[["r0", "x1", "x2"], "dup_group"].tolist() == ["r0"] * 3
    assert metrics["duplicate_rows"] == 2
    assert metrics["conflicting_rows"] == 3
    assert (
        metrics["grouped_rows"] == (table.groupby("dup_group")["text"].transform("size") > 1).sum()
    )


def test_a_class_that_is_dropped_altogether_is_gone(workplace):
    projects.make(workplace, {"prepare.conflicts": "drop"})
    copies = [{"id": "x", "text": "only here", "label": "odd"}]
    copies += [{"id": "y", "text": "Only here", "label": "sports"}]
    projects.write_csv(workplace / "data/raw/rows.csv", projects.topics(12) + copies)

    projects.run("prepare")

    assert Labels.load().classes == ("economy", "science", "sports")
