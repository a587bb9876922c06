"""Rows are shared between train, valid and test without tearing a group apart."""

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.group_split import compute_strata, split_groups
from foldline.core.params import Split
from foldline.data.groups import leak_groups
from foldline.data.multilabel import one_a_label
from foldline.data.split_feasibility import lone_classes, no_rows
from foldline.data.time_split import split_by_time

PARTS = ("train", "valid", "test")
SMALL, LARGE = 10_000, 1_000_000


def ratios(split: Split, rows: int) -> tuple[float, float, float]:
    """Give the shares of train, valid and test: as asked, or by the number of rows."""
    if split.ratios != "auto":
        train, valid, test = split.ratios
        return train, valid, test
    if rows < SMALL:
        return 0.6, 0.2, 0.2
    return (0.8, 0.1, 0.1) if rows < LARGE else (0.98, 0.01, 0.01)


def method(split: Split, has_time: bool, has_group: bool) -> str:
    """Give the split's method, `auto` resolved.

    Raises:
        FoldlineError: where the method needs a column that data does not name.
    """
    if split.method == "auto":
        return "time" if has_time else "grouped" if has_group else "stratified"
    for name, there in (("time", has_time), ("group", has_group)):
        if split.method.startswith(name) and not there:
            raise FoldlineError(
                f"split.method={split.method} needs data.{name} in params.yaml: name the column"
            )
    return split.method


def split_rows(table: pd.DataFrame, split: Split, how: str, task: str, seed: int) -> pd.DataFrame:
    """Give the table with `part` filled in and `group` naming what must stay together.

    Official parts stay as they are; a missing one is taken from the training rows. `stratified`
    leaves data.group aside; `user_group` keeps the names that counted. A class whose rows all
    lie in one group goes to train.

    Raises:
        FoldlineError: where a part is left without a row, with the group or class that does it.
    """
    users = table["group"] if how != "stratified" else ""
    table = table.assign(group=leak_groups(table, by_group=how != "stratified"), user_group=users)
    official = set(table["part"])
    wanted = ratios(split, int((table["part"] == "train").sum()))
    shares = [
        s if p == "train" or p not in official else 0.0 for p, s in zip(PARTS, wanted, strict=True)
    ]
    pool = table[table["part"] == "train"]
    lone = {} if task == "regression" or how == "time" else lone_classes(one_a_label(pool, task))
    if how == "time":
        codes = split_by_time(pool["time"].to_numpy(), pool["group"].tolist(), shares)
    else:
        strata, first = compute_strata(pool["label"], task), set(lone.values())
        ids, groups = pool["id"].tolist(), pool["group"].tolist()
        codes = split_groups(ids, groups, strata, shares, seed, first)
    table.loc[pool.index, "part"] = [PARTS[code] for code in codes]
    filled = set(table["part"])
    empty = [p for p, share in zip(PARTS, shares, strict=True) if share and p not in filled]
    if empty:
        raise no_rows(pool, how, lone, empty)
    return table
