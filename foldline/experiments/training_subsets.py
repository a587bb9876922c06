"""Nested subsets of training rows: whole groups, with each label in its share."""

import numpy as np
import pandas as pd

from foldline.core.io.group_split import compute_strata
from foldline.core.io.seeds import derive_seed, generator, rank_keys


def rank_rows(rows: pd.DataFrame, task: str, seed: int) -> np.ndarray:
    """Return the rank of each row's group, (n,) int from 0: subsets are the first groups.

    Each stratum's groups, in random order, are spread evenly from a random start (systematic
    sampling), so that the first groups hold each label in its share, however many they are.
    """
    first = rows.drop_duplicates("group")
    names = first["group"].tolist()
    strata = _single_strata(compute_strata(rows["label"], task))[first.index.to_numpy()]
    keys = rank_keys(derive_seed(seed, "subset"), names)
    start = generator(seed, "subset starts").random(int(strata.max(initial=0)) + 1)
    position = np.empty(len(names))
    for stratum in np.unique(strata):
        own = np.flatnonzero(strata == stratum)
        own = own[np.argsort(keys[own], kind="stable")]
        position[own] = (np.arange(len(own)) + start[stratum]) / len(own)
    order = np.lexsort((keys, position))
    ranks = dict(zip((names[index] for index in order), range(len(names)), strict=True))
    return rows["group"].map(ranks).to_numpy(dtype=np.int64)


def select_subset(ranks: np.ndarray, size: int) -> np.ndarray:
    """Return a mask of the first whole groups of at most `size` rows together, at least one."""
    ends = np.cumsum(np.bincount(ranks))
    count = max(1, int(np.searchsorted(ends, size, side="right")))
    return np.asarray(ranks < count)


def list_sizes(total: int, count: int, smallest: int) -> list[int]:
    """Return numbers of rows, ascending: all, half of them, and so on, `count` in all.

    Where halving would leave fewer than `smallest` rows, the steps are smaller.
    """
    step = min(2.0, (total / smallest) ** (1 / max(1, count - 1)))
    return [round(total / step**power) for power in range(count - 1, -1, -1)]


def _single_strata(strata: np.ndarray) -> np.ndarray:
    """Return one stratum for each row, (n,) int; of several labels the rarest."""
    if strata.ndim == 1:
        return strata
    counts = np.where(strata, strata.sum(axis=0), len(strata) + 1)
    rarest = np.where(strata.any(axis=1), counts.argmin(axis=1), strata.shape[1])
    return np.asarray(rarest)
