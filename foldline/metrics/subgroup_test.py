"""Whether some rows have a higher mean than the others, where rows of a group are not independent.

The test must hold far out in the tail, as thousands of subgroups are tested together. There a
normal distribution is wrong by orders of magnitude for rare errors. The likelihood ratio is not:
it asks how improbable both means are, if all rows come from one distribution.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foldline.metrics.weighted_sample import Floats

Mask = NDArray[np.bool_]
TILTS = np.sinh(np.linspace(-4.0, 4.0, 401))  # in inverse standard deviations, to 27

CELLS_AT_ONCE = 1_000_000


class Difference(NamedTuple):
    """The mean of a subgroup, that of the other rows, and their difference with its interval."""

    value: float
    rest: float
    difference: float
    low: float
    high: float


class SubgroupTest:
    """Values (n,) of rows, such as 1 for an error; groups (n,) name rows that belong together.

    `correlation` is that of two rows of a group, from 0 to 1; estimated by default.
    """

    def __init__(
        self, values: Floats, groups: NDArray[np.generic], correlation: float | None = None
    ) -> None:
        self.values, self.groups = values, groups
        self.n, self.mean = len(values), float(values.mean())
        self._squares = (values - self.mean) ** 2
        self.variance = float(self._squares.mean())
        _, self._codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        self._joined = np.flatnonzero(sizes[self._codes] > 1)
        self._joined_codes = np.unique(self._codes[self._joined], return_inverse=True)[1]
        self._sizes = np.bincount(self._joined_codes).astype(np.float64)
        self.correlation = self._estimate_correlation() if correlation is None else correlation
        # Between two possible counts of errors, half of the lower one's step is not evidence.
        self._step = 0.5 if np.isin(values, (0.0, 1.0)).all() else 0.0
        self._means, self._roots = _tabulate_roots(values)

    def select(self, rows: Mask) -> "SubgroupTest":
        """Return the test among some rows (n,) alone, with the correlation of all."""
        return SubgroupTest(self.values[rows], self.groups[rows], self.correlation)

    def compute_p(self, member: Mask) -> float:
        """Return the one-sided p-value that the mean of members (n,) is above that of the others.

        The statistic is the signed root of the likelihood ratio of both means under exponential
        tilting of all values (Efron, 1981), which for 0 and 1 is that of the G-test. It is divided
        by the design effect of the groups (Rao and Scott, 1984).
        """
        size = np.count_nonzero(member)
        if not 0 < size < self.n or not self.variance:
            return 1.0
        total = self.values[member].sum()
        excess = total - size * self.mean
        if excess <= self._step:
            return 1.0
        inside = (total - self._step) / size
        outside = (self.values.sum() - total + self._step) / (self.n - size)
        deviance = size * self._root(inside) ** 2 + (self.n - size) * self._root(outside) ** 2
        from scipy.special import ndtr

        return float(ndtr(-np.sqrt(deviance / self.design_effect(member))))

    def design_effect(self, member: Mask) -> float:
        """Return how many times larger the variance is than that of independent rows, from 1.

        The correlation of all groups is the better estimate of a few groups, but those of a
        subgroup may be more alike: the larger effect of both counts.
        """
        share = np.count_nonzero(member) / self.n
        own = member[self._joined] - share
        expected = self.correlation * self._sum_pairs(own) / (self.n * share * (1 - share))
        squares = share**2 * self._squares.sum() + (1 - 2 * share) * self._squares[member].sum()
        products = self._sum_pairs(own * (self.values[self._joined] - self.mean))
        return max(1.0, 1.0 + expected, 1.0 + products / squares if squares else 1.0)

    def standard_error(self, member: Mask) -> float:
        """Return the standard error of the difference, if there is none."""
        share = np.count_nonzero(member) / self.n
        spread = self.variance / (self.n * share * (1 - share))
        return float(np.sqrt(spread * self.design_effect(member)))

    def measure(self, member: Mask, level: float) -> Difference:
        """Return both means, and their difference with the interval that is robust to groups."""
        from scipy.special import ndtri

        size = np.count_nonzero(member)
        inside, outside = float(self.values[member].mean()), float(self.values[~member].mean())
        influence = np.where(
            member,
            (self.values - inside) / size,
            (outside - self.values) / (self.n - size),
        )
        margin = float(ndtri((1 + level) / 2)) * float(
            np.sqrt((np.bincount(self._codes, influence) ** 2).sum())
        )
        difference = inside - outside
        return Difference(inside, outside, difference, difference - margin, difference + margin)

    def _root(self, mean: float) -> float:
        return float(np.interp(mean, self._means, self._roots))

    def _sum_pairs(self, values: Floats) -> float:
        """Return the sum of products of values (rows in groups,) over all pairs within groups."""
        sums = np.bincount(self._joined_codes, values, len(self._sizes))
        return float((sums**2).sum() - (values**2).sum())

    def _estimate_correlation(self) -> float:
        """Return the correlation of two rows of a group over all pairs, from 0 to 1."""
        pairs = float((self._sizes * (self._sizes - 1)).sum())
        if not pairs or not self.variance:
            return 0.0
        products = self._sum_pairs(self.values[self._joined] - self.mean)
        return float(np.clip(products / (pairs * self.variance), 0.0, 1.0))


def _tabulate_roots(values: Floats) -> tuple[Floats, Floats]:
    """Return means, and the signed root of twice the rate function at each, for interpolation."""
    distinct, counts = np.unique(values, return_counts=True)
    shares, tilts = counts / len(values), TILTS / (float(values.std()) or 1.0)
    means, sums, tops = [], [], []
    for part in np.array_split(tilts, -(-len(tilts) * len(distinct) // CELLS_AT_ONCE)):
        exponents = part[:, None] * distinct
        tops.append(exponents.max(axis=1))
        weights = shares * np.exp(exponents - tops[-1][:, None])
        sums.append(weights.sum(axis=1))
        means.append((weights * distinct).sum(axis=1) / sums[-1])
    mean = np.concatenate(means)
    rates = tilts * mean - np.concatenate(tops) - np.log(np.concatenate(sums))
    return mean, np.sign(tilts) * np.sqrt(np.maximum(2 * rates, 0.0))


def shrink(differences: Floats, errors: Floats) -> Floats:
    """Return differences (m,) shrunken towards 0 by their standard errors (m,).

    The largest of many differences are partly chance. How much is estimated from all of them, as
    the mean of a normal prior of unknown variance (Efron and Morris, 1973).
    """
    prior = max(0.0, float(np.mean(differences**2 - errors**2))) if len(errors) else 0.0
    return np.asarray(differences * prior / (prior + errors**2)) if prior else 0.0 * differences
