"""Statistics of the scores of folds: an interval of their mean, and where they vary.

Folds share most of their training rows, so their scores are not independent: the usual t-interval
of their mean is too narrow.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foldline.metrics.intervals import Interval

Floats = NDArray[np.float64]


def corrected_interval(scores: Floats, test_share: float, level: float = 0.95) -> Interval:
    """Return the corrected resampled t-interval of the mean score (Nadeau and Bengio, 2003).

    `scores` (j,) are those of j folds or resamples; `test_share` is the number of held-out rows
    over that of training rows. NaN for fewer than two scores.
    """
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    j = len(scores)
    if j < 2:
        return Interval(float("nan"), float("nan"))
    error = np.sqrt((1 / j + test_share) * np.var(scores, ddof=1))
    margin = float(stdtrit(j - 1, (1 + level) / 2) * error)
    return Interval(float(scores.mean()) - margin, float(scores.mean()) + margin)


class Components(NamedTuple):
    """Standard deviations of the parts of a score's variance; NaN where they cannot be told.

    `folds`: one fold's score around the mean of its training's folds, by other held-out and
    training rows. `seeds` and `divisions`: the mean over all folds, by another seed of the training
    on the same folds, and by another division into folds. Without several seeds, `divisions`
    has the part of the seeds, too.
    """

    folds: float
    seeds: float
    divisions: float


def estimate_components(scores: Floats) -> Components:
    """Return the components of the variance of scores (divisions, seeds, folds).

    The means over folds are a nested random-effects design, seeds within divisions, whose mean
    squares are solved for the components (Searle et al., 1992); a negative one counts as 0.
    """
    divisions, seeds, folds = scores.shape
    nan = float("nan")
    by_fold = float(np.var(scores, axis=2, ddof=1).mean()) if folds > 1 else nan
    means = scores.mean(axis=2)
    by_seed = float(np.var(means, axis=1, ddof=1).mean()) if seeds > 1 else nan
    by_division = nan
    if divisions > 1:
        within = by_seed / seeds if seeds > 1 else 0.0
        by_division = max(0.0, float(np.var(means.mean(axis=1), ddof=1)) - within)
    return Components(*(float(np.sqrt(value)) for value in (by_fold, by_seed, by_division)))


class Decomposition(NamedTuple):
    """The mean squared error of one model: that of their average, and the models' variance."""

    error: float
    bias: float
    variance: float


def decompose_error(target: Floats, predictions: Floats) -> Decomposition:
    """Return bias and variance of the squared error of models of the same rows (Geman, 1992).

    `target` is (n, c), 0 and 1 for classes, or (n,); `predictions` (m, n, c) or (m, n) are those
    of m models. `error` is the Brier score or the mean squared error of one model on average;
    `variance` the unbiased variance of its predictions, and `bias` the rest: the squared error that
    an average of endless models would still have, with the noise of the labels. NaN for one model.
    """
    m, n = predictions.shape[:2]
    squares = ((predictions - target) ** 2).reshape(m, n, -1).sum(axis=2)
    error = float(squares.mean())
    if m < 2:
        return Decomposition(error, float("nan"), float("nan"))
    variance = float(np.var(predictions, axis=0, ddof=1).reshape(n, -1).sum(axis=1).mean())
    return Decomposition(error, error - variance, variance)
