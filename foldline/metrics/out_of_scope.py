"""How unlike known rows new rows are: conformal p-values, and which of many to reject."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.metrics.weighted_sample import Floats


def conformal_p_values(known: ArrayLike, new: ArrayLike) -> Floats:
    """Return the p-value (m,) of each new score, given scores (n,) of known rows; low is unlike.

    It is (1 + known rows that score no higher) / (n + 1). If a new row is exchangeable with the
    known ones, p <= a has a chance of at most a (Vovk et al., 2005; Bates et al., 2023).
    """
    scores = np.sort(np.asarray(known, dtype=np.float64))
    below = np.searchsorted(scores, np.asarray(new, dtype=np.float64), side="right")
    return np.asarray((1 + below) / (len(scores) + 1))


def benjamini_hochberg(p: ArrayLike, level: float) -> NDArray[np.bool_]:
    """Return which of m hypotheses to reject (Benjamini and Hochberg, 1995).

    At most a share of `level` of the rejected ones is expected to be true. It holds for conformal
    p-values of the same known rows, too (Bates et al., 2023).
    """
    values = np.asarray(p, dtype=np.float64)
    order, m = np.argsort(values, kind="stable"), len(values)
    passed = np.flatnonzero(values[order] <= level * np.arange(1, m + 1) / max(m, 1))
    rejected = np.zeros(m, dtype=bool)
    rejected[order[: passed[-1] + 1 if len(passed) else 0]] = True
    return rejected


def rank_among(known: ArrayLike, values: ArrayLike) -> Floats:
    """Return the share (m,) of known values below each value; equal ones count half."""
    ordered, asked = (np.asarray(own, dtype=np.float64) for own in (known, values))
    ordered = np.sort(ordered)
    both = [np.searchsorted(ordered, asked, side=side) for side in ("left", "right")]
    return np.asarray((both[0] + both[1]) / (2 * max(len(ordered), 1)))
