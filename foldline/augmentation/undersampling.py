"""Rows of the larger classes are dropped: at random, or by what stands near them.

The samplers are imbalanced-learn's (Lemaitre et al., 2017). They see dense rows of length 1: on
sparse TF-IDF the cleaning ones hardly clean, as in so many dimensions a few rows are everybody's
neighbours. Rows are kept by their index; a vector in between two texts is no text.
"""

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from foldline.augmentation.features import MOST, dense
from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Undersample

# These drop rows up to `max_ratio`; the others drop what they take for noise.
TO_RATIO = ("random", "nearmiss1", "nearmiss2", "nearmiss3")
GIGABYTE = 1e9
# Bytes a character while its n-grams are counted, and copies of dense numbers that are alive at
# once in an SVD: measured.
_BAG, _DENSE = 120, 3
_WIDTH = 1024  # of a large encoder


def kept(rows: pd.DataFrame, stands: np.ndarray, options: Undersample, seed: int) -> np.ndarray:
    """Say which rows stay: (n,) bool.

    `stands` (n,) is what each row counts as, a class or a range of the target. The order of rows
    does not matter.

    Raises:
        FoldlineError: where the method would need more than `memory_gb`, or the largest class
            it leaves is more than `max_ratio` times the smallest.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    sizes = Counter(stands.tolist())
    stays = np.ones(len(rows), dtype=bool)
    if options.method == "none" or len(sizes) < 2:
        return stays
    goal = int(options.max_ratio * min(sizes.values()))
    if options.method == "random":
        return _ranks(rows["id"].tolist(), stands, seed) < goal
    if options.method in TO_RATIO and max(sizes.values()) <= goal:
        return stays
    check_memory(rows, sizes, goal, options)
    # By id: ties between distances are decided by the place of a row.
    order = np.argsort(rows["id"].to_numpy(dtype=object), kind="stable")
    # One thread: several would break ties between distances by which of them came first.
    with threadpool_limits(1):
        found = _sampled(dense(rows.iloc[order], options, seed), stands[order], goal, options)
    stays[:] = False
    stays[order[found]] = True
    _check_ratio(sizes, Counter(stands[stays].tolist()), options)
    return stays


def _ranks(ids: list[str], stands: np.ndarray, seed: int) -> np.ndarray:
    """Give each row its place in a shuffle of its class: a row more moves no other one."""
    keys = rank_keys(seed, [f"under\x1f{name}" for name in ids])
    drawn = pd.Series(stands).iloc[np.argsort(keys, kind="stable")]
    return np.asarray(drawn.groupby(drawn).cumcount().sort_index())


def _sampled(
    features: np.ndarray, stands: np.ndarray, goal: int, options: Undersample
) -> np.ndarray:
    """Run the sampler: indices of the rows that stay."""
    codes, sizes = np.unique(stands, return_inverse=True, return_counts=True)[1:]
    wanted = {code: goal for code, size in enumerate(sizes.tolist()) if size > goal}
    sampler = _sampler(options, sizes, wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too few are left: checked below, and said plainly
        sampler.fit_resample(features, codes)
    return np.asarray(sampler.sample_indices_)


def _sampler(options: Undersample, sizes: np.ndarray, wanted: dict[int, int]) -> Any:
    """Make the sampler; no more neighbours than there are."""
    from imblearn import under_sampling as made

    name, near = options.method, options.neighbours
    if name == "tomek":
        return made.TomekLinks()
    if name in ("enn", "ncr"):
        near = min(near, int(sizes.sum()) - 1)
        if name == "enn":  # by the majority of its neighbours, as Wilson (1972) has it
            return made.EditedNearestNeighbours(n_neighbors=near, kind_sel="mode")
        return made.NeighbourhoodCleaningRule(n_neighbors=near)
    return made.NearMiss(
        sampling_strategy=wanted,
        version=int(name[-1]),
        n_neighbors=min(near, int(sizes.min())),
        n_neighbors_ver3=min(near, int(sizes.min())),
    )


def check_memory(
    rows: pd.DataFrame, sizes: dict[str, int], goal: int, options: Undersample
) -> None:
    """Estimate the memory of a sampler, before it is spent.

    Raises:
        FoldlineError: naming the need in GB, and what needs less.
    """
    if options.features == "embeddings":
        need = 8.0 * _DENSE * _WIDTH * len(rows)
    else:
        characters = int(rows["text"].str.len().sum() + rows["text_pair"].str.len().sum())
        grams = min(MOST, 3 * characters)
        need = float(_BAG * characters + 8 * _DENSE * options.dimensions * (len(rows) + grams))
    what = f"features of {len(rows)} rows"
    if options.method == "nearmiss2":
        # Distances and indices of all rows of a class to all of the smallest one.
        smallest = min(sizes.values())
        larger = max((size for size in sizes.values() if size > goal), default=0)
        need += 16 * smallest * larger
        what = f"distances of {larger} rows to {smallest}, and {what}"
    if need > options.memory_gb * GIGABYTE:
        raise FoldlineError(
            f"augment.undersample.method={options.method} needs about {need / GIGABYTE:.1f} GB "
            f"({what}), more than memory_gb={options.memory_gb:g}. Use "
            f"{'nearmiss1' if options.method == 'nearmiss2' else 'random'}, or raise memory_gb if "
            "the machine has as much"
        )


def _check_ratio(before: dict[str, int], after: dict[str, int], options: Undersample) -> None:
    """Refuse a ratio beyond `max_ratio`; what only cleans may leave the one that there was.

    NearMiss-3 may find so few rows that the largest class becomes the smallest, and where classes
    overlap, cleaning may all but remove one.
    """
    largest, smallest = (pick(before, key=lambda n: (after.get(n, 0), n)) for pick in (max, min))
    most, least = after[largest], after.get(smallest, 0)
    allowed = options.max_ratio
    if options.method not in TO_RATIO:
        allowed = max(allowed, max(before.values()) / min(before.values()))
    if most <= allowed * least:
        return
    advice = (
        "Raise augment.undersample.neighbours, so that it looks at more rows, or use nearmiss1"
        if options.method == "nearmiss3"
        else "The classes overlap too much for it: use random, or tomek, which drops least"
    )
    raise FoldlineError(
        f"augment.undersample.method={options.method} left {least} of {before[smallest]} rows of "
        f"'{smallest}' and {most} of {before[largest]} of '{largest}': more than {allowed:.3g} to "
        f"1, which augment.undersample.max_ratio allows. {advice}"
    )
