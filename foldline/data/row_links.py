"""Rows that a split keeps together: always, or as far as the sizes of its parts allow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldline.data.duplicates import duplicate_keys, group_near_texts, name_groups
from foldline.data.normalization import casefold_key, skeleton
from foldline.data.similarity_join import merge_groups

STRICTER = (0.95, 0.9)  # similarities at which a large group of near duplicates is divided
LARGE_SHARE = 0.05  # of all rows: a larger group of near duplicates may be divided
TOLERANCE = 0.1  # of a part's wanted rows, by class: parts that deviate more do not fit
SLACK = 0.05  # more than the deviation that is left where all links are released
CHAIN_SHARE = 0.01  # of all rows, in a group of pairs or of users' groups that share texts
LIMITS = (0.5, 0.25, 0.1, 0.05, 0.02, 0.01, 0.0)  # of all rows: groups that links may make


@dataclass(frozen=True)
class Link:
    """Rows of equal codes are linked: row numbers (m,) and codes (m,), both int64."""

    kind: str
    rows: np.ndarray
    codes: np.ndarray


@dataclass(frozen=True)
class RowLinks:
    """Rows and what links them.

    `units` (n,) are groups that are never divided: a user's group, or equal texts. `links` are
    released where the groups do not fit, the last one first.
    """

    ids: list[str]
    units: np.ndarray
    links: list[Link]

    def name_groups(self, limits: Sequence[float]) -> list[str]:
        """Return the groups (n,) by name; no link makes one of more than its share of the rows."""
        groups, order = self.units, np.argsort(np.array(self.ids, dtype=object), kind="stable")
        rank = np.empty(len(order), dtype=np.int64)  # the order of rows must not matter
        rank[order] = np.arange(len(order))
        for link, limit in zip(self.links, limits, strict=True):
            groups = _join_link(groups, link, limit * len(rank), rank)
        return name_groups(groups, self.ids)

    def name_dependent_groups(self, limits: Sequence[float]) -> list[str]:
        """Return groups (n,) of rows that are not independent: as above, without long chains.

        Intervals over chains of pairs, or of users' groups, would say nothing.
        """
        kinds = [link.kind for link in self.links]
        short = [
            min(limit, CHAIN_SHARE) if kind == "sentence" or "exact" in kinds else limit
            for kind, limit in zip(kinds, limits, strict=True)
        ]
        return self.name_groups(short)


def link_rows(table: pd.DataFrame, by_group: bool) -> RowLinks:
    """Return the links between rows of a prepared table.

    Strongest first: `by_group` the user's group (`group`), then equal texts, equal letters, near
    duplicates (`dup_group`), and pairs that share a sentence (`sentence`, `sentence_pair`).
    """
    levels = duplicate_levels(table)
    has_group = (table["group"] != "").to_numpy() & by_group
    units = levels["exact"]
    if has_group.any():
        units = np.where(has_group, units.max() + 1 + pd.factorize(table["group"])[0], units)
    rows = np.arange(len(table))
    links = [
        Link(kind, rows, codes)
        for kind, codes in [
            *list(levels.items())[0 if has_group.any() else 1 : 2],
            *_divide_near_groups(table, levels),
            ("near", levels["near"]),
        ]
    ]
    links.append(Link("sentence", *sentence_codes(table)))
    kept = [_without_single_rows(link) for link in links]
    return RowLinks(
        table["id"].tolist(), _renumber(units), [link for link in kept if len(link.rows)]
    )


def duplicate_levels(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return groups of duplicates, (n,) int64 by kind: exact, skeleton, near; each in the next."""
    near = pd.factorize(table["dup_group"])[0].astype(np.int64)
    shared = np.flatnonzero(np.bincount(near, minlength=1)[near] > 1)
    rows = table.iloc[shared]
    names: dict[str, list[object]] = {
        "exact": list(duplicate_keys(rows)),
        "skeleton": list(_skeletons(rows)),
    }
    levels = {}
    for kind, values in names.items():
        codes = np.arange(len(table))
        together = pd.Series(list(zip(near[shared].tolist(), values, strict=True)), dtype="object")
        codes[shared] = len(table) + pd.factorize(together)[0]
        levels[kind] = _renumber(codes)
    return levels | {"near": near}


