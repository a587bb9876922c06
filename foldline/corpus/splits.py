"""Rows are shared between parts, and between folds, without tearing a group apart."""

from typing import Any

import numpy as np
import pandas as pd

from foldline.corpus.groups import leak_groups
from foldline.frame.errors import FoldlineError
from foldline.frame.params import Split
from foldline.frame.seeds import rank_keys

PARTS = ("train", "valid", "test")
SMALL, LARGE = 10_000, 1_000_000
BINS = 10


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
    leaves data.group aside.
    """
    table = table.copy()
    table["group"] = leak_groups(table, by_group=how != "stratified")
    official = set(table["part"])
    wanted = ratios(split, int((table["part"] == "train").sum()))
    shares = [
        s if p == "train" or p not in official else 0.0 for p, s in zip(PARTS, wanted, strict=True)
    ]
    pool = table[table["part"] == "train"]
    if how == "time":
        codes = by_time(pool["time"].to_numpy(), pool["group"].tolist(), shares)
    else:
        strata = strata_of(pool["label"], task)
        codes = allocate(pool["id"].tolist(), pool["group"].tolist(), strata, shares, seed)
    table.loc[pool.index, "part"] = [PARTS[code] for code in codes]
    for part, share in zip(PARTS, shares, strict=True):
        if share and not (table["part"] == part).any():
            largest = int(pool["group"].value_counts().iloc[0])
            why = "too many rows share one moment" if how == "time" else "one group is too large"
            raise FoldlineError(
                f"split.method={how} leaves no row for {part}: {len(pool)} rows in "
                f"{pool['group'].nunique()} groups (the largest has {largest}) are too few, or "
                f"{why}. Give more rows, or change split.method, split.ratios or data.group"
            )
    return table


def fold_rows(table: pd.DataFrame, n_splits: int, task: str, seed: int) -> np.ndarray:
    """Give each row its fold, 0 to n_splits - 1: (n,) int; groups whole, classes balanced.

    Raises:
        FoldlineError: where there are fewer groups than folds, or a fold gets no row.
    """
    groups = table["group"].tolist()
    if len(set(groups)) < n_splits:
        raise FoldlineError(
            f"kfold.n_splits={n_splits} needs as many groups of rows, but {len(groups)} rows are "
            f"in {len(set(groups))} (duplicates, and rows of one data.group, are one group). "
            f"Set kfold.n_splits to {max(len(set(groups)), 2)} or fewer, or give more rows"
        )
    strata = strata_of(table["label"], task)
    shares = [1 / n_splits] * n_splits
    folds = allocate(table["id"].tolist(), groups, strata, shares, seed)
    empty = n_splits - len(set(folds.tolist()))
    if empty:
        raise FoldlineError(
            f"kfold.n_splits={n_splits}: {empty} folds are left without a row, as the groups "
            f"({len(set(groups))} of {len(groups)} rows) are too uneven. Set kfold.n_splits lower"
        )
    return folds


def strata_of(labels: "pd.Series[Any]", task: str) -> np.ndarray:
    """Give what is balanced between parts: the class, or the tenth in which a number lies."""
    if task == "classification":
        return np.unique(labels.to_numpy(dtype=str), return_inverse=True)[1]
    values = labels.to_numpy(dtype=np.float64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right")


def allocate(
    ids: list[str], groups: list[str], strata: np.ndarray, shares: list[float], seed: int
) -> np.ndarray:
    """Give each row a part, (n,) int: whole groups, each stratum by the shares.

    Groups of several rows go first, the largest before all, each where its strata are missed
    most; single rows then fill every stratum's quotas. The draw of a row depends on its id, not
    on the order of rows. Shares are taken by their sum.
    """
    shares = [share / sum(shares) for share in shares]
    codes = np.full(len(ids), -1)
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    keys = rank_keys(seed, ids)
    want = np.outer(np.bincount(strata), shares)
    room = want.sum(axis=0)
    several = [rows for rows in members.values() if len(rows) > 1]
    for rows in sorted(several, key=lambda rows: (-len(rows), int(keys[rows].min()))):
        touched, counts = np.unique(strata[rows], return_counts=True)
        part = _neediest(want[touched], room, counts, shares)
        codes[rows] = part
        want[touched, part] -= counts
        room[part] -= len(rows)
    singles = np.flatnonzero(codes < 0)
    singles = singles[np.argsort(keys[singles], kind="stable")]
    debt = np.zeros(len(shares))
    for stratum in range(len(want)):
        rows = singles[strata[singles] == stratum]
        quotas = _quotas(want[stratum] + debt, len(rows), shares)
        debt += want[stratum] - quotas
        codes[rows] = np.repeat(np.arange(len(shares)), quotas)
    return codes


def by_time(times: np.ndarray, groups: list[str], shares: list[float]) -> np.ndarray:
    """Give each row a part, (n,) int: the oldest rows train, the newest test.

    A group stands where its newest row stands, so no part holds a row newer than the next
    part's oldest group. Rows of one moment stay together.
    """
    shares = [share / sum(shares) for share in shares]
    newest: dict[str, float] = {}
    for time, group in zip(times, groups, strict=True):
        newest[group] = max(newest.get(group, -np.inf), float(time))
    moments = np.array([newest[group] for group in groups])
    ordered = np.sort(moments)
    codes = np.zeros(len(moments), dtype=np.int64)
    for part in range(1, len(shares)):
        if shares[part]:
            codes[moments >= _cut(ordered, round(sum(shares[:part]) * len(ordered)))] = part
    return codes


def _cut(ordered: np.ndarray, at: int) -> float:
    """Give the moment at which a part starts: the one nearest to row `at` that splits no tie."""
    moment = ordered[min(at, len(ordered) - 1)]
    first, after = np.searchsorted(ordered, moment), np.searchsorted(ordered, moment, "right")
    nearer = after if first == 0 or after - at < at - first else first
    return float(ordered[nearer if nearer < len(ordered) else first])


def _neediest(want: np.ndarray, room: np.ndarray, counts: np.ndarray, shares: list[float]) -> int:
    """Give the part that misses the group's strata most; among equals the emptiest for its size."""
    group = counts[:, None]
    need = (np.minimum(group, want) - np.maximum(group - want, 0)).sum(axis=0)
    parts = [part for part, share in enumerate(shares) if share]
    return max(parts, key=lambda part: (need[part], room[part] / shares[part]))


def _quotas(want: np.ndarray, rows: int, shares: list[float]) -> np.ndarray:
    """Round what each part wants to whole numbers that sum to `rows`: largest remainder."""
    want = np.where(np.array(shares) > 0, np.maximum(want, 0.0), 0.0)
    total = want.sum()
    want = want * rows / total if total else np.array(shares) * rows / sum(shares)
    quotas = np.floor(want + 1e-9).astype(np.int64)
    rest = want - quotas
    rest[np.array(shares) == 0] = -1
    for part in np.argsort(-rest, kind="stable")[: rows - int(quotas.sum())]:
        quotas[part] += 1
    if rows and not quotas[0] and shares[0] > max(shares[1:]):
        # A class with one row or two is of use in train alone.
        quotas[int(quotas.argmax())] -= 1
        quotas[0] += 1
    return quotas
