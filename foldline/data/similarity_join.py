"""All pairs of texts whose character 3-grams are alike: an exact join, without a search index.

Two sets with a Jaccard similarity of at least t share one of their rarest members, so only texts
that meet in such a prefix are compared (Chaudhuri, Ganti and Kaushik, 2006; the shorter prefix of
the smaller set and the bound by position are PPJoin's: Xiao, Wang, Lin, Yu and Wang, 2011).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd

GRAM_SIZE = 3  # characters; a shorter text has no set and is like nothing
CHUNK_SIZE = 1 << 22  # pairs held in memory at once
EPSILON = 1e-9  # a share of a whole number is not missed for its last bit


class GramSets(Protocol):
    """Sets of 3-grams, kept or made when they are asked for."""

    @property
    def costs(self) -> np.ndarray:
        """Give (n,) int64: the size of each set, or more."""
        ...

    def shared(self, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give for each pair of sets how many members are in both, and in either: (m,) each."""
        ...


@dataclass(frozen=True)
class GramArray:
    """The sets of n texts in one array.

    `tokens[starts[i]:starts[i + 1]]` are text i's 3-grams, numbered from the rarest, rising.
    """

    starts: np.ndarray  # (n + 1,) int64
    tokens: np.ndarray  # int32

    @cached_property
    def costs(self) -> np.ndarray:
        """Give (n,) int64: how many different 3-grams each text has."""
        return np.diff(self.starts)

    @cached_property
    def _matrix(self) -> Any:
        from scipy.sparse import csr_array

        shape = len(self.costs), int(self.tokens.max(initial=0)) + 1
        ones = np.ones(len(self.tokens), dtype=np.int8)
        return csr_array((ones, self.tokens, self.starts), shape=shape)

    def shared(self, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give for each pair of texts how many 3-grams are in both, and in either: (m,) each."""
        both = np.diff((self._matrix[one] * self._matrix[other]).indptr)
        return both, self.costs[one] + self.costs[other] - both


@dataclass(frozen=True)
class CandidateLists:
    """Texts that meet: entry i is to be compared with the `counts[i]` entries after it.

    `left` is how many members of the entry's set, of `sizes`, come after the one in which they
    meet; both are 0 where that is not known.
    """

    rows: np.ndarray  # (p,) int64, text numbers
    counts: np.ndarray  # (p,) int64
    left: np.ndarray  # (p,) int64
    sizes: np.ndarray  # (p,) int64

    @property
    def work(self) -> float:
        """Give how many members of sets a look at every pair takes, about."""
        return float(self.counts.astype(np.float64) @ self.sizes)


def encode_grams(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Give every 3-gram as a number, text by text: (g,) int64, and how many each has: (n,)."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(joined, dtype="<u4").astype(np.int64)
    codes = (
        points[: 1 - GRAM_SIZE] << 42 | points[1 : 2 - GRAM_SIZE] << 21 | points[GRAM_SIZE - 1 :]
    )
    return codes[_within_one_text(lengths, len(codes))], np.maximum(lengths - (GRAM_SIZE - 1), 0)


def build_gram_sets(texts: list[str]) -> GramArray:
    """Make each text's set of character 3-grams; memory is about 30 bytes a character."""
    codes, counts = encode_grams(texts)
    tokens, found = pd.factorize(codes)
    del codes
    # Ties go by the gram itself, so that nothing hangs on the order of texts.
    order = np.lexsort((found, np.bincount(tokens, minlength=len(found))))
    rank = np.empty(len(found), dtype=np.int64)
    rank[order] = np.arange(len(found))
    width = max(len(found), 1)
    members = np.repeat(np.arange(len(texts)) * width, counts) + rank[tokens]
    del tokens
    members.sort()
    members = members[np.diff(members, prepend=-1) > 0]
    starts = np.searchsorted(members, np.arange(len(texts) + 1) * width)
    members %= width
    return GramArray(starts, members.astype(np.int32))


def _within_one_text(lengths: np.ndarray, grams: int) -> np.ndarray:
    """Give (grams,) bool: whether the gram that starts at a character ends in the same text."""
    inside = np.ones(grams, dtype=bool)
    ends = np.cumsum(lengths)
    for back in range(1, GRAM_SIZE):
        last = ends[(lengths >= 1) & (ends - back >= 0)] - back
        inside[last[last < grams]] = False
    return inside


def prefix_candidates(grams: GramArray, threshold: float) -> CandidateLists:
    """Let those texts meet that share a member of their prefixes and are of fitting size."""
    sizes = grams.costs
    order = np.argsort(sizes, kind="stable")
    place = np.empty(len(order), dtype=np.int64)  # by size: the entries of a list are sorted by it
    place[order] = np.arange(len(order))
    probe = np.where(sizes, sizes - _ceil(threshold * sizes) + 1, 0)
    index = sizes - _ceil(2 * threshold / (1 + threshold) * sizes) + 1
    rows = np.repeat(np.arange(len(sizes)), probe)
    position = _count_up(probe)
    tokens = grams.tokens[grams.starts[rows] + position]
    keys = tokens * np.int64(len(sizes)) + place[rows]
    by_token = np.argsort(keys, kind="stable")
    keys, rows, position = keys[by_token], rows[by_token], position[by_token]
    by_size = sizes[order]
    largest = np.floor(by_size / threshold + EPSILON)
    beyond = np.searchsorted(by_size, largest, side="right")
    first = keys - place[rows]
    ends = np.searchsorted(keys, first + beyond[place[rows]])
    counts = np.where(position < index[rows], ends - np.arange(len(keys)) - 1, 0)
    return CandidateLists(rows, counts, sizes[rows] - position - 1, sizes[rows])


def similar_pairs(
    sets: GramSets,
    lists: CandidateLists,
    threshold: float,
    groups: np.ndarray | None = None,
    asked: np.ndarray | None = None,
) -> np.ndarray:
    """Give all pairs (i, j), i < j, of texts that meet with Jaccard >= threshold: (m, 2) int64.

    Pairs of one group, (n,), and pairs of which none is `asked`, (n,) bool, are not looked at.
    """
    groups = np.arange(len(sets.costs)) if groups is None else groups
    found = [
        np.empty((0, 2), dtype=np.int64),
        *_verify_candidates(sets, lists, threshold, groups, asked),
    ]
    return np.unique(np.concatenate(found), axis=0)


def similar_groups(sets: GramSets, lists: CandidateLists, threshold: float) -> np.ndarray:
    """Give each text its group, (n,) int64: texts that a chain of similar pairs joins.

    Pairs that are in one group already are not compared, so a template that many texts share
    costs little.
    """
    groups = np.arange(len(sets.costs))
    for pairs in _verify_candidates(sets, lists, threshold, groups):
        groups[:] = merge_groups(groups, pairs)
    return groups


def merge_groups(groups: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Give each of n items its group, after the groups of each pair of items became one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return groups
    size = int(groups.max()) + 1
    ends = groups[pairs[:, 0]], groups[pairs[:, 1]]
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), ends), shape=(size, size))
    joined: np.ndarray = connected_components(graph, directed=False)[1].astype(np.int64)[groups]
    return joined


