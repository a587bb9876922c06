"""How many copies of each row are wanted, and by which method each is made."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, unknown
from foldline.core.io.labels import names_of
from foldline.core.io.seeds import derive, rank_keys
from foldline.core.params import Augment


def stands_for(rows: pd.DataFrame, task: str, bins: int) -> np.ndarray:
    """Give what each row counts as: (n,) text, its class, or one of `bins` equal ranges.

    A row of several labels counts as the rarest of them, one without any as an empty text. The
    ranges go from the smallest number of these rows to the largest; empty ones do not count.
    """
    if task == "multilabel":
        return _rarest(rows["label"].tolist())
    if task != "regression" or rows.empty:
        return rows["label"].to_numpy(dtype=object)
    target = rows["label"].to_numpy(dtype=np.float64)
    edges = edges_of(target, bins)
    places = np.clip(np.searchsorted(edges, target, side="right") - 1, 0, bins - 1)
    names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    if len(set(names)) < bins:  # ranges narrower than four digits tell
        names = [f"{name} (range {place})" for place, name in enumerate(names, 1)]
    return np.array(names, dtype=object)[places]


def _rarest(labels: list[str]) -> np.ndarray:
    names = [names_of(label) for label in labels]
    sizes = Counter(name for own in names for name in own)
    rarest = [min(own, key=lambda name: (sizes[name], name), default="") for own in names]
    return np.array(rarest, dtype=object)


def edges_of(target: np.ndarray, bins: int) -> np.ndarray:
    """Give the (bins + 1,) edges of equal ranges from the smallest number to the largest."""
    return np.histogram_bin_edges(target, bins)


def check_classes(augment: Augment, known: Iterable[str]) -> None:
    """Refuse a strategy for a class that is not there.

    Raises:
        FoldlineError: naming the class and the nearest known one.
    """
    classes = sorted(set(known))
    for name in augment.per_class:
        if name not in classes:
            raise FoldlineError(f"augment.per_class: {unknown('class', name, classes)}")


def wanted(ids: list[str], stands: np.ndarray, augment: Augment, seed: int) -> dict[str, int]:
    """Give the number of copies of each row, by its id: 0 to `copies`.

    A class's copies are shared among its rows as equally as can be; who is asked for one more
    is drawn by id, so that neither the order of rows nor another class matters.
    """
    if augment.method == "none" or not ids:
        return dict.fromkeys(ids, 0)
    names = stands.tolist()
    sizes = Counter(names)
    largest = max(sizes.values())
    lacks = {name: _lack(name, size, largest, augment) for name, size in sizes.items()}
    members: dict[str, list[tuple[int, str]]] = {}
    keys = rank_keys(seed, [f"over\x1f{name}" for name in ids]).tolist()
    for name, own, key in zip(ids, names, keys, strict=True):
        members.setdefault(own, []).append((key, name))
    counts: dict[str, int] = {}
    for own, keyed in members.items():
        each, rest = divmod(lacks[own], sizes[own])
        for place, (_, name) in enumerate(sorted(keyed)):
            counts[name] = min(augment.copies, each + (place < rest))
    return counts


def _lack(name: str, size: int, largest: int, augment: Augment) -> int:
    """Give the number of rows that a class's strategy asks for."""
    strategy = augment.per_class.get(name, augment.strategy)
    if strategy == "n_per_row":
        return augment.copies * size
    # Rounded up with care: 0.1 of 30 is 3, not 4.
    goals = {"none": 0, "balance": largest, "ratio": int(np.ceil(augment.ratio * largest - 1e-9))}
    return max(0, goals[strategy] - size)


def method_of(name: str, number: int, augment: Augment, seed: int) -> str:
    """Draw the method of a row's copy by the weights of `mix`; their order does not matter."""
    if augment.method != "mix":
        return augment.method
    methods = sorted(augment.mix)
    ends = np.cumsum([augment.mix[method] for method in methods])
    draw = derive(seed, "mix", name, number) / 2**63 * ends[-1]
    return methods[min(int(np.searchsorted(ends, draw, side="right")), len(methods) - 1)]
