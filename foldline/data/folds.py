"""Folds of the rows, with every group kept whole."""

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.group_split import compute_strata, group_folds
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


def _describe_largest_group(table: pd.DataFrame, sizes: "pd.Series[int]") -> str:
    largest = min(sizes.index[sizes == sizes.max()])
    share = sizes.max() / len(table)
    return f"the largest is {describe_group(table, largest)}, with {share:.0%} of them"
