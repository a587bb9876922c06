"""Split conformal prediction: sets and intervals that hold the truth with a wanted probability.

Scores of rows that the model has not learnt give a quantile (Papadopoulos et al., 2002; Vovk et
al., 2005). Where new rows are exchangeable with those rows, the truth is in the set with a
probability of at least `level`, whatever the model.
"""

import numpy as np
from numpy.typing import ArrayLike

from foldline.metrics.weighted_sample import Floats


def conformal_quantile(scores: ArrayLike, level: float) -> float:
    """Return the ceil((n + 1) * level)-th smallest of n scores; infinite if there are too few."""
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    # Rounded, as 0.9 * 10 must be the ninth score and not the tenth.
    rank = int(np.ceil(round((len(ordered) + 1) * level, 9)))
    return float(ordered[rank - 1]) if rank <= len(ordered) else float("inf")


def score_classes(probabilities: np.ndarray, target: np.ndarray) -> Floats:
    """Return 1 - p of the true class (n,); infinite for an unknown class (-1): in no set."""
    rows = np.arange(len(target))
    return np.where(target >= 0, 1 - probabilities[rows, target], np.inf)


def fit_class_quantiles(
    probabilities: np.ndarray, target: np.ndarray, level: float, by_class: bool = False
) -> Floats:
    """Return the quantile of the scores for each class (c,).

    `by_class`: of the rows of that class alone, so that each class is covered (Vovk, 2012); a class
    with too few rows is in every set.
    """
    scores, c = score_classes(probabilities, target), probabilities.shape[1]
    if not by_class:
        return np.full(c, conformal_quantile(scores, level))
    return np.array([conformal_quantile(scores[target == code], level) for code in range(c)])


def predict_sets(probabilities: np.ndarray, quantiles: ArrayLike) -> np.ndarray:
    """Return whether each class is in the set of each row, (n, c); a set may be empty."""
    return np.asarray(1 - probabilities <= np.asarray(quantiles, dtype=np.float64))


def cover_classes(sets: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return whether the true class is in the set of each row (n,); an unknown one (-1) is not."""
    return np.asarray((target >= 0) & sets[np.arange(len(target)), target])


def fit_interval(predicted: np.ndarray, target: np.ndarray, level: float) -> float:
    """Return half the width of the interval around a predicted number, in the target's unit."""
    return conformal_quantile(np.abs(target - predicted), level)
