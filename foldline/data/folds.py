"""Folds of the rows, with every group kept whole."""

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.group_split import compute_strata, group_folds
from foldline.data.duplicates import name_groups
from foldline.data.leaks import MAX_DROPPED
from foldline.data.row_links import duplicate_levels, fit_limits, link_rows
from foldline.data.split_feasibility import describe_group
from foldline.data.time_split import split_by_time


def fit_fold_groups(
    table: pd.DataFrame, n_splits: int, task: str, seed: int, periods: bool = False
) -> tuple[list[str], list[str]]:
    """Return the groups (n,) of rows that folds keep whole: the largest that leave folds even.

    `table` is as prepared; see `fit_limits`. Also returns the groups of rows that are not
    independent.
    """
    strata = compute_strata(table["label"], task)

    def place(groups: list[str]) -> np.ndarray:
        return _place_groups(table, groups, strata, n_splits, seed, periods)

    balanced = np.zeros(len(table), dtype=np.int64) if periods else strata
    links = link_rows(table, by_group=True)
    limits = fit_limits(links, place, balanced, [1 / n_splits] * n_splits)
    return links.name_groups(limits), links.name_dependent_groups(limits)


def name_divided_duplicates(table: pd.DataFrame) -> list[str]:
    """Return names (n,) of duplicates that are in several folds; empty for other rows.

    A fold trains on none of those that it predicts. No row is named where a fold would lose more
    than half of its training rows.
    """
    codes, folds = duplicate_levels(table)["skeleton"], table["fold"].to_numpy()
    divided = table["fold"].groupby(codes).transform("nunique").to_numpy() > 1
    for fold in set(folds.tolist()):
        inside = folds == fold
        lost = ~inside & np.isin(codes, codes[inside])
        if lost.sum() > MAX_DROPPED * (~inside).sum():
            return [""] * len(table)
    names = name_groups(codes, table["id"].tolist())
    return [name if own else "" for name, own in zip(names, divided.tolist(), strict=True)]


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
            f"{_describe_largest_group(table, sizes)}. {_advise(name, len(sizes), table, periods)}"
        )
    strata = compute_strata(table["label"], task)
    folds = _place_groups(table, groups, strata, n_splits, seed, periods)
    filled = len(set(folds.tolist()))
    if filled < n_splits:
        raise FoldlineError(
            f"{name}={n_splits}: {n_splits - filled} folds have no rows, as the groups "
            f"({len(sizes)} of {len(groups)} rows) are too uneven: "
            f"{_describe_largest_group(table, sizes)}. {_advise(name, filled, table, periods)}"
        )
    return folds


def _advise(name: str, most: int, table: pd.DataFrame, periods: bool) -> str:
    """Return what fills the folds: fewer of them, from two, or other rows."""
    if most > 1:
        return f"Set {name} to {most} or fewer, or add rows"
    advice = "Add rows"
    if periods or table.get("user_group", pd.Series("")).any():
        advice += ", or set split.method=stratified"
    return advice


def _describe_largest_group(table: pd.DataFrame, sizes: "pd.Series[int]") -> str:
    largest = min(sizes.index[sizes == sizes.max()])
    share = sizes.max() / len(table)
    return f"the largest is {describe_group(table, largest)}, with {share:.0%} of them"
