"""The report on duplicates: counts by strength and length, conflicts, the largest groups."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from foldline.data.conflicts import conflict_mask
from foldline.data.duplicates import DuplicateGroups, name_groups

WORD_BINS = {"1-2": 2, "3-5": 5, "6-10": 10, "11+": None}  # words, of both texts of a pair
MAX_GROUPS, MAX_TEXTS, MAX_CHARACTERS = 10, 3, 120  # groups and labels, texts, their length


def duplicate_report(rows: pd.DataFrame, groups: DuplicateGroups, task: str) -> dict[str, Any]:
    """Count rows that have a duplicate, and rows with a duplicate of another label.

    For each strength, in total and by length in words: `rows`, `groups`, `conflicting_rows` and
    `conflicting_share` of the rows (None without rows). Labels of all parts count. `together` are
    the groups that no split divides; pairs in one may share only one sentence.
    """
    words = np.array(
        [
            len(text.split()) + len(pair.split())
            for text, pair in zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
        ]
    )
    strengths = {"exact": groups.exact, "skeleton": groups.skeleton, "near": groups.near}
    report: dict[str, Any] = {}
    for name, codes in strengths.items():
        if codes is None:
            continue
        _, numbers, sizes = np.unique(codes, return_inverse=True, return_counts=True)
        duplicated = sizes[numbers] > 1
        conflicts = duplicated & conflict_mask(codes, rows["label"], task)
        counts = _count_duplicates(numbers, duplicated, conflicts)
        low = 0
        by_words = {}
        for span, high in WORD_BINS.items():
            in_bin = (words > low) & (words <= high if high else True)
            by_words[span] = _count_duplicates(numbers, duplicated & in_bin, conflicts & in_bin)
            low = high or low
        report[name] = counts | {"by_words": by_words}
    _, numbers, sizes = np.unique(groups.together, return_inverse=True, return_counts=True)
    together = {
        "rows": int((sizes[numbers] > 1).sum()),
        "groups": int((sizes > 1).sum()),
        "largest": int(sizes.max(initial=0)),
    }
    return report | {"together": together, "largest": _largest_groups(rows, groups.together)}


def _count_duplicates(
    numbers: np.ndarray, duplicated: np.ndarray, conflicting: np.ndarray
) -> dict[str, Any]:
    rows, conflicts = int(duplicated.sum()), int(conflicting.sum())
    return {
        "rows": rows,
        "groups": len(np.unique(numbers[duplicated])),
        "conflicting_rows": conflicts,
        "conflicting_share": round(conflicts / rows, 4) if rows else None,
    }


def _largest_groups(rows: pd.DataFrame, codes: np.ndarray) -> list[dict[str, Any]]:
    """Return the largest groups: their sizes, labels, and some of their different texts."""
    names = np.array(name_groups(codes, rows["id"].tolist()), dtype=object)
    sizes = Counter(names.tolist())
    largest = []
    for name in sorted(sizes, key=lambda name: (-sizes[name], name))[:MAX_GROUPS]:
        if sizes[name] == 1:
            break
        group = rows.iloc[np.flatnonzero(names == name)]
        texts = sorted(set((group["text"] + " | " + group["text_pair"]).str.removesuffix(" | ")))
        labels = Counter(sorted(group["label"].tolist())).most_common(MAX_GROUPS)
        largest.append(
            {
                "rows": len(group),
                "first": name,
                "labels": dict(labels),
                "different_texts": len(texts),
                "texts": [text[:MAX_CHARACTERS] for text in texts[:MAX_TEXTS]],
            }
        )
    return largest
