"""Duplicates with different labels: kept, dropped, or changed to one label."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

TOLERANCE = 0.25  # allowed range of one text's labels, in standard deviations of all labels
MAX_LISTED = 1000  # rows listed in reports/prepare.json


@dataclass(frozen=True)
class ResolvedConflicts:
    """The rows that are kept, the new labels, and what changed."""

    kept: np.ndarray  # (n,) bool
    labels: list[str]  # (n,), of all rows
    details: dict[str, Any]
    notes: list[str]


def conflict_mask(codes: np.ndarray, labels: "pd.Series[Any]", task: str) -> np.ndarray:
    """Return the rows, (n,) bool, with a duplicate (row of equal code) of another label.

    Numbers conflict where a group's range exceeds TOLERANCE standard deviations of all labels.
    """
    if task == "regression":
        values = labels.to_numpy(dtype=np.float64)
        by_code = pd.Series(values).groupby(codes)
        span = by_code.transform("max") - by_code.transform("min")
        return np.asarray(span > TOLERANCE * values.std())
    numbers = pd.Series(pd.factorize(labels.to_numpy(dtype=object))[0])
    by_code = numbers.groupby(codes)
    return np.asarray(by_code.transform("max") > by_code.transform("min"))


def resolve_conflicts(
    rows: pd.DataFrame, codes: np.ndarray, task: str, policy: str
) -> ResolvedConflicts:
    """Apply prepare.conflicts to training rows of equal code.

    keep: nothing changes. drop: all rows in conflict are dropped. majority: a group gets its most
    frequent label, or is dropped for a tie; numbers get their mean.

    `codes` are those of exact duplicates, or of skeletons, which differ only in numbers and
    punctuation. Near duplicates are never resolved: they may differ by a "not", so both labels may
    be right. Rows of official valid and test files are neither changed nor counted, as that would
    inflate scores.
    """
    labels, ids = rows["label"].tolist(), rows["id"].tolist()
    kept = np.ones(len(rows), dtype=bool)
    dropped, relabelled = [], []
    groups = _conflict_groups(rows, codes, task) if policy != "keep" else []
    for members in groups:
        label = (
            None if policy == "drop" else _consensus_label([labels[row] for row in members], task)
        )
        for row in members:
            if label is None:
                kept[row] = False
                dropped.append({"id": ids[row], "label": labels[row]})
            elif labels[row] != label:
                relabelled.append({"id": ids[row], "from": labels[row], "to": label})
                labels[row] = label
    details = {
        "policy": policy,
        "dropped_rows": len(dropped),
        "relabelled_rows": len(relabelled),
        "dropped": _first_changes(dropped),
        "relabelled": _first_changes(relabelled),
    }
    note = (
        f"prepare.conflicts={policy}: {len(groups)} texts have different labels in "
        f"{sum(map(len, groups))} training rows: {len(dropped)} rows dropped, {len(relabelled)} "
        "relabelled (listed in reports/prepare.json)"
    )
    if groups and "test" not in set(rows["part"]):
        note += ". Test rows are taken from these later, so scores are on cleaned labels"
    return ResolvedConflicts(kept, labels, details, [note] if groups else [])


def _conflict_groups(rows: pd.DataFrame, codes: np.ndarray, task: str) -> list[list[int]]:
    """Return the training rows in conflict, by group."""
    train = np.flatnonzero(rows["part"] == "train")
    groups: dict[int, list[int]] = {}
    if len(train):
        conflicting = train[conflict_mask(codes[train], rows["label"].iloc[train], task)]
        for row in conflicting.tolist():
            groups.setdefault(int(codes[row]), []).append(row)
    return list(groups.values())


def _consensus_label(labels: list[str], task: str) -> str | None:
    """Return the most frequent label, None for a tie; the mean of numbers, in any order."""
    if task == "regression":
        return f"{math.fsum(map(float, labels)) / len(labels):.12g}"
    (label, most), *others = Counter(labels).most_common()
    return None if others and others[0][1] == most else label


def _first_changes(changes: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(changes, key=lambda change: change["id"])[:MAX_LISTED]
