"""Rows are shared between train, valid and test without tearing a group apart."""

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.params import Split
from foldline.data.allocation import allocate, by_time, strata_of
from foldline.data.groups import name_leak_groups
from foldline.data.multilabel import explode_labels
from foldline.data.split_feasibility import empty_part_error, single_group_classes

PARTS = ("train", "valid", "test")
SMALL_ROWS, LARGE_ROWS = 10_000, 1_000_000


def resolve_ratios(split: Split, rows: int) -> tuple[float, float, float]:
    """Give the shares of train, valid and test: as asked, or by the number of rows."""
    if split.ratios != "auto":
        train, valid, test = split.ratios
        return train, valid, test
    if rows < SMALL_ROWS:
        return 0.6, 0.2, 0.2
    return (0.8, 0.1, 0.1) if rows < LARGE_ROWS else (0.98, 0.01, 0.01)


def resolve_method(split: Split, has_time: bool, has_group: bool) -> str:
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
    table = table.assign(
        group=name_leak_groups(table, by_group=how != "stratified"), user_group=users
    )
    official = set(table["part"])
    wanted = resolve_ratios(split, int((table["part"] == "train").sum()))
    shares = [
        s if p == "train" or p not in official else 0.0 for p, s in zip(PARTS, wanted, strict=True)
    ]
    pool = table[table["part"] == "train"]
    lone = (
        {}
        if task == "regression" or how == "time"
        else single_group_classes(explode_labels(pool, task))
    )
    if how == "time":
        codes = by_time(pool["time"].to_numpy(), pool["group"].tolist(), shares)
    else:
        strata, first = strata_of(pool["label"], task), set(lone.values())
        codes = allocate(pool["id"].tolist(), pool["group"].tolist(), strata, shares, seed, first)
    table.loc[pool.index, "part"] = [PARTS[code] for code in codes]
    filled = set(table["part"])
    empty = [p for p, share in zip(PARTS, shares, strict=True) if share and p not in filled]
    if empty:
        raise empty_part_error(pool, how, lone, empty)
    return table
