"""What the duplicates came to: by strength, by length, with their labels, the largest first."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from foldline.data.conflicts import conflict_mask
from foldline.data.duplicates import DuplicateGroups, name_groups

WORD_BINS = {"1-2": 2, "3-5": 5, "6-10": 10, "11+": None}  # words, of both texts of a pair
MAX_GROUPS, MAX_TEXTS, MAX_CHARACTERS = 10, 3, 120  # groups and labels, texts, their length


def duplicate_report(rows: pd.DataFrame, found: DuplicateGroups, task: str) -> dict[str, Any]:
    """Count rows that have a duplicate, and those whose duplicates are labelled otherwise.

    For each strength, altogether and by length in words: `rows`, `groups`, `conflicting_rows` and
    `conflicting_share` of the rows (None where there are none). Labels of all parts count.
    `together` are the rows that no split parts; pairs in it may share one sentence alone.
    """
    words = np.array(
        [
            len(text.split()) + len(pair.split())
            for text, pair in zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
        ]
    )
    strengths = {"exact": found.exact, "skeleton": found.skeleton, "near": found.near}
    report: dict[str, Any] = {}
    for name, codes in strengths.items():
        if codes is None:
            continue
        _, numbers, sizes = np.unique(codes, return_inverse=True, return_counts=True)
        several = sizes[numbers] > 1
        against = several & conflict_mask(codes, rows["label"], task)
        counts = _count_duplicates(numbers, several, against)
        low = 0
        by_words = {}
        for span, high in WORD_BINS.items():
            of_length = (words > low) & (words <= high if high else True)
            by_words[span] = _count_duplicates(numbers, several & of_length, against & of_length)
            low = high or low
        report[name] = counts | {"by_words": by_words}
    _, groups, sizes = np.unique(found.together, return_inverse=True, return_counts=True)
    together = {
        "rows": int((sizes[groups] > 1).sum()),
        "groups": int((sizes > 1).sum()),
        "largest": int(sizes.max(initial=0)),
    }
    return report | {"together": together, "largest": _largest_groups(rows, found.together)}


def _count_duplicates(
    numbers: np.ndarray, several: np.ndarray, against: np.ndarray
) -> dict[str, Any]:
    rows, conflicts = int(several.sum()), int(against.sum())
    return {
        "rows": rows,
        "groups": len(np.unique(numbers[several])),
        "conflicting_rows": conflicts,
        "conflicting_share": round(conflicts / rows, 4) if rows else None,
    }


def _largest_groups(rows: pd.DataFrame, codes: np.ndarray) -> list[dict[str, Any]]:
    """Give the largest groups: how many rows, of which labels, and some different texts."""
    names = np.array(name_groups(codes, rows["id"].tolist()), dtype=object)
    sizes = Counter(names.tolist())
    shown = []
    for name in sorted(sizes, key=lambda name: (-sizes[name], name))[:MAX_GROUPS]:
        if sizes[name] == 1:
            break
        group = rows.iloc[np.flatnonzero(names == name)]
        texts = sorted(set((group["text"] + " | " + group["text_pair"]).str.removesuffix(" | ")))
        labels = Counter(sorted(group["label"].tolist())).most_common(MAX_GROUPS)
        shown.append(
            {
                "rows": len(group),
                "first": name,
                "labels": dict(labels),
                "different_texts": len(texts),
                "texts": [text[:MAX_CHARACTERS] for text in texts[:MAX_TEXTS]],
            }
        )
    return shown
