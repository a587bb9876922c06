"""Rows are numbered into folds, and inside each fold into inner ones, groups kept whole."""

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import derive
from foldline.data.allocation import allocate, by_time, strata_of
from foldline.data.split_feasibility import describe_group


def assign_folds(
    table: pd.DataFrame,
    n_splits: int,
    task: str,
    seed: int,
    name: str = "kfold.n_splits",
    periods: bool = False,
) -> np.ndarray:
    """Give each row its fold, 0 to n_splits - 1: (n,) int; groups whole, classes balanced.

    With `periods` a fold is a stretch of time (column `time`), and classes fall as they do.

    Raises:
        FoldlineError: where there are fewer groups than folds, or a fold gets no row; `name` is
            the parameter to change, and the group that is in the way is named.
    """
    groups = table["group"].tolist()
    sizes = table["group"].value_counts()
    if len(sizes) < n_splits:
        raise FoldlineError(
            f"{name}={n_splits} needs as many groups of rows, but {len(groups)} rows are "
            f"in {len(sizes)} (duplicates, and rows of one data.group, are one group); "
            f"{_describe_largest_group(table, sizes)}. "
            f"Set {name} to {max(len(sizes), 2)} or fewer, or give more rows"
        )
    shares = [1 / n_splits] * n_splits
    if periods:
        folds = by_time(table["time"].to_numpy(), groups, shares)
    else:
        strata = strata_of(table["label"], task)
        folds = allocate(table["id"].tolist(), groups, strata, shares, seed)
    empty = n_splits - len(set(folds.tolist()))
    if empty:
        raise FoldlineError(
            f"{name}={n_splits}: {empty} folds are left without a row, as the groups "
            f"({len(sizes)} of {len(groups)} rows) are too uneven: {_describe_largest_group(table, sizes)}. "
            f"Set {name} lower"
        )
    return folds


def assign_nested_folds(
    table: pd.DataFrame, nested: int, task: str, seed: int, periods: bool = False
) -> pd.DataFrame:
    """Give the rows outside each fold `nested` inner folds of their own: id, fold, inner.

    Tuning inside a fold then sees no row of it (Varma and Simon, 2006). The table has `fold`; 0
    gives no rows. Each fold's seed is derived by its number.

    Raises:
        FoldlineError: as `assign_folds`.
    """
    found = [pd.DataFrame({"id": [], "fold": [], "inner": []}).astype({"id": "str"})]
    for fold in sorted(set(table["fold"])) if nested else []:
        outside = table[table["fold"] != fold]
        own = derive(seed, "nested", fold)
        inner = assign_folds(outside, nested, task, own, "kfold.nested", periods)
        found.append(pd.DataFrame({"id": outside["id"], "fold": fold, "inner": inner}))
    joined = pd.concat(found[1:] or found, ignore_index=True)
    return joined.astype({"fold": "int64", "inner": "int64"})


def _describe_largest_group(table: pd.DataFrame, sizes: "pd.Series[int]") -> str:
    largest = min(sizes.index[sizes == sizes.max()])
    return f"{describe_group(table, largest)} holds {sizes.max() / len(table):.0%} of them"
