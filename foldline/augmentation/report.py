"""What the augmentation did: a few numbers for DVC, and details with samples to look at."""

from collections import Counter
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from foldline.augmentation.augment_rows import AugmentedRows
from foldline.augmentation.external_inputs import hash_external_inputs, read_hub_commits
from foldline.augmentation.quality_filters import FILTERS
from foldline.augmentation.sampling_plan import assign_classes, compute_bin_edges
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Augment

N_COPY_SAMPLES = 10  # of each method
N_REMOVED_SAMPLES = 5  # of each class


def make_metrics(
    before: pd.DataFrame, result: AugmentedRows, task: str, bins: int
) -> dict[str, Any]:
    """Return rows, drops, copies, refusals by filter, and the largest class over the smallest.

    Regression: ranges of the target that hold rows count as classes.
    """
    failed = Counter(result.copies["failed_filter"].tolist())
    sizes = _count_classes(before, result, task, bins)
    return {
        "rows": len(result.rows),
        "dropped": len(result.removed),
        "wanted": len(result.copies),
        "copies": failed[""],
        "refused": {name: failed[name] for name in FILTERS},
        "ratio_before": _compute_ratio(sizes["before"]),
        "ratio_after": _compute_ratio(sizes["after"]),
    }


def list_idle_options(augment: Augment, metrics: dict[str, Any]) -> list[str]:
    """Return a note for undersampling or augmentation that is on but changed nothing."""
    notes = []
    under = augment.undersample
    if under.method != "none" and not metrics["dropped"]:
        notes.append(
            f"augment.undersample.method={under.method} dropped no row: classes differ by less "
            f"than augment.undersample.max_ratio={under.max_ratio:g}, or it found none to drop"
        )
    if augment.method != "none" and not metrics["copies"]:
        notes.append(
            f"augment.method={augment.method} made no copy: none was needed (augment.strategy), "
            "no text could be changed, or augment.gates refused all (reports/augment.json)"
        )
    return notes


def make_details(
    before: pd.DataFrame, result: AugmentedRows, task: str, augment: Augment, seed: int
) -> dict[str, Any]:
    """Return counts of classes, or the target's histogram, samples, and the external inputs.

    `methods` has the copies wanted, made and refused by each filter, and up to ten samples before
    and after; `removed` up to five removed rows of each class. `kfold` depends on `outside`, the
    hashes of local files, and `commits`.
    """
    bins = augment.bins
    sizes = _count_classes(before, result, task, bins)
    details: dict[str, Any] = {
        "classes": [
            {"class": name} | {when: int(size.get(name, 0)) for when, size in sizes.items()}
            for name in sorted(sizes["before"])
        ],
        "methods": {
            str(name): _describe_method(own, seed) for name, own in result.copies.groupby("method")
        },
        "removed": _sample_removed(before, result.removed, task, bins, seed),
    }
    if task == "regression" and len(before):
        del details["classes"]  # the histogram has the ranges in their order
        details["histogram"] = _make_histogram(before, result.rows, bins)
    details |= {"outside": hash_external_inputs(augment), "commits": read_hub_commits(augment)}
    return details


def _count_classes(
    before: pd.DataFrame, result: AugmentedRows, task: str, bins: int
) -> dict[str, Counter[str]]:
    """Return the sizes of classes before, after undersampling, and after augmentation."""
    classes = dict(zip(before["id"], assign_classes(before, task, bins), strict=True))
    removed = set(result.removed["id"])
    return {
        "before": Counter(classes.values()),
        "kept": Counter(name for id_, name in classes.items() if id_ not in removed),
        "after": Counter(classes[source] for source in result.rows["source_id"]),
    }


def _compute_ratio(sizes: Counter[str]) -> float | None:
    return max(sizes.values()) / min(sizes.values()) if sizes else None


def _describe_method(copies: pd.DataFrame, seed: int) -> dict[str, Any]:
    failed = Counter(copies["failed_filter"].tolist())
    passed = copies[copies["failed_filter"] == ""]
    samples = passed.iloc[_sample_positions(passed["id"].tolist(), N_COPY_SAMPLES, seed)]
    return {
        "wanted": len(copies),
        "made": failed[""],
        "refused": {name: failed[name] for name in FILTERS},
        "samples": [_describe_copy(row) for row in samples.to_dict("records")],
    }


def _describe_copy(copy: dict[Hashable, Any]) -> dict[str, str]:
    texts = {"id": copy["id"], "label": copy["label"]}
    texts |= {"before": copy["source_text"], "after": copy["text"]}
    if copy["source_pair"] or copy["text_pair"]:
        texts |= {"before_pair": copy["source_pair"], "after_pair": copy["text_pair"]}
    return texts


def _sample_removed(
    before: pd.DataFrame, removed: pd.DataFrame, task: str, bins: int, seed: int
) -> dict[str, list[dict[str, str]]]:
    classes = dict(zip(before["id"], assign_classes(before, task, bins), strict=True))
    columns = ["id", "text", "text_pair", "label"]
    samples: dict[str, list[dict[str, str]]] = {}
    for name, part in removed.groupby(removed["id"].map(classes)):
        rows = part.iloc[_sample_positions(part["id"].tolist(), N_REMOVED_SAMPLES, seed)]
        samples[str(name)] = [{c: str(row[c]) for c in columns} for row in rows.to_dict("records")]
    return samples


def _sample_positions(ids: list[str], count: int, seed: int) -> list[int]:
    """Draw the positions of some rows, the same rows in any order of all."""
    order = np.argsort(rank_keys(seed, ids), kind="stable")
    return [int(position) for position in order[:count]]


def _make_histogram(before: pd.DataFrame, after: pd.DataFrame, bins: int) -> dict[str, list[float]]:
    """Return the row counts in equal ranges of the target, and their `edges`."""
    edges = compute_bin_edges(before["label"].to_numpy(dtype=np.float64), bins)
    counts = {
        when: np.histogram(rows["label"].to_numpy(dtype=np.float64), edges)[0].tolist()
        for when, rows in (("before", before), ("after", after))
    }
    return {"edges": edges.tolist()} | counts
