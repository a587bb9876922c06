"""Stratified splits that keep groups whole."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels, split_label_names
from foldline.core.io.seeds import rank_keys

QUANTILE_BINS = 10


def compute_strata(labels: "pd.Series[Any]", task: str) -> np.ndarray:
    """Return the strata that a split balances: class codes or deciles of a number, (n,) int.

    Multilabel: (n, labels) of 0 and 1.
    """
    if task == "multilabel":
        names = sorted({name for label in labels for name in split_label_names(label)})
        return Labels(task, tuple(names)).encode(labels)
    if task == "classification":
        return np.unique(labels.to_numpy(dtype=str), return_inverse=True)[1]
    values = labels.to_numpy(dtype=np.float64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, QUANTILE_BINS + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right")


def group_folds(
    ids: Sequence[str], groups: Sequence[str], strata: np.ndarray, n_splits: int, seed: int
) -> np.ndarray:
    """Return a fold for each row, (n,) int in [0, n_splits); see `split_groups`.

    Folds stay empty where there are fewer groups.
    """
    return split_groups(ids, groups, strata, [1 / n_splits] * n_splits, seed)


def split_groups(
    ids: Sequence[str],
    groups: Sequence[str],
    strata: np.ndarray,
    shares: Sequence[float],
    seed: int,
    first: Collection[str] = (),
) -> np.ndarray:
    """Return a part for each row, (n,) int: groups stay whole, each stratum follows the shares.

    `strata` is (n,) int, one stratum per row, or (n, labels) of 0 and 1, which are balanced by
    iterative stratification (Sechidis et al., 2011). The groups named in `first` go to part 0.
    Groups of several rows follow, the largest first, each to the part that lacks its strata most;
    single rows then fill every stratum's quotas. The shuffle depends on ids, not on the order of
    rows, and a new row moves few others, unless most groups are large and unlike each other.
    Shares are normalised to sum to 1.
    """
    shares = [share / sum(shares) for share in shares]
    parts = np.full(len(ids), -1)
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    keys = rank_keys(seed, list(ids))
    demand = np.outer(np.bincount(strata) if strata.ndim == 1 else strata.sum(axis=0), shares)
    capacity = np.array(shares) * len(ids)
    for name in sorted(set(first) & members.keys()):
        _assign(parts, 0, _collect_profiles([members.pop(name)], strata)[0], demand, capacity)
    for profile in _collect_profiles([rows for rows in members.values() if len(rows) > 1], strata):
        profile.groups.sort(key=lambda rows: int(keys[rows].min()))
        balance = capacity - np.array(shares) * capacity.sum()
        quotas = _compute_group_quotas(profile, demand, balance, shares)
        ends = np.cumsum(quotas)
        for part, end in enumerate(ends):
            _assign(parts, part, profile.slice(end - quotas[part], end), demand, capacity)
    singles = np.flatnonzero(parts < 0)
    singles = singles[np.argsort(keys[singles], kind="stable")]
    if strata.ndim == 1:
        _assign_single_class_rows(parts, singles, strata, demand, shares)
    else:
        _assign_multilabel_rows(parts, singles, strata, demand, capacity, shares)
    return parts


@dataclass(frozen=True)
class _Profile:
    """Groups with the same number of rows in the same strata: `counts` rows in each of `strata`."""

    strata: np.ndarray
    counts: np.ndarray
    groups: list[list[int]]

    def slice(self, start: int, end: int) -> "_Profile":
        return _Profile(self.strata, self.counts, self.groups[start:end])


def _collect_profiles(groups: list[list[int]], strata: np.ndarray) -> list[_Profile]:
    """Return the groups by profile, those with the most rows first."""
    profiles: dict[tuple[Any, ...], _Profile] = {}
    for rows in groups:
        group_strata, counts = _count_strata(strata, rows)
        key = (-len(rows), tuple(group_strata.tolist()), tuple(counts.tolist()))
        profiles.setdefault(key, _Profile(group_strata, counts, [])).groups.append(rows)
    return [profiles[key] for key in sorted(profiles)]


def _count_strata(strata: np.ndarray, rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the strata of a group, and its number of rows in each."""
    if strata.ndim == 1:
        return np.unique(strata[rows], return_counts=True)
    counts = strata[rows].sum(axis=0)
    group_strata = np.flatnonzero(counts)
    return group_strata, counts[group_strata]


