"""The slices that a change made worse, although it is better as a whole, or the other way round."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from foldline.evaluation.slice_features import Condition
from foldline.metrics.multiple_testing import benjamini_hochberg
from foldline.metrics.weighted_sample import Floats


def find_slices_against(
    conditions: Sequence[Condition],
    before: Floats,
    after: Floats,
    groups: np.ndarray,
    verdict: str | None,
    level: float,
) -> list[dict[str, Any]]:
    """Return the conditions whose errors moved against the verdict (Simpson, 1951).

    Errors (n,) of each row before and after. `difference` is the change of their mean among the
    rows of a condition, `p` the one-sided sign-flip test over groups, `q` corrected for all
    conditions (Benjamini and Hochberg, 1995); those with a `q` of at most 1 - level are returned.
    There are none without a verdict.
    """
    if verdict not in ("better", "worse") or not conditions:
        return []
    from scipy.special import ndtr

    against = 1.0 if verdict == "better" else -1.0
    change, codes = after - before, np.unique(groups, return_inverse=True)[1]
    p = []
    for own in conditions:
        sums = np.bincount(codes[own.rows], change[own.rows])
        spread = float(np.sqrt((sums**2).sum()))
        p.append(float(ndtr(-against * sums.sum() / spread)) if spread else 1.0)
    return [
        {
            "name": own.name,
            "rows": int(np.count_nonzero(own.rows)),
            "difference": float(change[own.rows].mean()),
            "p": raw,
            "q": float(q),
        }
        for own, raw, q in zip(conditions, p, benjamini_hochberg(p), strict=True)
        if q <= 1 - level
    ]
