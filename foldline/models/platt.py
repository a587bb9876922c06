"""Scores become probabilities, by rows that their model has not seen."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.group_split import compute_strata, group_folds
from foldline.core.io.seeds import derive
from foldline.models.one_vs_rest import Linear

FOLDS = 5
# Out of fold, scores of very few rows may point the wrong way: the model is not turned around.
LEAST_SLOPE = 0.05

Fit = Callable[[Any, np.ndarray, np.ndarray | None], Linear]


def calibrated(
    fit: Fit,
    features: Any,
    holds: np.ndarray,
    shares: np.ndarray | None,
    groups: np.ndarray,
    weigh: Callable[[np.ndarray, np.ndarray | None], np.ndarray],
) -> Linear:
    """Fit to all rows, and scale each output's scores to log odds by scores out of fold.

    `groups` (n,) are fold numbers, see `calibration_folds`; rows of one are held out together. A
    sigmoid of a linear score is a linear score again, so the result is as small and fast as
    without.
    """
    whole = fit(features, holds, shares)
    numbers = np.unique(groups)
    if len(numbers) < 2:
        return whole
    scores = np.zeros(holds.shape)
    for number in numbers:
        held = np.flatnonzero(groups == number)
        rest = np.flatnonzero(groups != number)
        part = fit(features[rest], holds[rest], None if shares is None else shares[rest])
        scores[held] = np.asarray(features[held] @ part.weights.T) + part.bias
    weights, bias = whole.weights.copy(), whole.bias.copy()
    for output in np.flatnonzero(np.isfinite(bias)):
        column = holds[:, output]
        # A fold that held all rows of a class left an output that is certain.
        own = np.nan_to_num(scores[:, output], posinf=0.0, neginf=0.0)
        slope, shift = platt(own, column, weigh(column, shares))
        weights[output] *= slope
        bias[output] = slope * bias[output] + shift
    return Linear(weights, bias, whole.codes)


def platt(scores: np.ndarray, holds: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Give slope and shift of the log odds of (n,) scores (Platt, 1999), by weighted log loss.

    As there, targets stop short of 0 and 1 by the rows' number, so that few rows are not certain.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    positive = holds.astype(bool)
    many, others = weights[positive].sum(), weights[~positive].sum()
    target = np.where(positive, (many + 1) / (many + 2), 1 / (others + 2))
    total = weights.sum()

    def loss(found: np.ndarray) -> tuple[float, np.ndarray]:
        odds = found[0] * scores + found[1]
        value = weights @ (np.logaddexp(0, odds) - target * odds) / total
        slip = weights * (expit(odds) - target) / total
        return float(value), np.array([slip @ scores, slip.sum()])

    start = np.array([1.0, np.log((many + 1) / (others + 1))])
    bounds = [(LEAST_SLOPE, None), (None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(found[0]), float(found[1])


def calibration_folds(rows: pd.DataFrame, task: str, seed: int) -> np.ndarray:
    """Return (n,) fold numbers: groups and copies stay together, classes are balanced.

    A row without a group is its own. The order of rows does not matter.
    """
    ids = rows["id"].tolist()
    groups = [group or id_ for group, id_ in zip(rows["group"].tolist(), ids, strict=True)]
    strata = compute_strata(rows["label"], task)
    return group_folds(ids, groups, strata, FOLDS, derive(seed, "platt"))