def _assign(
    parts: np.ndarray, part: int, profile: _Profile, demand: np.ndarray, capacity: np.ndarray
) -> None:
    """Assign groups to a part, and reduce its demand for their strata and its capacity."""
    rows = [row for group in profile.groups for row in group]
    parts[rows] = part
    demand[profile.strata, part] -= profile.counts * len(profile.groups)
    capacity[part] -= len(rows)


def _compute_group_quotas(
    profile: _Profile, demand: np.ndarray, balance: np.ndarray, shares: list[float]
) -> np.ndarray:
    """Return how many groups of one profile go to each part.

    One group goes to the part that lacks its strata most, and among equals to the one that lacks
    most rows for its size. Several are divided in proportion to what is lacking.
    """
    remaining_demand, n_groups = demand[profile.strata], len(profile.groups)
    if n_groups == 1:
        group = profile.counts[:, None]
        fit = (np.minimum(group, remaining_demand) - np.maximum(group - remaining_demand, 0)).sum(
            axis=0
        )
        candidates = [part for part, share in enumerate(shares) if share]
        best = max(candidates, key=lambda part: (fit[part], balance[part] / shares[part]))
        return np.bincount([best], minlength=len(shares))
    missing = np.maximum(remaining_demand.sum(axis=0), 0)
    missing = missing / missing.sum() if missing.any() else np.array(shares)
    # Only rounding errors are corrected here: more would unbalance the strata.
    balance = np.clip(balance / len(profile.groups[0]), -1, 1)
    return _round_quotas(missing * n_groups + balance, n_groups, shares)


def _assign_single_class_rows(
    parts: np.ndarray,
    singles: np.ndarray,
    strata: np.ndarray,
    demand: np.ndarray,
    shares: list[float],
) -> None:
    """Divide single rows of one stratum each; rounding errors carry over to the next stratum."""
    carry = np.zeros(len(shares))
    for stratum in range(len(demand)):
        rows = singles[strata[singles] == stratum]
        quotas = _round_quotas(demand[stratum] + carry, len(rows), shares)
        carry += demand[stratum] - quotas
        parts[rows] = np.repeat(np.arange(len(shares)), quotas)


def _assign_multilabel_rows(
    parts: np.ndarray,
    singles: np.ndarray,
    labels: np.ndarray,
    demand: np.ndarray,
    capacity: np.ndarray,
    shares: list[float],
) -> None:
    """Divide single rows with any number of labels: those of the rarest remaining label first.

    All rows of a label are divided at once, in shuffled order, not one by one: the counts are the
    same, and a new row moves few others.
    """
    remaining = np.ones(len(singles), dtype=bool)
    while remaining.any():
        counts = labels[singles[remaining]].sum(axis=0)
        present = np.flatnonzero(counts)
        label = int(present[counts[present].argmin()]) if len(present) else -1
        selected = remaining & (labels[singles, label] > 0) if label >= 0 else remaining
        rows = singles[selected]
        # Only rounding errors are corrected here: more would unbalance the label.
        balance = np.clip(capacity - np.array(shares) * remaining.sum(), -1, 1)
        target = demand[label] + balance if label >= 0 else capacity
        quotas = _round_quotas(target, len(rows), shares)
        parts[rows] = np.repeat(np.arange(len(shares)), quotas)
        for part in range(len(shares)):
            demand[:, part] -= labels[rows[parts[rows] == part]].sum(axis=0)
        capacity -= quotas
        remaining = remaining & ~selected


def _round_quotas(target: np.ndarray, n_rows: int, shares: list[float]) -> np.ndarray:
    """Round each part's target to whole numbers that sum to `n_rows`: largest remainder."""
    target = np.where(np.array(shares) > 0, np.maximum(target, 0.0), 0.0)
    total = target.sum()
    target = target * n_rows / total if total else np.array(shares) * n_rows / sum(shares)
    quotas = np.floor(target + 1e-9).astype(np.int64)
    remainder = target - quotas
    remainder[np.array(shares) == 0] = -1
    for part in np.argsort(-remainder, kind="stable")[: n_rows - int(quotas.sum())]:
        quotas[part] += 1
    if n_rows and not quotas[0] and shares[0] > max(shares[1:]):
        # A class with one or two rows is useful only in train.
        quotas[int(quotas.argmax())] -= 1
        quotas[0] += 1
    return quotas
