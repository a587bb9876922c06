"""All metrics, and predictions to measure."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foldline.metrics.registry import METRICS

Array = NDArray[Any]
MEMBERS = [(task, name) for task in METRICS for name in METRICS[task]]


def rows(task: str, seed: int, n: int = 200, c: int = 3) -> tuple[Array, Array]:
    """Return targets and predictions, rounded so that ties are common."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        truth = rng.normal(size=n).round(1)
        return truth, (truth + rng.normal(size=n)).round(1)
    if task == "multilabel":
        labels = rng.integers(2, size=(n, c))
        return labels, (1 / (1 + np.exp(rng.normal(size=(n, c)) + 1.5 * (1 - 2 * labels)))).round(2)
    target = rng.integers(c, size=n)
    scores = (1.5 * np.eye(c)[target] + rng.normal(size=(n, c))).round(1)
    return target, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
