"""Exact similarity join: all pairs of texts with similar sets of character 3-grams.

Two sets with a Jaccard similarity of at least t share one of their rarest members, so only texts
that share a member of such a prefix are compared (Chaudhuri, Ganti and Kaushik, 2006). The
shorter prefix of the smaller set and the positional bound are those of PPJoin (Xiao, Wang, Lin,
Yu and Wang, 2011).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd

GRAM_SIZE = 3  # characters; shorter texts have no set and no similar texts
CHUNK_SIZE = 1 << 22  # pairs held in memory at once
EPSILON = 1e-9  # tolerance for rounding errors


class GramSets(Protocol):
    """Sets of 3-grams, stored or built on demand."""

    @property
    def costs(self) -> np.ndarray:
        """Return the size of each set, or an upper bound: (n,) int64."""
        ...

    def shared(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sizes of the intersection and the union of each pair of sets: (m,) each."""
        ...


@dataclass(frozen=True)
class GramArray:
    """The sets of n texts in one array.

    `tokens[starts[i]:starts[i + 1]]` are the 3-grams of text i, numbered from the rarest, sorted.
    """

    starts: np.ndarray  # (n + 1,) int64
    tokens: np.ndarray  # int32

    @cached_property
    def costs(self) -> np.ndarray:
        """Return the number of distinct 3-grams of each text: (n,) int64."""
        return np.diff(self.starts)

    @cached_property
    def _matrix(self) -> Any:
        from scipy.sparse import csr_array

        shape = len(self.costs), int(self.tokens.max(initial=0)) + 1
        ones = np.ones(len(self.tokens), dtype=np.int8)
        return csr_array((ones, self.tokens, self.starts), shape=shape)

    def shared(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sizes of the intersection and the union of each pair of sets: (m,) each."""
        both = np.diff((self._matrix[first] * self._matrix[second]).indptr)
        return both, self.costs[first] + self.costs[second] - both


@dataclass(frozen=True)
class CandidateLists:
    """Candidate pairs: entry i is to be compared with the `counts[i]` entries after it.

    `left` is the number of members of the entry's set, of size `sizes`, after the shared one;
    both are 0 if unknown.
    """

    rows: np.ndarray  # (p,) int64, text numbers
    counts: np.ndarray  # (p,) int64
    left: np.ndarray  # (p,) int64
    sizes: np.ndarray  # (p,) int64

    @property
    def work(self) -> float:
        """Return about how many set members all comparisons read."""
        return float(self.counts.astype(np.float64) @ self.sizes)


def encode_grams(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the codes of all 3-grams, text by text: (g,) int64, and their counts: (n,)."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(joined, dtype="<u4").astype(np.int64)
    codes = (
        points[: 1 - GRAM_SIZE] << 42 | points[1 : 2 - GRAM_SIZE] << 21 | points[GRAM_SIZE - 1 :]
    )
    return codes[_within_one_text(lengths, len(codes))], np.maximum(lengths - (GRAM_SIZE - 1), 0)


def build_gram_sets(texts: list[str]) -> GramArray:
    """Return the 3-gram sets of texts; needs about 30 bytes of memory a character."""
    codes, counts = encode_grams(texts)
    tokens, unique = pd.factorize(codes)
    del codes
    # Ties are ordered by the gram itself, so the order of texts does not matter.
    order = np.lexsort((unique, np.bincount(tokens, minlength=len(unique))))
    rank = np.empty(len(unique), dtype=np.int64)
    rank[order] = np.arange(len(unique))
    width = max(len(unique), 1)
    members = np.repeat(np.arange(len(texts)) * width, counts) + rank[tokens]
    del tokens
    members.sort()
    members = members[np.diff(members, prepend=-1) > 0]
    starts = np.searchsorted(members, np.arange(len(texts) + 1) * width)
    members %= width
    return GramArray(starts, members.astype(np.int32))


def _within_one_text(lengths: np.ndarray, grams: int) -> np.ndarray:
    """Return whether the gram that starts at a character ends in the same text: (grams,) bool."""
    inside = np.ones(grams, dtype=bool)
    ends = np.cumsum(lengths)
    for back in range(1, GRAM_SIZE):
        last = ends[(lengths >= 1) & (ends - back >= 0)] - back
        inside[last[last < grams]] = False
    return inside


def prefix_candidates(grams: GramArray, threshold: float) -> CandidateLists:
    """Return as candidates the texts that share a member of their prefixes and fit in size."""
    sizes = grams.costs
    order = np.argsort(sizes, kind="stable")
    size_rank = np.empty(len(order), dtype=np.int64)  # entries of a token are sorted by it
    size_rank[order] = np.arange(len(order))
    probe = np.where(sizes, sizes - _ceil(threshold * sizes) + 1, 0)
    index = sizes - _ceil(2 * threshold / (1 + threshold) * sizes) + 1
    rows = np.repeat(np.arange(len(sizes)), probe)
    position = _count_up(probe)
    tokens = grams.tokens[grams.starts[rows] + position]
    keys = tokens * np.int64(len(sizes)) + size_rank[rows]
    by_token = np.argsort(keys, kind="stable")
    keys, rows, position = keys[by_token], rows[by_token], position[by_token]
    by_size = sizes[order]
    largest = np.floor(by_size / threshold + EPSILON)
    beyond = np.searchsorted(by_size, largest, side="right")
    first = keys - size_rank[rows]
    ends = np.searchsorted(keys, first + beyond[size_rank[rows]])
    counts = np.where(position < index[rows], ends - np.arange(len(keys)) - 1, 0)
    return CandidateLists(rows, counts, sizes[rows] - position - 1, sizes[rows])


def similar_pairs(
    sets: GramSets,
    lists: CandidateLists,
    threshold: float,
    groups: np.ndarray | None = None,
    required: np.ndarray | None = None,
) -> np.ndarray:
    """Return all candidate pairs (i, j), i < j, with Jaccard >= threshold: (m, 2) int64.

    Pairs of one group, (n,), and pairs without a `required` text, (n,) bool, are left out.
    """
    groups = np.arange(len(sets.costs)) if groups is None else groups
    chunks = [
        np.empty((0, 2), dtype=np.int64),
        *_verify_candidates(sets, lists, threshold, groups, required),
    ]
    return np.unique(np.concatenate(chunks), axis=0)


def similar_groups(sets: GramSets, lists: CandidateLists, threshold: float) -> np.ndarray:
    """Return the group of each text, (n,) int64: chains of similar pairs are one group.

    Pairs that are already in one group are not compared, so a template that many texts share
    costs little.
    """
    groups = np.arange(len(sets.costs))
    for pairs in _verify_candidates(sets, lists, threshold, groups):
        groups[:] = merge_groups(groups, pairs)
    return groups


def merge_groups(groups: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the groups of n items after merging the two groups of each pair of items."""
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
    required: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Yield similar pairs of different groups in chunks; `groups` may change in between."""
    n, costs = len(groups), sets.costs
    for first, second in _candidate_chunks(lists):
        a, b = lists.rows[first], lists.rows[second]
        most = 1 + np.minimum(lists.left[first], lists.left[second])
        least = threshold / (1 + threshold) * (lists.sizes[first] + lists.sizes[second])
        keep = (most >= least - EPSILON) & (groups[a] != groups[b])
        if required is not None:
            keep &= required[a] | required[b]
        codes = np.unique(np.minimum(a[keep], b[keep]) * n + np.maximum(a[keep], b[keep]))
        a, b = codes // n, codes % n
        for part in slice_by_cost(costs[a] + costs[b], CHUNK_SIZE):
            both, either = sets.shared(a[part], b[part])
            alike = both >= threshold * either - EPSILON
            yield np.stack([a[part][alike], b[part][alike]], axis=1)


def _candidate_chunks(lists: CandidateLists) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield indices of entries to compare, about CHUNK_SIZE pairs at once."""
    indices = np.flatnonzero(lists.counts)
    for part in slice_by_cost(lists.counts[indices], CHUNK_SIZE):
        counts = lists.counts[indices[part]]
        first = np.repeat(indices[part], counts)
        yield first, first + _count_up(counts) + 1


def slice_by_cost(costs: np.ndarray, limit: int) -> Iterator[slice]:
    """Yield slices with a total cost of at most `limit`, or of one item."""
    total, start = np.cumsum(costs), 0
    while start < len(costs):
        spent = total[start - 1] if start else 0
        end = max(int(np.searchsorted(total, spent + limit, side="right")), start + 1)
        yield slice(start, end)
        start = end


def _count_up(counts: np.ndarray) -> np.ndarray:
    """Return 0..c-1 for each count c, concatenated."""
    ends = np.cumsum(counts)
    ramps: np.ndarray = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    return ramps


def _ceil(values: np.ndarray) -> np.ndarray:
    return np.ceil(values - EPSILON).astype(np.int64)
