"""Whole groups are shared between parts so that every class, label or size stands in each."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels, names_of
from foldline.core.io.seeds import rank_keys

BINS = 10


def strata_of(labels: "pd.Series[Any]", task: str) -> np.ndarray:
    """Give what is balanced between parts: the class, or the tenth in which a number lies, (n,).

    Of task multilabel each of the labels: (n, labels) of 0 and 1.
    """
    if task == "multilabel":
        names = sorted({name for label in labels for name in names_of(label)})
        return Labels(task, tuple(names)).encode(labels)
    if task == "classification":
        return np.unique(labels.to_numpy(dtype=str), return_inverse=True)[1]
    values = labels.to_numpy(dtype=np.float64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right")


def allocate(
    ids: list[str],
    groups: list[str],
    strata: np.ndarray,
    shares: list[float],
    seed: int,
    first: Collection[str] = (),
) -> np.ndarray:
    """Give each row a part, (n,) int: whole groups, each stratum by the shares.

    `strata` is (n,) int, one stratum a row, or (n, labels) of 0 and 1, any number of labels a
    row: those are balanced by iterative stratification (Sechidis et al., 2011). The groups named
    in `first` go to part 0. Groups of several rows go next, the largest before all, where their
    strata are missed most; single rows then fill every stratum's quotas. The draw of a row
    depends on its id, not on the order of rows, and a new row moves few others, unless most
    groups are large and unlike each other. Shares are taken by their sum.
    """
    shares = [share / sum(shares) for share in shares]
    codes = np.full(len(ids), -1)
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    keys = rank_keys(seed, ids)
    want = np.outer(np.bincount(strata) if strata.ndim == 1 else strata.sum(axis=0), shares)
    room = np.array(shares) * len(ids)
    for name in sorted(set(first) & members.keys()):
        _place(codes, 0, _alike([members.pop(name)], strata)[0], want, room)
    for alike in _alike([rows for rows in members.values() if len(rows) > 1], strata):
        alike.groups.sort(key=lambda rows: int(keys[rows].min()))
        quotas = _group_quotas(alike, want, room - np.array(shares) * room.sum(), shares)
        ends = np.cumsum(quotas)
        for part, end in enumerate(ends):
            _place(codes, part, alike.cut(end - quotas[part], end), want, room)
    singles = np.flatnonzero(codes < 0)
    singles = singles[np.argsort(keys[singles], kind="stable")]
    if strata.ndim == 1:
        _fill_classes(codes, singles, strata, want, shares)
    else:
        _fill_labels(codes, singles, strata, want, room, shares)
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


@dataclass(frozen=True)
class _Alike:
    """Groups that hold as many rows of the same strata: `counts` rows of those `touched`."""

    touched: np.ndarray
    counts: np.ndarray
    groups: list[list[int]]

    def cut(self, start: int, end: int) -> "_Alike":
        return _Alike(self.touched, self.counts, self.groups[start:end])


def _alike(groups: list[list[int]], strata: np.ndarray) -> list[_Alike]:
    """Gather the groups that are alike, the largest groups first."""
    found: dict[tuple[Any, ...], _Alike] = {}
    for rows in groups:
        touched, counts = _counts(strata, rows)
        profile = (-len(rows), tuple(touched.tolist()), tuple(counts.tolist()))
        found.setdefault(profile, _Alike(touched, counts, [])).groups.append(rows)
    return [found[profile] for profile in sorted(found)]


def _counts(strata: np.ndarray, rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Give the strata that a group touches, and its rows in each."""
    if strata.ndim == 1:
        return np.unique(strata[rows], return_counts=True)
    counts = strata[rows].sum(axis=0)
    touched = np.flatnonzero(counts)
    return touched, counts[touched]


def _place(codes: np.ndarray, part: int, alike: _Alike, want: np.ndarray, room: np.ndarray) -> None:
    """Put groups into a part, which then wants less of their strata and has less room."""
    rows = [row for group in alike.groups for row in group]
    codes[rows] = part
    want[alike.touched, part] -= alike.counts * len(alike.groups)
    room[part] -= len(rows)


def _group_quotas(
    alike: _Alike, want: np.ndarray, owed: np.ndarray, shares: list[float]
) -> np.ndarray:
    """Give how many of some groups that are alike go to each part.

    One group goes to the part that misses its strata most, among equals to the one that is owed
    most rows for its size. Several are dealt out at once, in proportion to what is missed.
    """
    wanted, many = want[alike.touched], len(alike.groups)
    if many == 1:
        group = alike.counts[:, None]
        need = (np.minimum(group, wanted) - np.maximum(group - wanted, 0)).sum(axis=0)
        parts = [part for part, share in enumerate(shares) if share]
        best = max(parts, key=lambda part: (need[part], owed[part] / shares[part]))
        return np.bincount([best], minlength=len(shares))
    missed = np.maximum(wanted.sum(axis=0), 0)
    missed = missed / missed.sum() if missed.any() else np.array(shares)
    # Rounding alone may be paid back: more would unbalance the strata.
    owed = np.clip(owed / len(alike.groups[0]), -1, 1)
    return _quotas(missed * many + owed, many, shares)


def _fill_classes(
    codes: np.ndarray,
    singles: np.ndarray,
    strata: np.ndarray,
    want: np.ndarray,
    shares: list[float],
) -> None:
    """Share single rows of one stratum each; what rounding owes a part, the next stratum pays."""
    debt = np.zeros(len(shares))
    for stratum in range(len(want)):
        rows = singles[strata[singles] == stratum]
        quotas = _quotas(want[stratum] + debt, len(rows), shares)
        debt += want[stratum] - quotas
        codes[rows] = np.repeat(np.arange(len(shares)), quotas)


def _fill_labels(
    codes: np.ndarray,
    singles: np.ndarray,
    labels: np.ndarray,
    want: np.ndarray,
    room: np.ndarray,
    shares: list[float],
) -> None:
    """Share single rows of any number of labels: the rarest label left first, then the rest.

    A label's rows are dealt out at once, in the order of their draw, not one by one: the counts
    are the same, and a new row moves few others.
    """
    left = np.ones(len(singles), dtype=bool)
    while left.any():
        counts = labels[singles[left]].sum(axis=0)
        there = np.flatnonzero(counts)
        label = int(there[counts[there].argmin()]) if len(there) else -1
        chosen = left & (labels[singles, label] > 0) if label >= 0 else left
        rows = singles[chosen]
        # Rounding alone may be paid back: more would unbalance the label.
        owed = np.clip(room - np.array(shares) * left.sum(), -1, 1)
        quotas = _quotas(want[label] + owed if label >= 0 else room, len(rows), shares)
        codes[rows] = np.repeat(np.arange(len(shares)), quotas)
        for part in range(len(shares)):
            want[:, part] -= labels[rows[codes[rows] == part]].sum(axis=0)
        room -= quotas
        left = left & ~chosen


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
