"""Train, valid and test parts of the rows, with every group kept whole."""

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.group_split import compute_strata, split_groups
from foldline.core.params import Split
from foldline.data.duplicates import name_groups
from foldline.data.multilabel import explode_labels
from foldline.data.similarity_join import merge_groups
from foldline.data.split_feasibility import empty_part_error, single_group_classes
from foldline.data.time_split import split_by_time

PARTS = ("train", "valid", "test")
SMALL_ROWS, LARGE_ROWS = 10_000, 1_000_000


def resolve_ratios(split: Split, rows: int) -> tuple[float, float, float]:
    """Return the shares of train, valid and test; `auto` depends on the number of rows."""
    if split.ratios != "auto":
        train, valid, test = split.ratios
        return train, valid, test
    if rows < SMALL_ROWS:
        return 0.6, 0.2, 0.2
    return (0.8, 0.1, 0.1) if rows < LARGE_ROWS else (0.98, 0.01, 0.01)


def resolve_method(split: Split, has_time: bool, has_group: bool) -> str:
    """Return the split's method, with `auto` resolved.

    Raises:
        FoldlineError: where the method needs a column that params.yaml does not name.
    """
    if split.method == "auto":
        return "time" if has_time else "grouped" if has_group else "stratified"
    for name, has_column in (("time", has_time), ("group", has_group)):
        if split.method.startswith(name) and not has_column:
            raise FoldlineError(
                f"split.method={split.method} needs data.{name} in params.yaml: name the column"
            )
    return split.method


def split_rows(
    table: pd.DataFrame, split: Split, method: str, task: str, seed: int
) -> pd.DataFrame:
    """Return the table with `part` filled in, and `group` naming the rows that stay together.

    Official parts stay as they are; a missing part is taken from the training rows. `stratified`
    ignores data.group; `user_group` keeps the names of the groups that count. A class with all
    its rows in one group goes to train.

    Raises:
        FoldlineError: where a part has no rows, naming the group or class that causes it.
    """
    by_group = method != "stratified"
    groups = name_leak_groups(table, by_group)
    table = table.assign(group=groups, user_group=table["group"] if by_group else "")
    official = set(table["part"])
    pool = table[table["part"] == "train"]
    shares = [
        share if part == "train" or part not in official else 0.0
        for part, share in zip(PARTS, resolve_ratios(split, len(pool)), strict=True)
    ]
    has_classes = task != "regression" and method != "time"
    single = single_group_classes(explode_labels(pool, task)) if has_classes else {}
    if method == "time":
        codes = split_by_time(pool["time"].to_numpy(), pool["group"].tolist(), shares)
    else:
        strata, first = compute_strata(pool["label"], task), set(single.values())
        ids, names = pool["id"].tolist(), pool["group"].tolist()
        codes = split_groups(ids, names, strata, shares, seed, first)
    table.loc[pool.index, "part"] = [PARTS[code] for code in codes]
    filled = set(table["part"])
    empty = [p for p, share in zip(PARTS, shares, strict=True) if share and p not in filled]
    if empty:
        raise empty_part_error(pool, method, single, empty)
    return table


def name_leak_groups(table: pd.DataFrame, by_group: bool) -> list[str]:
    """Return each row's group, named by its smallest id: duplicates, and `by_group` user groups.

    Duplicates are those of `prepare` (`dup_group`); an empty user group joins nothing.
    """
    groups = np.asarray(pd.factorize(table["dup_group"])[0], dtype=np.int64)
    has_group = (table["group"] != "").to_numpy()
    if by_group and has_group.any():
        user_groups = groups.max() + 1 + pd.factorize(table["group"])[0]
        nodes = np.arange(user_groups.max() + 1)
        links = np.stack([groups, user_groups], axis=1)[has_group]
        groups = merge_groups(nodes, links)[groups]
    return name_groups(groups, table["id"].tolist())
