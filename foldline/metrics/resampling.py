"""Bootstrap resamples of whole groups of rows, drawn by how often each kind of group occurs.

Groups whose rows look the same to a metric are of one kind. How often each kind is drawn is
multinomial, so that a resample of 50,000 rows of a confusion table costs its cells, not its rows.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foldline.metrics.weighted_sample import Codes, Floats

Groups = Sequence[Hashable] | NDArray[Any] | None
# Kinds of fewer groups are drawn group by group, as a binomial costs as much as some 16 groups.
COMMON = 16
BLOCK = 2**18  # numbers at once, 2 MB
FEW_COLUMNS = 16  # to sort one by one, which is faster than as rows of bytes


class Resampling:
    """Kinds of groups, and the rows that stand for all rows of their place in their kind.

    `rows` (m,) are positions of rows, `kinds` (m,) those of their groups, `sizes` (k,) the number
    of groups of each kind.
    """

    def __init__(self, n: int, groups: Groups, patterns: NDArray[Any] | None = None) -> None:
        """Take groups (n,), None for each row its own, and what a metric knows of rows (n, p).

        Without patterns each group is a kind of its own.
        """
        codes = np.arange(n) if groups is None else encode_groups(groups)
        if len(codes) != n:
            raise ValueError(f"groups: {len(codes)} for {n} rows; allowed: one for each row")
        self.n_groups = int(codes.max(initial=-1)) + 1
        if patterns is None or not n:
            self.rows, self.kinds = np.arange(n), codes
            self.sizes = np.ones(self.n_groups, dtype=np.intp)
        else:
            self._find_kinds(codes, encode_rows(patterns))

    def _find_kinds(self, groups: Codes, patterns: Codes) -> None:
        order = np.lexsort((patterns, groups))
        lengths = np.bincount(groups)
        starts = np.cumsum(lengths) - lengths
        rows, kinds, sizes, n_kinds = [], [], [], 0
        for length in np.unique(lengths):
            members = order[starts[lengths == length][:, None] + np.arange(length)]
            found = encode_rows(patterns[members])
            _, first, counts = np.unique(found, return_index=True, return_counts=True)
            rows.append(members[first].ravel())
            kinds.append(np.repeat(n_kinds + np.arange(len(first)), length))
            sizes.append(counts)
            n_kinds += len(first)
        self.rows, self.kinds, self.sizes = map(np.concatenate, (rows, kinds, sizes))

    def draw(self, resamples: int, seed: int) -> Iterator[Floats]:
        """Yield weights (b, m) of `rows` in blocks: how often their groups were drawn.

        Each resample has as many groups as there are, drawn with replacement; none of one group.
        """
        rng = np.random.default_rng(seed)
        size = max(1, BLOCK // max(1, len(self.rows)))
        for start in range(0, resamples if self.n_groups > 1 else 0, size):
            counts = self._draw_kinds(rng, min(size, resamples - start))
            yield counts[:, self.kinds].astype(np.float64)

    def _draw_kinds(self, rng: np.random.Generator, b: int) -> NDArray[np.int64]:
        """Return how often each kind is drawn (b, k)."""
        common = np.flatnonzero(self.sizes >= COMMON)
        rare = np.flatnonzero(self.sizes < COMMON)
        counts = np.zeros((b, len(self.sizes)), dtype=np.int64)
        # All rare groups together are one kind.
        members = np.repeat(np.arange(len(rare)), self.sizes[rare])
        sizes = np.append(self.sizes[common], [len(members)] if len(rare) else [])
        drawn = rng.multinomial(self.n_groups, sizes / self.n_groups, size=b)
        counts[:, common] = drawn[:, : len(common)]
        if len(rare):
            for row, number in zip(counts, drawn[:, -1].tolist(), strict=True):
                picked = members[rng.integers(len(members), size=number)]
                row[rare] = np.bincount(picked, minlength=len(rare))
        return counts


def encode_rows(values: NDArray[Any]) -> Codes:
    """Return codes (n,) of the rows of values (n, p): equal rows share one, in sorted order."""
    if values.shape[1] > FEW_COLUMNS:
        return np.unique(values, axis=0, return_inverse=True)[1].ravel()
    codes = np.zeros(len(values), dtype=np.intp)
    for column in values.T:
        own = np.unique(column, return_inverse=True)[1]
        codes = np.unique(codes * (own.max(initial=0) + 1) + own, return_inverse=True)[1]
    return codes


def encode_groups(groups: Sequence[Hashable] | NDArray[Any]) -> Codes:
    """Return codes (n,) of groups, from 0 in order of appearance."""
    if isinstance(groups, np.ndarray) and groups.dtype.kind in "iu":
        _, first, codes = np.unique(groups, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[codes]
    values = groups.tolist() if isinstance(groups, np.ndarray) else list(groups)
    # NaN is not equal to itself, and all missing groups as one would widen the interval.
    missing = [row for row, group in enumerate(values) if group is None or group != group]
    if missing:
        raise ValueError(f"groups: row {missing[0]} has none; allowed: any value but None and NaN")
    seen: dict[Hashable, int] = {}
    # Not np.unique: it sorts, and so fails on values of mixed types.
    return np.array([seen.setdefault(group, len(seen)) for group in values], dtype=np.intp)
