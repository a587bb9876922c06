"""Drop rows of the larger classes: at random, or by their neighbours.

The samplers are imbalanced-learn's (Lemaitre et al., 2017). They see dense rows of length 1: on
sparse TF-IDF the cleaning methods hardly clean, as in high dimensions a few rows are the neighbours
of all others (hubs). Rows are selected, never interpolated: a vector between two texts is no text.
"""

import warnings
from collections import Counter
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from foldline.augmentation.features import MAX_NGRAMS, make_dense_features
from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Undersample

# These drop rows down to `max_ratio`; the others drop what they take for noise.
RATIO_METHODS = ("random", "nearmiss1", "nearmiss2", "nearmiss3")
GIGABYTE = 1e9
# Bytes per character while n-grams are counted, and dense copies that an SVD holds at once: both
# measured.
_NGRAM_BYTES, _DENSE_COPIES = 120, 3
_WIDTH = 1024  # of a large encoder


def select_rows(
    rows: pd.DataFrame, classes: np.ndarray, options: Undersample, seed: int
) -> np.ndarray:
    """Return which rows stay: (n,) bool, whatever the order of rows.

    `classes` (n,) are classes, or ranges of the target.

    Raises:
        FoldlineError: if the method would need more than `memory_gb`, or the largest class it
            leaves is more than `max_ratio` times the smallest.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    sizes = Counter(classes.tolist())
    selected = np.ones(len(rows), dtype=bool)
    if options.method == "none" or len(sizes) < 2:
        return selected
    goal = int(options.max_ratio * min(sizes.values()))
    if options.method == "random":
        return _rank_within_class(rows["id"].tolist(), classes, seed) < goal
    if options.method in RATIO_METHODS and max(sizes.values()) <= goal:
        return selected
    check_memory(rows, sizes, goal, options)
    # By id: the position of a row decides ties between distances.
    order = np.argsort(rows["id"].to_numpy(dtype=object), kind="stable")
    # One thread: with several, timing would decide ties between distances.
    with threadpool_limits(1):
        indices = _run_sampler(
            make_dense_features(rows.iloc[order], options, seed), classes[order], goal, options
        )
    selected[:] = False
    selected[order[indices]] = True
    _check_ratio(sizes, Counter(classes[selected].tolist()), options)
    return selected


def _rank_within_class(ids: list[str], classes: np.ndarray, seed: int) -> np.ndarray:
    """Return each row's rank in a shuffle of its class; a new row moves no other one."""
    keys = rank_keys(seed, [f"under\x1f{name}" for name in ids])
    shuffled = pd.Series(classes).iloc[np.argsort(keys, kind="stable")]
    return np.asarray(shuffled.groupby(shuffled).cumcount().sort_index())


def _run_sampler(
    features: np.ndarray, classes: np.ndarray, goal: int, options: Undersample
) -> np.ndarray:
    """Return the indices of the rows that the sampler keeps."""
    codes, sizes = np.unique(classes, return_inverse=True, return_counts=True)[1:]
    targets = {code: goal for code, size in enumerate(sizes.tolist()) if size > goal}
    sampler = _make_sampler(options, sizes, targets)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few rows left, which _check_ratio reports
        sampler.fit_resample(features, codes)
    return np.asarray(sampler.sample_indices_)


def _make_sampler(options: Undersample, sizes: np.ndarray, targets: dict[int, int]) -> Any:
    """Return the sampler; it uses no more neighbours than there are rows."""
    from imblearn import under_sampling

    name, near = options.method, options.neighbours
    if name == "tomek":
        return under_sampling.TomekLinks()
    if name in ("enn", "ncr"):
        near = min(near, int(sizes.sum()) - 1)
        if name == "enn":  # by the majority of the neighbours (Wilson, 1972)
            return under_sampling.EditedNearestNeighbours(n_neighbors=near, kind_sel="mode")
        return under_sampling.NeighbourhoodCleaningRule(n_neighbors=near)
    return under_sampling.NearMiss(
        sampling_strategy=targets,
        version=int(name[-1]),
        n_neighbors=min(near, int(sizes.min())),
        n_neighbors_ver3=min(near, int(sizes.min())),
    )


def check_memory(
    rows: pd.DataFrame, sizes: dict[str, int], goal: int, options: Undersample
) -> None:
    """Estimate the memory of a sampler before it runs.

    Raises:
        FoldlineError: naming the estimate in GB, and a method that needs less.
    """
    if options.features == "embeddings":
        need = 8.0 * _DENSE_COPIES * _WIDTH * len(rows)
    else:
        characters = int(rows["text"].str.len().sum() + rows["text_pair"].str.len().sum())
        grams = min(MAX_NGRAMS, 3 * characters)
        need = float(
            _NGRAM_BYTES * characters + 8 * _DENSE_COPIES * options.dimensions * (len(rows) + grams)
        )
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
            f"({what}), more than augment.undersample.memory_gb={options.memory_gb:g}. Use "
            f"{'nearmiss1' if options.method == 'nearmiss2' else 'random'}, or raise memory_gb if "
            "the machine has as much"
        )


def _check_ratio(before: dict[str, int], after: dict[str, int], options: Undersample) -> None:
    """Refuse a ratio above `max_ratio`; cleaning methods may keep the original ratio.

    NearMiss-3 may select so few rows that the largest class becomes the smallest, and where
    classes overlap, cleaning may almost remove one.
    """
    largest, smallest = (pick(before, key=lambda n: (after.get(n, 0), n)) for pick in (max, min))
    most, least = after[largest], after.get(smallest, 0)
    allowed = options.max_ratio
    if options.method not in RATIO_METHODS:
        allowed = max(allowed, max(before.values()) / min(before.values()))
    if most <= allowed * least:
        return
    advice = "The classes overlap too much for it: use random"
    if options.method == "nearmiss3":
        advice = (
            "Raise augment.undersample.neighbours, so that it looks at more rows, or use nearmiss1"
        )
    elif least:
        advice += f", or raise max_ratio to {ceil(10 * most / least) / 10:g}"
    raise FoldlineError(
        f"augment.undersample.method={options.method} left {least} of {before[smallest]} rows of "
        f"'{smallest}' and {most} of {before[largest]} of '{largest}': more than {allowed:.3g} to "
        f"1, which augment.undersample.max_ratio allows. {advice}"
    )
