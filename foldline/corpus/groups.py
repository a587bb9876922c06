"""Groups of rows that must stay together: duplicates, and rows of one user group."""

from collections.abc import Hashable, Sequence

import pandas as pd

from foldline.corpus.normal import key


class Union:
    """Disjoint sets over 0..n-1, joined by path halving and smaller root (Tarjan, 1975)."""

    def __init__(self, size: int) -> None:
        self.parents = list(range(size))

    def find(self, item: int) -> int:
        """Give the smallest member of the item's set."""
        parents = self.parents
        while parents[item] != item:
            parents[item] = parents[parents[item]]
            item = parents[item]
        return item

    def join(self, keys: Sequence[Hashable | None]) -> None:
        """Join all rows of equal keys; None joins nothing."""
        first: dict[Hashable, int] = {}
        for row, value in enumerate(keys):
            if value is None:
                continue
            other = first.setdefault(value, row)
            if other != row:
                a, b = self.find(other), self.find(row)
                self.parents[max(a, b)] = min(a, b)


def duplicate_keys(table: pd.DataFrame) -> list[tuple[str, ...] | None]:
    """Give the key that exact duplicates share; an empty text is a duplicate of nothing.

    A pair is the same pair the other way round.
    """
    keys: list[tuple[str, ...] | None] = []
    for text, pair in zip(table["text"].tolist(), table["text_pair"].tolist(), strict=True):
        texts = tuple(sorted((key(text), key(pair)))) if pair else (key(text),)
        keys.append(texts if any(texts) else None)
    return keys


def leak_groups(table: pd.DataFrame, by_group: bool) -> list[str]:
    """Name each row's group by its smallest id: duplicates, and user groups if asked for."""
    union = Union(len(table))
    union.join(duplicate_keys(table))
    if by_group:
        union.join([name or None for name in table["group"].tolist()])
    ids = table["id"].tolist()
    roots = [union.find(row) for row in range(len(ids))]
    names: dict[int, str] = {}
    for root, name in zip(roots, ids, strict=True):
        names[root] = min(name, names.get(root, name))
    return [names[root] for root in roots]
