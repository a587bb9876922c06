"""A sample of the rows that keeps the page fast, in whole duplicate groups."""

from collections import Counter

import numpy as np

from foldline.core.io.seeds import rank_keys
from foldline.viewer.row_table import ViewData, is_in


def sample_rows(view: ViewData, limit: int) -> ViewData:
    """Return at most `limit` rows, in whole duplicate groups.

    Groups are taken in a random order that depends only on their names, not on the order of the
    table; a group that does not fit is skipped.
    """
    rows = view.rows
    if len(rows) <= limit:
        return view
    names = ("row " + rows["id"]).where(rows["dup"] < 0, "group " + rows["dup_group"])
    units = sorted(set(names.tolist()))
    sizes = Counter(names.tolist())
    chosen: set[str] = set()
    left = limit
    for index in np.argsort(rank_keys(0, units), kind="stable"):
        size = sizes[units[index]]
        if size <= left:
            chosen.add(units[index])
            left -= size
        if not left:
            break
    note = {"code": "sampled", "shown": limit - left, "rows": len(rows)}
    return view.select(is_in(names, chosen), note)
