"""Platt scaling: calibrated probabilities from out-of-fold scores."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.group_split import compute_strata, group_folds
from foldline.core.io.seeds import derive_seed
from foldline.models.one_vs_rest import LinearModel

FOLDS = 5
# With very few rows the fitted slope may be negative; the model is never inverted.
MIN_SLOPE = 0.05

Fit = Callable[[Any, np.ndarray, np.ndarray | None], LinearModel]


def fit_calibrated(
    fit: Fit,
    features: Any,
    indicators: np.ndarray,
    sample_weight: np.ndarray | None,
    groups: np.ndarray,
    weigh: Callable[[np.ndarray, np.ndarray | None], np.ndarray],
) -> LinearModel:
    """Fit to all rows, and turn each output's scores into log odds by out-of-fold scores.

    `groups` (n,) are fold numbers, see `calibration_folds`. A sigmoid of a linear score is
    again linear, so the calibrated model is as small and fast as the plain one.
    """
    model = fit(features, indicators, sample_weight)
    numbers = np.unique(groups)
    if len(numbers) < 2:
        return model
    scores = np.zeros(indicators.shape)
    for number in numbers:
        held_out = np.flatnonzero(groups == number)
        training = np.flatnonzero(groups != number)
        fold_model = fit(
            features[training],
            indicators[training],
            None if sample_weight is None else sample_weight[training],
        )
        scores[held_out] = np.asarray(features[held_out] @ fold_model.weights.T) + fold_model.bias
    weights, bias = model.weights.copy(), model.bias.copy()
    for output in np.flatnonzero(np.isfinite(bias)):
        column = indicators[:, output]
        # A fold with all rows of a class left the others with a constant output.
        finite_scores = np.nan_to_num(scores[:, output], posinf=0.0, neginf=0.0)
        slope, intercept = fit_sigmoid(finite_scores, column, weigh(column, sample_weight))
        weights[output] *= slope
        bias[output] = slope * bias[output] + intercept
    return LinearModel(weights, bias, model.codes)


def fit_sigmoid(
    scores: np.ndarray,
    indicators: np.ndarray,
    weights: np.ndarray,
    options: Mapping[str, float] | None = None,
) -> tuple[float, float]:
    """Return slope and intercept of the log odds of (n,) scores (Platt, 1999), by log loss.

    As in the paper, targets stop short of 0 and 1 depending on the number of rows, so that few rows
    do not give certainty. `options` are those of scipy's L-BFGS-B.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    positive = indicators.astype(bool)
    positives, negatives = weights[positive].sum(), weights[~positive].sum()
    target = np.where(positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    total = weights.sum()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        odds = parameters[0] * scores + parameters[1]
        value = weights @ (np.logaddexp(0, odds) - target * odds) / total
        slip = weights * (expit(odds) - target) / total
        return float(value), np.array([slip @ scores, slip.sum()])

    start = np.array([1.0, np.log((positives + 1) / (negatives + 1))])
    bounds = [(MIN_SLOPE, None), (None, None)]
    solution = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=dict(options or {})
    ).x
    return float(solution[0]), float(solution[1])


def calibration_folds(rows: pd.DataFrame, task: str, seed: int) -> np.ndarray:
    """Return (n,) fold numbers: groups and copies stay together, classes are balanced.

    A row without a group is its own. The order of rows does not matter.
    """
    ids = rows["id"].tolist()
    groups = [group or id_ for group, id_ in zip(rows["group"].tolist(), ids, strict=True)]
    strata = compute_strata(rows["label"], task)
    return group_folds(ids, groups, strata, FOLDS, derive_seed(seed, "platt"))
