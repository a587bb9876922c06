"""The interval of a share of cases that are not independent."""

import numpy as np
from numpy.typing import ArrayLike

from foldline.metrics.calibration import wilson_interval


def clustered_interval(hits: ArrayLike, groups: ArrayLike, level: float) -> tuple[float, float]:
    """Return the interval of the share of `hits` (n,); cases of one group are not independent.

    Wilson's interval of the effective number of cases: that with which independent cases would
    vary as the groups do, corrected for the number of groups (Korn and Graubard, 1998). Where all
    cases are alike it is the number of groups.
    """
    from scipy.special import stdtrit  # quantiles of Student's t

    values = np.asarray(hits, dtype=np.float64)
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    n, k = len(values), int(codes.max()) + 1
    share = float(values.mean())
    effective = float(k)
    if 0 < share < 1 and k > 1:
        excess = np.bincount(codes, weights=values - share)
        variance = float(np.sum(excess**2)) / n**2 * k / (k - 1)
        tail = (1 + level) / 2
        correction = float(stdtrit(n - 1, tail) / stdtrit(k - 1, tail)) ** 2
        effective = min(n, share * (1 - share) / variance if variance else n) * correction
    return wilson_interval(share * effective, effective, level)
