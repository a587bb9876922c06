"""Rows are numbered into folds, and inside each fold into inner ones, groups kept whole."""

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.group_split import compute_strata, group_folds
from foldline.core.io.seeds import derive
from foldline.data.split_feasibility import group_name
from foldline.data.time_split import split_by_time


def fold_rows(
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
            f"{_largest(table, sizes)}. "
            f"Set {name} to {max(len(sizes), 2)} or fewer, or give more rows"
        )
    if periods:
        folds = split_by_time(table["time"].to_numpy(), groups, [1 / n_splits] * n_splits)
    else:
        strata = compute_strata(table["label"], task)
        folds = group_folds(table["id"].tolist(), groups, strata, n_splits, seed)
    empty = n_splits - len(set(folds.tolist()))
    if empty:
        raise FoldlineError(
            f"{name}={n_splits}: {empty} folds are left without a row, as the groups "
            f"({len(sizes)} of {len(groups)} rows) are too uneven: {_largest(table, sizes)}. "
            f"Set {name} lower"
        )
    return folds


def nested_rows(
    table: pd.DataFrame, nested: int, task: str, seed: int, periods: bool = False
) -> pd.DataFrame:
    """Give the rows outside each fold `nested` inner folds of their own: id, fold, inner.

    Tuning inside a fold then sees no row of it (Varma and Simon, 2006). The table has `fold`; 0
    gives no rows. Each fold's seed is derived by its number.

    Raises:
        FoldlineError: as `fold_rows`.
    """
    found = [pd.DataFrame({"id": [], "fold": [], "inner": []}).astype({"id": "str"})]
    for fold in sorted(set(table["fold"])) if nested else []:
        outside = table[table["fold"] != fold]
        own = derive(seed, "nested", fold)
        inner = fold_rows(outside, nested, task, own, "kfold.nested", periods)
        found.append(pd.DataFrame({"id": outside["id"], "fold": fold, "inner": inner}))
    joined = pd.concat(found[1:] or found, ignore_index=True)
    return joined.astype({"fold": "int64", "inner": "int64"})


def _largest(table: pd.DataFrame, sizes: "pd.Series[int]") -> str:
    largest = min(sizes.index[sizes == sizes.max()])
    return f"{group_name(table, largest)} holds {sizes.max() / len(table):.0%} of them"
