"""A sample of the rows for a page that stays quick, whole duplicate groups together."""

from collections import Counter

import numpy as np

from foldline.core.io.seeds import rank_keys
from foldline.viewer.lookup import is_in
from foldline.viewer.row_table import ViewData


def sample_rows(found: ViewData, limit: int) -> ViewData:
    """Keep `limit` rows at most; a duplicate group is in as a whole, or not at all.

    Groups are taken in an order drawn by their names, so the same rows are chosen whatever the
    order of the table; one that no longer fits is passed over.
    """
    rows = found.rows
    if len(rows) <= limit:
        return found
    names = ("row " + rows["id"]).where(rows["dup"] < 0, "group " + rows["dup_group"])
    units = sorted(set(names.tolist()))
    sizes = Counter(names.tolist())
    chosen: set[str] = set()
    left = limit
    for place in np.argsort(rank_keys(0, units), kind="stable"):
        size = sizes[units[place]]
        if size <= left:
            chosen.add(units[place])
            left -= size
        if not left:
            break
    note = {"code": "sampled", "shown": limit - left, "rows": len(rows)}
    return found.only(is_in(names, chosen), note)
