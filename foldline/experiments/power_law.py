"""A power law of a score over the number of training rows: score(n) = a - b * n**-c."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PARAMETERS = 3
EXPONENTS = (0.02, 3.0)  # slower is a logarithm, faster is at its end
STARTS = (0.2, 0.5, 1.0)  # exponents from which the fit begins; the best end counts


@dataclass(frozen=True)
class PowerLaw:
    """a is the limit of the score; b is positive where the score grows."""

    a: float
    b: float
    c: float

    def predict(self, rows: float) -> float:
        """Return the score for a number of training rows."""
        return float(self.a - self.b * rows**-self.c)


def fit_power_law(
    rows: Floats,
    scores: Floats,
    variances: Floats,
    limits: tuple[float, float],
    grows: bool = True,
    start: PowerLaw | None = None,
) -> PowerLaw:
    """Return the law of the least squares weighted by variances; all arrays are (m,).

    a stays within `limits`, the range of the metric; the score grows with the rows, or falls for a
    loss. `start` is a law to begin from.
    """
    from scipy.optimize import least_squares

    largest = float(rows.max())
    shares, errors = rows / largest, np.sqrt(variances)
    # At the largest number of rows the law is a - d: both are of the size of a score.
    lowest = (limits[0], 0.0 if grows else -np.inf, EXPONENTS[0])
    highest = (limits[1], np.inf if grows else 0.0, EXPONENTS[1])

    def residuals(values: Floats) -> Floats:
        a, d, c = values
        return np.asarray((a - d * shares**-c - scores) / errors)

    def fit_from(values: tuple[float, float, float]) -> tuple[float, Floats]:
        inside = np.clip(values, np.add(lowest, 1e-9), np.subtract(highest, 1e-9))
        found = least_squares(
            residuals, inside, bounds=(lowest, highest), x_scale=(0.1, 0.1, 0.5),
            xtol=1e-12, ftol=1e-12, gtol=1e-12,
        )  # fmt: skip
        return float(found.cost), np.asarray(found.x)

    rise = float(scores[-1] - scores[0])
    starts = [(float(scores[-1]) + rise / 2, rise / 2, c) for c in STARTS]
    if start is not None:
        starts = [(start.a, start.b * largest**-start.c, start.c)]
    _, (a, d, c) = min((fit_from(values) for values in starts), key=lambda found: found[0])
    return PowerLaw(float(a), float(d * largest**c), float(c))


def smooth_variances(rows: Floats, scores: Floats) -> Floats:
    """Return the variance of the mean score at each size, (m,), of scores (m, seeds).

    Few seeds give wild variances, so their logarithms follow a line over those of the rows, which
    does not rise. The largest size is left out of the line where all its subsets are one and the
    same.
    """
    from scipy.special import digamma

    m, seeds = scores.shape
    found = np.var(scores, axis=1, ddof=1) if seeds > 1 else np.zeros(m)
    used = found > 1e-12
    used[-1] = False
    if used.sum() < 2:
        level = float(found.max()) or 1e-6
        return np.full(m, level / seeds)
    x, y = np.log(rows[used]), np.log(found[used])
    slope = min(0.0, float(np.polyfit(x, y, 1)[0]))
    half = (seeds - 1) / 2  # the logarithm of a variance of few seeds is too low on average
    offset = float((y - slope * x).mean() - digamma(half) + np.log(half))
    return np.asarray(np.exp(offset + slope * np.log(rows)) / seeds)


def compute_p_value(misfit: float, sizes: int, seeds: int) -> float:
    """Return the p-value of the errors' mean square over that of seeds, if the law holds (F test).

    NaN where there is nothing to compare.
    """
    from scipy.stats import f

    if sizes <= PARAMETERS or seeds < 2:
        return float("nan")
    return float(f.sf(misfit, sizes - PARAMETERS, (sizes - 1) * (seeds - 1)))
