"""How many copies of each row are made, and by which method each."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, unknown_name
from foldline.core.io.labels import split_label_names
from foldline.core.io.seeds import derive_seed, rank_keys
from foldline.core.params import Augment
from foldline.data.cell_values import find_value


def assign_classes(rows: pd.DataFrame, task: str, bins: int) -> np.ndarray:
    """Return the class that each row counts for in resampling: (n,) text.

    Multilabel: the rarest label of the row, an empty text without labels. Regression: one of
    `bins` equal ranges from the smallest number of these rows to the largest.
    """
    if task == "multilabel":
        return _find_rarest_labels(rows["label"].tolist())
    if task != "regression" or rows.empty:
        return rows["label"].to_numpy(dtype=object)
    target = rows["label"].to_numpy(dtype=np.float64)
    edges = compute_bin_edges(target, bins)
    numbers = np.clip(np.searchsorted(edges, target, side="right") - 1, 0, bins - 1)
    names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    if len(set(names)) < bins:  # four digits do not distinguish such narrow ranges
        names = [f"{name} (range {number})" for number, name in enumerate(names, 1)]
    return np.array(names, dtype=object)[numbers]


def _find_rarest_labels(labels: list[str]) -> np.ndarray:
    names = [split_label_names(label) for label in labels]
    sizes = Counter(name for own in names for name in own)
    rarest = [min(own, key=lambda name: (sizes[name], name), default="") for own in names]
    return np.array(rarest, dtype=object)


def compute_bin_edges(target: np.ndarray, bins: int) -> np.ndarray:
    """Return the (bins + 1,) edges of equal ranges from the smallest number to the largest."""
    return np.histogram_bin_edges(target, bins)


def check_classes(augment: Augment, classes: Iterable[str]) -> None:
    """Refuse a strategy for a class that does not exist.

    Raises:
        FoldlineError: naming the class and the nearest existing one.
    """
    existing = sorted(set(classes))
    for name in augment.per_class:
        if find_value(name, existing) is None:
            raise FoldlineError(f"augment.per_class: {unknown_name('class', name, existing)}")


def list_methods(augment: Augment) -> list[str]:
    """Return the augmentation methods that params name."""
    if augment.method == "mix":
        return list(augment.mix)
    return [] if augment.method == "none" else [augment.method]


def count_copies(
    ids: list[str], classes: np.ndarray, augment: Augment, seed: int
) -> dict[str, int]:
    """Return the number of copies of each row, by its id: 0 to `copies`.

    A class's copies are spread over its rows as evenly as possible. Which rows get one more is
    drawn by id, so that neither the order of rows nor another class matters.
    """
    if augment.method == "none" or not ids:
        return dict.fromkeys(ids, 0)
    names = classes.tolist()
    sizes = Counter(names)
    largest = max(sizes.values())
    strategies = {find_value(name, sizes): how for name, how in augment.per_class.items()}
    missing = {
        name: _count_missing(size, largest, strategies.get(name, augment.strategy), augment)
        for name, size in sizes.items()
    }
    members: dict[str, list[tuple[int, str]]] = {}
    keys = rank_keys(seed, [f"over\x1f{id_}" for id_ in ids]).tolist()
    for id_, name, key in zip(ids, names, keys, strict=True):
        members.setdefault(name, []).append((key, id_))
    counts: dict[str, int] = {}
    for name, keyed in members.items():
        each, rest = divmod(missing[name], sizes[name])
        for rank, (_, id_) in enumerate(sorted(keyed)):
            counts[id_] = min(augment.copies, each + (rank < rest))
    return counts


def _count_missing(size: int, largest: int, strategy: str, augment: Augment) -> int:
    """Return the number of copies that a class's strategy asks for."""
    if strategy == "n_per_row":
        return augment.copies * size
    # The tolerance keeps 0.1 of 30 at 3, not 4.
    goals = {"none": 0, "balance": largest, "ratio": int(np.ceil(augment.ratio * largest - 1e-9))}
    return max(0, goals[strategy] - size)


def choose_method(source_id: str, number: int, augment: Augment, seed: int) -> str:
    """Draw the method of a copy by the weights of `mix`, in whatever order they are listed."""
    if augment.method != "mix":
        return augment.method
    methods = sorted(augment.mix)
    ends = np.cumsum([augment.mix[method] for method in methods])
    draw = derive_seed(seed, "mix", source_id, number) / 2**63 * ends[-1]
    return methods[min(int(np.searchsorted(ends, draw, side="right")), len(methods) - 1)]
