"""What balancing came to: a few numbers for DVC, and what a person wants to look at."""

from collections import Counter
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from foldline.augmentation.augment_rows import Balanced
from foldline.augmentation.quality_filters import GATES
from foldline.augmentation.sampling_plan import edges_of, stands_for
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Augment

SAMPLES = 10  # lines before and after of a method
REMOVED = 5  # samples of a class


def metrics(before: pd.DataFrame, balanced: Balanced, task: str, bins: int) -> dict[str, Any]:
    """Give rows, drops, copies, refusals by gate, and the largest class over the smallest.

    For numbers, ranges of the target that hold rows stand for classes.
    """
    failed = Counter(balanced.copies["gate"].tolist())
    sizes = _sizes(before, balanced, task, bins)
    return {
        "rows": len(balanced.rows),
        "dropped": len(balanced.removed),
        "wanted": len(balanced.copies),
        "copies": failed[""],
        "refused": {gate: failed[gate] for gate in GATES},
        "ratio_before": _ratio(sizes["before"]),
        "ratio_after": _ratio(sizes["after"]),
    }


def idle(augment: Augment, found: dict[str, Any]) -> list[str]:
    """Say which part of balancing was asked for and did nothing."""
    notes = []
    under = augment.undersample
    if under.method != "none" and not found["dropped"]:
        notes.append(
            f"augment.undersample.method={under.method} dropped no row: classes differ by less "
            f"than augment.undersample.max_ratio={under.max_ratio:g}, or it found none to drop"
        )
    if augment.method != "none" and not found["copies"]:
        notes.append(
            f"augment.method={augment.method} made no copy: none was wanted (augment.strategy), "
            "none could be changed, or augment.gates refused them (reports/augment.json)"
        )
    return notes


def details(
    before: pd.DataFrame, balanced: Balanced, task: str, bins: int, seed: int
) -> dict[str, Any]:
    """Give counts of classes, or the target's histogram, and samples of what was done.

    `methods` has for each method the copies wanted, made and refused by each gate, and up to ten
    lines before and after; `removed` up to five rows of each class that were dropped.
    """
    sizes = _sizes(before, balanced, task, bins)
    names = sorted(sizes["before"])
    found: dict[str, Any] = {
        "classes": [
            {"class": name} | {when: int(size.get(name, 0)) for when, size in sizes.items()}
            for name in names
        ],
        "methods": {
            str(name): _method(own, seed) for name, own in balanced.copies.groupby("method")
        },
        "removed": _removed(before, balanced.removed, task, bins, seed),
    }
    if task == "regression" and len(before):
        del found["classes"]  # ranges, which the histogram has in their order
        found["histogram"] = _histogram(before, balanced.rows, bins)
    return found


def _sizes(
    before: pd.DataFrame, balanced: Balanced, task: str, bins: int
) -> dict[str, Counter[str]]:
    """Count classes before, after under-sampling, and after all."""
    own = dict(zip(before["id"], stands_for(before, task, bins), strict=True))
    removed = set(balanced.removed["id"])
    return {
        "before": Counter(own.values()),
        "kept": Counter(name for row, name in own.items() if row not in removed),
        "after": Counter(own[source] for source in balanced.rows["source_id"]),
    }


def _ratio(sizes: Counter[str]) -> float | None:
    return max(sizes.values()) / min(sizes.values()) if sizes else None


def _method(copies: pd.DataFrame, seed: int) -> dict[str, Any]:
    failed = Counter(copies["gate"].tolist())
    passed = copies[copies["gate"] == ""]
    samples = passed.iloc[_drawn(passed["id"].tolist(), SAMPLES, seed)]
    return {
        "wanted": len(copies),
        "made": failed[""],
        "refused": {gate: failed[gate] for gate in GATES},
        "samples": [_before_and_after(row) for row in samples.to_dict("records")],
    }


def _before_and_after(copy: dict[Hashable, Any]) -> dict[str, str]:
    found = {"id": copy["id"], "label": copy["label"]}
    found |= {"before": copy["source_text"], "after": copy["text"]}
    if copy["source_pair"] or copy["text_pair"]:
        found |= {"before_pair": copy["source_pair"], "after_pair": copy["text_pair"]}
    return found


def _removed(
    before: pd.DataFrame, removed: pd.DataFrame, task: str, bins: int, seed: int
) -> dict[str, list[dict[str, str]]]:
    own = dict(zip(before["id"], stands_for(before, task, bins), strict=True))
    columns = ["id", "text", "text_pair", "label"]
    found: dict[str, list[dict[str, str]]] = {}
    for name, part in removed.groupby(removed["id"].map(own)):
        samples = part.iloc[_drawn(part["id"].tolist(), REMOVED, seed)]
        found[str(name)] = [{c: str(row[c]) for c in columns} for row in samples.to_dict("records")]
    return found


def _drawn(ids: list[str], most: int, seed: int) -> list[int]:
    """Draw places of some rows, whatever the order of all."""
    return [int(place) for place in np.argsort(rank_keys(seed, ids), kind="stable")[:most]]


def _histogram(before: pd.DataFrame, after: pd.DataFrame, bins: int) -> dict[str, list[float]]:
    """Count rows in equal ranges of the target: `edges` are one more than the counts."""
    edges = edges_of(before["label"].to_numpy(dtype=np.float64), bins)
    counts = {
        when: np.histogram(rows["label"].to_numpy(dtype=np.float64), edges)[0].tolist()
        for when, rows in (("before", before), ("after", after))
    }
    return {"edges": edges.tolist()} | counts
