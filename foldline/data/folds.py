"""Folds of the rows, and nested folds for tuning inside them, with every group kept whole."""

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.group_split import compute_strata, group_folds
from foldline.core.io.seeds import derive_seed
from foldline.data.split_feasibility import describe_group
from foldline.data.time_split import split_by_time


def assign_folds(
    table: pd.DataFrame,
    n_splits: int,
    task: str,
    seed: int,
    name: str = "kfold.n_splits",
    periods: bool = False,
) -> np.ndarray:
    """Return the fold of each row, 0 to n_splits - 1: (n,) int, with balanced classes.

    With `periods` a fold is a period of time (column `time`), and classes are not balanced.

    Raises:
        FoldlineError: where there are fewer groups than folds, or a fold has no rows, naming the
            largest group and `name`, the parameter to change.
    """
    groups = table["group"].tolist()
    sizes = table["group"].value_counts()
    if len(sizes) < n_splits:
        raise FoldlineError(
            f"{name}={n_splits} needs at least as many groups of rows, but {len(groups)} rows are "
            f"in {len(sizes)} (duplicates, and rows of one data.group, are one group); "
            f"{_describe_largest_group(table, sizes)}. "
            f"Set {name} to {max(len(sizes), 2)} or fewer, or add rows"
        )
    if periods:
        folds = split_by_time(table["time"].to_numpy(), groups, [1 / n_splits] * n_splits)
    else:
        strata = compute_strata(table["label"], task)
        folds = group_folds(table["id"].tolist(), groups, strata, n_splits, seed)
    empty = n_splits - len(set(folds.tolist()))
    if empty:
        raise FoldlineError(
            f"{name}={n_splits}: {empty} folds have no rows, as the groups ({len(sizes)} of "
            f"{len(groups)} rows) are too uneven: {_describe_largest_group(table, sizes)}. "
            f"Lower {name}"
        )
    return folds


def assign_nested_folds(
    table: pd.DataFrame, nested: int, task: str, seed: int, periods: bool = False
) -> pd.DataFrame:
    """Return `nested` inner folds of the rows outside each fold: id, fold, inner.

    Tuning inside a fold then uses no row of it (Varma and Simon, 2006). The table has `fold`;
    nested=0 returns no rows. Each fold's seed is derived from its number.

    Raises:
        FoldlineError: as `assign_folds`.
    """
    tables = [pd.DataFrame({"id": [], "fold": [], "inner": []}).astype({"id": "str"})]
    for fold in sorted(set(table["fold"])) if nested else []:
        outside = table[table["fold"] != fold]
        fold_seed = derive_seed(seed, "nested", fold)
        inner = assign_folds(outside, nested, task, fold_seed, "kfold.nested", periods)
        tables.append(pd.DataFrame({"id": outside["id"], "fold": fold, "inner": inner}))
    joined = pd.concat(tables[1:] or tables, ignore_index=True)
    return joined.astype({"fold": "int64", "inner": "int64"})


def _describe_largest_group(table: pd.DataFrame, sizes: "pd.Series[int]") -> str:
    largest = min(sizes.index[sizes == sizes.max()])
    share = sizes.max() / len(table)
    return f"the largest is {describe_group(table, largest)}, with {share:.0%} of them"
