"""How unlike known rows new rows are: conformal p-values."""

import numpy as np
from numpy.typing import ArrayLike

from foldline.metrics.weighted_sample import Floats


def conformal_p_values(known: ArrayLike, new: ArrayLike) -> Floats:
    """Return the p-value (m,) of each new score, given scores (n,) of known rows; low is unlike.

    It is (1 + known rows that score no higher) / (n + 1). If a new row is exchangeable with the
    known ones, p <= a has a chance of at most a (Vovk et al., 2005; Bates et al., 2023).
    """
    scores = np.sort(np.asarray(known, dtype=np.float64))
    below = np.searchsorted(scores, np.asarray(new, dtype=np.float64), side="right")
    return np.asarray((1 + below) / (len(scores) + 1))


def rank_among(known: ArrayLike, values: ArrayLike) -> Floats:
    """Return the share (m,) of known values below each value; equal ones count half."""
    ordered, asked = (np.asarray(own, dtype=np.float64) for own in (known, values))
    ordered = np.sort(ordered)
    both = [np.searchsorted(ordered, asked, side=side) for side in ("left", "right")]
    return np.asarray((both[0] + both[1]) / (2 * max(len(ordered), 1)))
