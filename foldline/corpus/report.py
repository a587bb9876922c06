"""What a split came to: shares, class balance, duplicates that cross, how much it can show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.corpus.constraints import class_notes, large_group_note
from foldline.corpus.groups import duplicate_keys
from foldline.corpus.leaks import Leak
from foldline.corpus.size import size_note, size_of
from foldline.corpus.splits import PARTS
from foldline.corpus.tags import one_a_label

BEFORE = {"valid": ["train"], "test": ["train", "valid"]}


@dataclass(frozen=True)
class Report:
    """Numbers for DVC, details for a file, and notes on what to know before training."""

    metrics: dict[str, Any]
    details: dict[str, Any]
    notes: list[str]


def split_report(
    table: pd.DataFrame,
    leaks: Mapping[str, Leak],
    task: str,
    seed: int = 0,
    mended: bool = False,
) -> Report:
    """Report on rows with their `part` and `group`; `leaks` are what is left in official files.

    metrics: rows a part, groups, the largest group's share of rows; for valid and test rows that
    equal an earlier one (`crossing_`), the share with a duplicate in train (`leak_share_`), and
    the smallest difference between two models that can be seen (`visible_`).
    """
    rows = {part: np.flatnonzero(table["part"] == part).tolist() for part in PARTS}
    metrics: dict[str, Any] = {part: len(rows[part]) for part in PARTS}
    metrics["groups"] = table["group"].nunique()
    metrics["largest_group_share"] = float(table["group"].value_counts().max() / len(table))
    sizes, notes = {}, [leak.words() for leak in leaks.values() if leak.ids]
    crossing, told = _crossing(table, rows, leaks, mended)
    for part in BEFORE:
        metrics[f"crossing_{part}"] = crossing[part]
        metrics[f"leak_share_{part}"] = leaks[part].share if part in leaks else 0.0
        if rows[part]:
            sizes[part] = size_of(table.iloc[rows[part]], task, seed)
            metrics[f"visible_{part}"] = sizes[part]["visible"]
    notes += told + large_group_note(table)
    if task != "regression":
        notes += class_notes(one_a_label(table, task), list(PARTS))
    notes += [size_note(part, len(rows[part]), size, task) for part, size in sizes.items()]
    details = {"leaks": {part: leak.details() for part, leak in leaks.items()}, "size": sizes}
    return Report(metrics, details, notes)


def _crossing(
    table: pd.DataFrame, rows: dict[str, list[int]], leaks: Mapping[str, Leak], mended: bool
) -> tuple[dict[str, int], list[str]]:
    """Count rows that equal one of an earlier part; tell what else the official files tear."""
    keys = duplicate_keys(table)
    texts, groups = table["dup_group"].tolist(), table["group"].tolist()
    counts, notes = {}, []
    for part, before in BEFORE.items():
        earlier = [row for other in before for row in rows[other]]
        same = {keys[row] for row in earlier} - {None}
        near, related = {texts[row] for row in earlier} - {""}, {groups[row] for row in earlier}
        counts[part] = sum(keys[row] in same for row in rows[part])
        alike = sum(texts[row] in near for row in rows[part])
        kin = sum(groups[row] in related for row in rows[part]) - alike
        in_valid = alike - (len(leaks[part].ids) if part in leaks else 0)
        notes += _torn(part, " or ".join(before), in_valid, kin, len(rows[part]), mended)
    return counts, notes


def _torn(part: str, places: str, in_valid: int, kin: int, rows: int, mended: bool) -> list[str]:
    notes = []
    if in_valid > 0:
        notes.append(
            f"{in_valid} of {rows} {part} rows ({in_valid / rows:.1%}) have a duplicate in valid, "
            + (
                "which the folds leave out"
                if mended
                else "which kfold learns from: official files "
                "stay as they are; split.drop_from_train=true leaves them out of the folds"
            )
        )
    if kin > 0:
        notes.append(
            f"{kin} of {rows} {part} rows ({kin / rows:.1%}) are of a group (data.group) that has "
            f"other rows in {places}: official files stay as they are"
        )
    return notes
