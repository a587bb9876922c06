"""Folds of the rows, and nested folds for tuning inside them, with every group kept whole."""

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.group_split import compute_strata, group_folds
from foldline.core.io.seeds import derive_seed
from foldline.data.duplicates import name_groups
from foldline.data.row_links import duplicate_levels, link_rows, place_groups
from foldline.data.split_feasibility import describe_group
from foldline.data.time_split import split_by_time


def fit_fold_groups(
    table: pd.DataFrame, n_splits: int, task: str, seed: int, periods: bool = False
) -> list[str]:
    """Return the groups (n,) of rows that folds keep whole: the largest that leave folds even.

    `table` is as prepared; see `place_groups`.
    """
    strata = compute_strata(table["label"], task)

    def place(groups: list[str]) -> np.ndarray:
        return _place_groups(table, groups, strata, n_splits, seed, periods)

    balanced = np.zeros(len(table), dtype=np.int64) if periods else strata
    return place_groups(link_rows(table, by_group=True), place, balanced, [1 / n_splits] * n_splits)


def name_divided_duplicates(table: pd.DataFrame) -> list[str]:
    """Return names (n,) of duplicates that are in several folds; empty for other rows.

    A fold trains on none of those that it predicts.
    """
    codes = pd.Series(duplicate_levels(table)["skeleton"], index=table.index)
    divided = table["fold"].groupby(codes).transform("nunique") > 1
    names = pd.Series(name_groups(codes.to_numpy(), table["id"].tolist()), index=table.index)
    return names.where(divided, "").tolist()


def _place_groups(
    table: pd.DataFrame,
    groups: list[str],
    strata: np.ndarray,
    n_splits: int,
    seed: int,
    periods: bool,
) -> np.ndarray:
    if periods:
        return split_by_time(table["time"].to_numpy(), groups, [1 / n_splits] * n_splits)
    return group_folds(table["id"].tolist(), groups, strata, n_splits, seed)


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
    strata = compute_strata(table["label"], task)
    folds = _place_groups(table, groups, strata, n_splits, seed, periods)
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
