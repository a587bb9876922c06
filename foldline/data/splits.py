"""Train, valid and test parts of the rows, with groups kept whole."""

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.group_split import compute_strata, split_groups
from foldline.core.params import Split
from foldline.data.multilabel import explode_labels
from foldline.data.row_links import fit_limits, link_rows, name_dependent_groups
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
    """Return the table with `part` filled in, and `group` naming the rows that belong together.

    Official parts stay as they are; a missing part is taken from the training rows. `stratified`
    ignores data.group; `user_group` keeps the names of the groups that count, and is never
    divided. Other groups are, where they do not fit (`fit_limits`). A class with all its rows in
    one group goes to train.

    Raises:
        FoldlineError: where a part has no rows, naming the group or class that causes it.
    """
    by_group = method != "stratified"
    table = table.assign(user_group=table["group"] if by_group else "")
    official = set(table["part"])
    is_pool = (table["part"] == "train").to_numpy()
    table.loc[~is_pool, "group"] = name_dependent_groups(table[~is_pool], by_group)
    pool = table[is_pool]
    shares = [
        share if part == "train" or part not in official else 0.0
        for part, share in zip(PARTS, resolve_ratios(split, len(pool)), strict=True)
    ]
    has_classes = task != "regression" and method != "time"
    strata = compute_strata(pool["label"], task)
    labels = explode_labels(pool, task) if has_classes else pool.iloc[:0]
    single: dict[str, str] = {}

    def place(groups: list[str]) -> np.ndarray:
        if method == "time":
            return split_by_time(pool["time"].to_numpy(), groups, shares)
        single.clear()
        by_id = dict(zip(pool["id"], groups, strict=True))
        single.update(single_group_classes(labels.assign(group=labels["id"].map(by_id))))
        first = set(single.values())
        return split_groups(pool["id"].tolist(), groups, strata, shares, seed, first)

    balanced = np.zeros(len(pool), dtype=np.int64) if method == "time" else strata
    links = link_rows(pool, by_group)
    limits = fit_limits(links, place, balanced, shares)
    groups = links.name_groups(limits)
    table.loc[is_pool, "part"] = [PARTS[code] for code in place(groups)]
    filled = set(table["part"])
    empty = [p for p, share in zip(PARTS, shares, strict=True) if share and p not in filled]
    if empty:
        raise empty_part_error(table[is_pool].assign(group=groups), method, single, empty)
    table.loc[is_pool, "group"] = links.name_dependent_groups(limits)
    return table
