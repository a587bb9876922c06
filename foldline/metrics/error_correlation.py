"""How alike the errors of several predictions are: an ensemble gains where they differ."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from foldline.core.io.labels import THRESHOLD


def correlate_errors(
    task: str, target: np.ndarray, predictions: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float]]:
    """Return Pearson's correlation of the errors of each two predictions, by their names.

    An error is a wrong class (0 or 1) of a row, for multilabel of a row's label; for regression the
    difference from the target. NaN where one of the two has equal errors everywhere.
    """
    names = list(predictions)
    errors = np.stack([_compute_errors(task, target, predictions[name]) for name in names])
    deviations = errors - errors.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.square(deviations).sum(axis=1))
    with np.errstate(invalid="ignore"):
        table = deviations @ deviations.T / np.outer(spread, spread)
    return {
        name: dict(zip(names, map(float, row), strict=True))
        for name, row in zip(names, np.clip(table, -1.0, 1.0), strict=True)
    }


def _compute_errors(task: str, target: np.ndarray, values: np.ndarray) -> NDArray[np.float64]:
    if task == "regression":
        return np.asarray(values - target, dtype=np.float64)
    if task == "multilabel":
        return np.asarray((values >= THRESHOLD) != (target == 1), dtype=np.float64).ravel()
    return np.asarray(values.argmax(axis=1) != target, dtype=np.float64)
