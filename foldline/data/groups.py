"""Groups of rows that must stay together: duplicates, and rows of one user group."""

import numpy as np
import pandas as pd

from foldline.data.duplicates import name_groups
from foldline.data.normalization import casefold_key


def duplicate_keys(table: pd.DataFrame) -> list[tuple[str, ...] | None]:
    """Give the key that exact duplicates share; an empty text is a duplicate of nothing.

    A pair is the same pair the other way round.
    """
    keys: list[tuple[str, ...] | None] = []
    for text, pair in zip(table["text"].tolist(), table["text_pair"].tolist(), strict=True):
        texts = tuple(sorted(filter(None, (casefold_key(text), casefold_key(pair)))))
        keys.append(texts or None)
    return keys


def name_leak_groups(table: pd.DataFrame, by_group: bool) -> list[str]:
    """Name each row's group by its smallest id: duplicates, and user groups if asked for.

    Duplicates are those that `prepare` found (`dup_group`); an empty user group joins nothing.
    """
    groups = np.asarray(pd.factorize(table["dup_group"])[0], dtype=np.int64)
    named = (table["group"] != "").to_numpy()
    if by_group and named.any():
        from foldline.data.similarity_join import merge_groups

        users = groups.max() + 1 + pd.factorize(table["group"])[0]
        nodes = np.arange(users.max() + 1)
        groups = merge_groups(nodes, np.stack([groups, users], axis=1)[named])[groups]
    return name_groups(groups, table["id"].tolist())