def sentence_codes(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and the codes, (m,) int64 each, of sentences that pairs may share."""
    names = np.concatenate([table["sentence"].to_numpy(), table["sentence_pair"].to_numpy()])
    named = names != ""
    codes = pd.factorize(names[named].astype(object))[0].astype(np.int64)
    return np.tile(np.arange(len(table)), 2)[named], codes


def fit_limits(
    links: RowLinks,
    place: Callable[[list[str]], np.ndarray],
    strata: np.ndarray,
    shares: Sequence[float],
) -> list[float]:
    """Return each link's limit, a share of the rows, with which parts have the wanted sizes.

    `place` returns a part (n,) for groups by name. Where the parts deviate from their shares, in
    all or in a stratum, the weakest links are released, those of the most rows first.
    """

    def measure(names: list[str]) -> float:
        return _deviation(place(names), strata, shares)

    limits = [np.inf] * len(links.links)
    names = links.name_groups(limits)
    if not limits or (deviation := measure(names)) <= TOLERANCE:
        return limits
    target = max(TOLERANCE, measure(links.name_groups([0.0] * len(limits))) + SLACK)
    for weakest in reversed(range(len(limits))):
        for limit in LIMITS:
            if deviation <= target:
                return limits
            limits[weakest] = limit
            before, names = names, links.name_groups(limits)
            if names != before:
                deviation = measure(names)
    return limits


def name_dependent_groups(table: pd.DataFrame, by_group: bool) -> list[str]:
    """Return groups of held-out rows that are not independent, by name."""
    links = link_rows(table, by_group)
    return links.name_dependent_groups([np.inf] * len(links.links))


def group_duplicates(table: pd.DataFrame, limit: float) -> list[str]:
    """Return groups of duplicates by name; shared sentences join up to a share of the rows."""
    units = pd.factorize(table["dup_group"])[0].astype(np.int64)
    link = Link("sentence", *sentence_codes(table))
    return RowLinks(table["id"].tolist(), units, [link]).name_groups([limit])


def _deviation(codes: np.ndarray, strata: np.ndarray, shares: Sequence[float]) -> float:
    """Return the largest part's sum of missing and surplus rows by stratum, as a share of it.

    Infinite where a part has no rows.
    """
    total, worst = _count_strata(strata), 0.0
    for part, share in enumerate(np.array(shares) / sum(shares)):
        inside = codes == part
        if share and not inside.any():
            return np.inf
        if share:
            missing = np.abs(_count_strata(strata[inside], len(total)) - share * total).sum()
            size = share * len(codes)
            by_stratum = missing / max(share * total.sum(), 1)
            worst = max(worst, abs(inside.sum() - size) / size, by_stratum)
    return float(worst)


def _count_strata(strata: np.ndarray, length: int = 0) -> np.ndarray:
    counts: np.ndarray
    counts = strata.sum(axis=0) if strata.ndim == 2 else np.bincount(strata, minlength=length)
    return counts


def _divide_near_groups(
    table: pd.DataFrame, levels: dict[str, np.ndarray]
) -> list[tuple[str, np.ndarray]]:
    """Return the groups of stricter similarities inside large groups of near duplicates."""
    near = levels["near"]
    large = np.bincount(near, minlength=1)[near] > LARGE_SHARE * len(table)
    rows = np.flatnonzero(large)
    if len(set(levels["skeleton"][rows].tolist())) == len(set(near[rows].tolist())):
        return []
    texts = [" ".join(sides).removeprefix("\0 ") for sides in _skeletons(table.iloc[rows])]
    numbers, unique = pd.factorize(np.array(texts, dtype=object))
    divided = []
    for threshold in STRICTER:
        groups, _ = group_near_texts(list(unique), threshold)
        codes = len(table) + near
        inside = np.stack([near[rows], groups[numbers]], axis=1)
        codes[rows] = np.unique(inside, axis=0, return_inverse=True)[1].ravel()
        divided.append(("near", codes))
    return divided


def _skeletons(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the letters of both texts of each row, sorted; a text without letters as it is."""
    sides = (map(casefold_key, rows[role].tolist()) for role in ("text", "text_pair"))
    return [
        tuple(sorted(skeleton(key) or f"\0{key}" for key in keys))
        for keys in zip(*sides, strict=True)
    ]


def _renumber(codes: np.ndarray) -> np.ndarray:
    numbers: np.ndarray = np.unique(codes, return_inverse=True)[1].ravel().astype(np.int64)
    return numbers


def _without_single_rows(link: Link) -> Link:
    codes = _renumber(link.codes)
    shared = np.bincount(codes, minlength=1)[codes] > 1
    return Link(link.kind, link.rows[shared], _renumber(codes[shared]))


def _join_link(groups: np.ndarray, link: Link, limit: float, rank: np.ndarray) -> np.ndarray:
    """Return the groups after joining those that a link connects, up to `limit` rows each."""
    if not limit:
        return groups
    groups = _renumber(groups)
    count = int(groups.max(initial=-1)) + 1
    nodes = np.arange(count + int(link.codes.max(initial=-1)) + 1)
    pairs = np.stack([groups[link.rows], count + link.codes], axis=1)
    joined = merge_groups(nodes, pairs)[:count]
    too_large = ((np.bincount(joined[groups]) > limit) & (np.bincount(joined) > 1))[joined]
    if not too_large.any():
        return _renumber(joined[groups])
    inside = too_large[groups[link.rows]]
    parts = _join_up_to(groups, Link(link.kind, link.rows[inside], link.codes[inside]), limit, rank)
    codes = np.where(too_large, len(nodes) + parts, joined)
    return _renumber(codes[groups])


def _join_up_to(groups: np.ndarray, link: Link, limit: float, rank: np.ndarray) -> np.ndarray:
    """Return the joined group of each group; links of few groups come first."""
    sizes = np.bincount(groups).tolist()
    group_rank = np.full(len(sizes), len(rank))
    np.minimum.at(group_rank, groups, rank)
    code_rank = np.full(int(link.codes.max()) + 1, len(rank))
    np.minimum.at(code_rank, link.codes, rank[link.rows])
    pairs = np.unique(np.stack([link.codes, groups[link.rows]], axis=1), axis=0)
    degree = np.bincount(pairs[:, 0])
    order = np.lexsort((group_rank[pairs[:, 1]], code_rank[pairs[:, 0]], degree[pairs[:, 0]]))
    roots = list(range(len(sizes)))

    def find(group: int) -> int:
        while roots[group] != group:
            roots[group] = roots[roots[group]]
            group = roots[group]
        return group

    last_code, last = -1, -1
    for code, group in pairs[order].tolist():
        own = find(group)
        other = find(last) if code == last_code else own
        if other != own and sizes[own] + sizes[other] <= limit:
            roots[own] = other
            sizes[other] += sizes[own]
            own = other
        last_code, last = code, own
    return np.array([find(group) for group in range(len(roots))])
