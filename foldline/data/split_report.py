"""The report on a split: sizes, leaks, class balance, and the power of valid and test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.data.duplicates import duplicate_keys
from foldline.data.leaks import Leak
from foldline.data.multilabel import explode_labels
from foldline.data.power import estimate_power, power_note
from foldline.data.split_feasibility import class_notes, large_group_note
from foldline.data.splits import PARTS

EARLIER_PARTS = {"valid": ["train"], "test": ["train", "valid"]}


@dataclass(frozen=True)
class SplitReport:
    """Numbers for DVC, details for a file, and notes for the user."""

    metrics: dict[str, Any]
    details: dict[str, Any]
    notes: list[str]


def report_split(
    table: pd.DataFrame,
    leaks: Mapping[str, Leak],
    task: str,
    seed: int = 0,
    leaks_dropped: bool = False,
) -> SplitReport:
    """Report on rows with their `part` and `group`; `leaks` are those left in official parts.

    Metrics: rows of each part, groups, the largest group's share of rows; for valid and test the
    rows that equal one of an earlier part (`crossing_`), the share that leaks (`leak_share_`), and
    the smallest detectable difference between two models (`visible_`).
    """
    rows = {part: np.flatnonzero(table["part"] == part).tolist() for part in PARTS}
    metrics: dict[str, Any] = {part: len(rows[part]) for part in PARTS}
    metrics["groups"] = table["group"].nunique()
    metrics["largest_group_share"] = float(table["group"].value_counts().max() / len(table))
    sizes, notes = {}, [leak.describe() for leak in leaks.values() if leak.ids]
    crossing = _count_crossing(table, rows)
    for part in EARLIER_PARTS:
        metrics[f"crossing_{part}"] = crossing[part]
        metrics[f"leak_share_{part}"] = leaks[part].share if part in leaks else 0.0
        if rows[part]:
            sizes[part] = estimate_power(table.iloc[rows[part]], task, seed)
            metrics[f"visible_{part}"] = sizes[part]["visible"]
    notes += _valid_overlap_notes(leaks, leaks_dropped) + large_group_note(table)
    if task != "regression":
        notes += class_notes(explode_labels(table, task), list(PARTS))
    notes += [power_note(part, len(rows[part]), size, task) for part, size in sizes.items()]
    details = {"leaks": {part: leak.details() for part, leak in leaks.items()}, "size": sizes}
    return SplitReport(metrics, details, notes)


def _count_crossing(table: pd.DataFrame, rows: dict[str, list[int]]) -> dict[str, int]:
    """Return how many rows equal one of an earlier part."""
    keys = duplicate_keys(table)
    counts = {}
    for part, earlier_parts in EARLIER_PARTS.items():
        same = {keys[row] for earlier in earlier_parts for row in rows[earlier]} - {None}
        counts[part] = sum(keys[row] in same for row in rows[part])
    return counts


def _valid_overlap_notes(leaks: Mapping[str, Leak], leaks_dropped: bool) -> list[str]:
    """Return a note on test rows that share a text or group with valid only."""
    leak = leaks.get("test")
    if leak is None or not leak.in_valid:
        return []
    count = len(leak.in_valid)
    then = (
        "which the folds leave out"
        if leaks_dropped
        else "on which the fold models train; split.drop_from_train=true leaves such rows out of "
        "the folds"
    )
    return [
        f"{count} of {leak.total} test rows ({count / leak.total:.1%}) have a duplicate, a "
        f"near duplicate or their group (data.group) in valid, {then}"
    ]