def _verify_candidates(
    sets: GramSets,
    lists: CandidateLists,
    threshold: float,
    groups: np.ndarray,
    asked: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Yield similar pairs of different groups, chunk by chunk; `groups` may change meanwhile."""
    n, costs = len(groups), sets.costs
    for one, other in _candidate_chunks(lists):
        a, b = lists.rows[one], lists.rows[other]
        most = 1 + np.minimum(lists.left[one], lists.left[other])
        least = threshold / (1 + threshold) * (lists.sizes[one] + lists.sizes[other])
        keep = (most >= least - EPSILON) & (groups[a] != groups[b])
        if asked is not None:
            keep &= asked[a] | asked[b]
        codes = np.unique(np.minimum(a[keep], b[keep]) * n + np.maximum(a[keep], b[keep]))
        a, b = codes // n, codes % n
        for part in slice_by_cost(costs[a] + costs[b], CHUNK_SIZE):
            both, either = sets.shared(a[part], b[part])
            alike = both >= threshold * either - EPSILON
            yield np.stack([a[part][alike], b[part][alike]], axis=1)


def _candidate_chunks(lists: CandidateLists) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield places of entries to compare, about CHUNK pairs at once."""
    places = np.flatnonzero(lists.counts)
    for part in slice_by_cost(lists.counts[places], CHUNK_SIZE):
        counts = lists.counts[places[part]]
        one = np.repeat(places[part], counts)
        yield one, one + _count_up(counts) + 1


def slice_by_cost(costs: np.ndarray, limit: int) -> Iterator[slice]:
    """Yield slices of at most `limit` cost together, or of one item."""
    total, start = np.cumsum(costs), 0
    while start < len(costs):
        spent = total[start - 1] if start else 0
        end = max(int(np.searchsorted(total, spent + limit, side="right")), start + 1)
        yield slice(start, end)
        start = end


def _count_up(counts: np.ndarray) -> np.ndarray:
    """Give 0..c-1 for each count c, one after the other."""
    ends = np.cumsum(counts)
    ramps: np.ndarray = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    return ramps


def _ceil(values: np.ndarray) -> np.ndarray:
    return np.ceil(values - EPSILON).astype(np.int64)
