"""Calibrators: functions of probabilities that are fitted to out-of-fold predictions.

Two classes are calibrated by the probability of the second, more by that of each against the rest,
normalized; each label of multilabel by itself. Rows of unknown label (-1) are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from foldline.ensembling.methods.interface import (
    MIN_PROBABILITY,
    Number,
    State,
    StateError,
    log_probabilities,
    read_array,
    softmax,
)
from foldline.models.platt import fit_sigmoid

NONE = "none"
MAX_SHARPENING = 20.0  # of log-probabilities, up or down: rows without any error set no end to it
PLATT_OPTIONS = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 500}


@dataclass(frozen=True)
class Calibrator:
    """A way to calibrate probabilities (n, c).

    `fit(probabilities, target, task)` returns a state of JSON values; `state` has the type of each
    key. `apply(state, probabilities, task)` returns calibrated probabilities (n, c); those of a row
    depend on no other row.
    """

    state: Mapping[str, Any]
    fit: Callable[[np.ndarray, np.ndarray, str], State]
    apply: Callable[[State, np.ndarray, str], np.ndarray]


def fit_temperature(probabilities: np.ndarray, target: np.ndarray, task: str) -> State:
    """Return the temperature that divides log-probabilities, by log loss (Guo et al., 2017).

    Multilabel has one for each label. The most probable class stays the same.
    """
    if task == "classification":
        return {"temperature": [_find_temperature(log_probabilities(probabilities), target)]}
    logs = _log_decisions(probabilities)
    labels = range(probabilities.shape[1])
    return {"temperature": [_find_temperature(logs[:, k], 1 - target[:, k]) for k in labels]}


def _find_temperature(logs: np.ndarray, target: np.ndarray) -> float:
    from scipy.optimize import brentq

    if len(np.unique(target)) < 2:
        return 1.0  # one outcome alone would make every row certain
    true = float(logs[np.arange(len(target)), target].mean())

    def slope(log_power: float) -> float:
        """Return the derivative of the log loss, which is convex."""
        return float((softmax(np.exp(log_power) * logs) * logs).sum(axis=1).mean()) - true

    bound = float(np.log(MAX_SHARPENING))
    if slope(-bound) >= 0 or slope(bound) <= 0:
        return MAX_SHARPENING if slope(-bound) >= 0 else 1 / MAX_SHARPENING
    return float(np.exp(-brentq(slope, -bound, bound, xtol=1e-12, rtol=1e-12)))


def apply_temperature(state: State, probabilities: np.ndarray, task: str) -> np.ndarray:
    """Return the softmax of the log-probabilities over the temperature."""
    c = probabilities.shape[1]
    temperature = read_array(state, "temperature", (1 if task == "classification" else c,))
    if task == "classification":
        return softmax(log_probabilities(probabilities) / temperature[0])
    logs = _log_decisions(probabilities) / temperature[:, None]
    return softmax(logs.reshape(-1, 2))[:, 0].reshape(-1, c)


def _log_decisions(probabilities: np.ndarray) -> np.ndarray:
    """Return the log-probabilities of yes and no, (n, c, 2)."""
    return log_probabilities(np.stack([probabilities, 1 - probabilities], axis=-1))


def fit_platt(probabilities: np.ndarray, target: np.ndarray, task: str) -> State:
    """Return slope and intercept of the log odds of each column (Platt, 1999)."""
    odds = _log_odds(_select_columns(probabilities, task))
    indicators = _indicate(target, probabilities.shape[1], task)
    ones = np.ones(len(odds))
    found = [
        fit_sigmoid(odds[:, k], indicators[:, k], ones, PLATT_OPTIONS) for k in range(odds.shape[1])
    ]
    return {"slope": [own[0] for own in found], "intercept": [own[1] for own in found]}


def apply_platt(state: State, probabilities: np.ndarray, task: str) -> np.ndarray:
    """Return the sigmoid of the scaled log odds of each column."""
    from scipy.special import expit

    odds = _log_odds(_select_columns(probabilities, task))
    slope, intercept = (read_array(state, key, odds.shape[1:]) for key in ("slope", "intercept"))
    return _join_columns(expit(slope * odds + intercept), probabilities.shape[1], task)


def fit_isotonic(probabilities: np.ndarray, target: np.ndarray, task: str) -> State:
    """Return the points of a monotonous step function of each column (Zadrozny and Elkan, 2002)."""
    from sklearn.isotonic import IsotonicRegression

    columns = _select_columns(probabilities, task)
    indicators = _indicate(target, probabilities.shape[1], task)
    found = [
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(x, y)
        for x, y in zip(columns.T, indicators.T, strict=True)
    ]
    return {
        "x": [own.X_thresholds_.tolist() for own in found],
        "y": [own.y_thresholds_.tolist() for own in found],
    }


def apply_isotonic(state: State, probabilities: np.ndarray, task: str) -> np.ndarray:
    """Return the interpolated function of each column."""
    columns = _select_columns(probabilities, task)
    points = [_read_points(state, key, columns.shape[1]) for key in ("x", "y")]
    if any(len(x) != len(y) for x, y in zip(*points, strict=True)):
        raise StateError("state: x and y must have equally many points")
    mapped = [np.interp(own, x, y) for own, x, y in zip(columns.T, *points, strict=True)]
    return _join_columns(np.column_stack(mapped), probabilities.shape[1], task)


def _read_points(state: State, key: str, columns: int) -> Sequence[Sequence[float]]:
    points: Sequence[Sequence[float]] = state[key]
    if len(points) != columns or not all(points):
        raise StateError(f"state: {key} must have {columns} lists of numbers")
    return points


def _select_columns(probabilities: np.ndarray, task: str) -> np.ndarray:
    """Return the columns that are calibrated: of two classes the second."""
    is_binary = task == "classification" and probabilities.shape[1] == 2
    return probabilities[:, 1:] if is_binary else probabilities


def _join_columns(columns: np.ndarray, c: int, task: str) -> np.ndarray:
    """Return probabilities (n, c) of calibrated columns; those of a row of zeros are equal."""
    if task == "multilabel":
        return columns
    if columns.shape[1] < c:
        return np.column_stack([1 - columns, columns])
    total = columns.sum(axis=1, keepdims=True)
    equal = np.full_like(columns, 1 / c)
    return np.asarray(np.divide(columns, total, out=equal, where=total > 0))


def _indicate(target: np.ndarray, c: int, task: str) -> np.ndarray:
    """Return 1 for each calibrated column that is true, (n, c) or (n, 1)."""
    if task == "multilabel":
        return target
    return _select_columns((target[:, None] == np.arange(c)).astype(np.int64), task)


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
CALIBRATORS: Mapping[str, Calibrator] = MappingProxyType(
    {
        "temperature": Calibrator(
            {"temperature": list[Positive]}, fit_temperature, apply_temperature
        ),
        "platt": Calibrator(
            {"slope": list[Number], "intercept": list[Number]}, fit_platt, apply_platt
        ),
        "isotonic": Calibrator(
            {"x": list[list[Share]], "y": list[list[Share]]}, fit_isotonic, apply_isotonic
        ),
    }
)


def fit_calibrator(method: str, probabilities: np.ndarray, target: np.ndarray, task: str) -> State:
    """Return the state of a calibrator, fitted to rows of known label.

    Classification: target (n,) codes; multilabel: (n, c) of 0 and 1.
    """
    if task == "classification":
        known = target >= 0
        probabilities, target = probabilities[known], target[known]
    return CALIBRATORS[method].fit(probabilities, target, task)


def calibrate_out_of_fold(
    method: str, probabilities: np.ndarray, target: np.ndarray, task: str, folds: np.ndarray
) -> np.ndarray:
    """Return calibrated probabilities (n, c), each fold by what was fitted to the other folds."""
    calibrated = np.zeros_like(probabilities)
    for fold in np.unique(folds):
        own = folds == fold
        state = fit_calibrator(method, probabilities[~own], target[~own], task)
        calibrated[own] = CALIBRATORS[method].apply(state, probabilities[own], task)
    return calibrated
