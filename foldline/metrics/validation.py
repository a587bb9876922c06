"""Checks of the arrays that metrics take; each raises ValueError."""

import numpy as np
from numpy.typing import ArrayLike

from foldline.metrics.weighted_sample import Codes, Floats


def check_shapes(task: str, target: tuple[int, ...], predictions: tuple[int, ...]) -> int:
    """Return the number of rows if the shapes match the task."""
    fits = {
        "classification": len(target) == 1 and len(predictions) == 2 and target == predictions[:1],
        "multilabel": len(target) == 2 and target == predictions,
        "regression": len(target) == 1 and target == predictions,
    }
    if not fits[task]:
        raise ValueError(
            f"{task}: target {target} and predictions {predictions} do not match; allowed: (n,) "
            "with (n, c) for classification, (n, c) twice for multilabel, (n,) twice for regression"
        )
    return target[0]


def check_indicators(values: ArrayLike, scores: Floats) -> Codes:
    """Return labels (n, c) as integers if they are 0 and 1 in the shape of the predictions."""
    array = np.asarray(values)
    if array.shape != scores.shape or not np.isin(array, (0, 1)).all():
        raise ValueError(f"labels {array.shape}; allowed: 0 and 1, {scores.shape}")
    return array.astype(np.intp)


def check_codes(what: str, codes: ArrayLike, n: int, low: int, n_classes: int) -> Codes:
    """Return codes (n,) as integers if all are in [low, n_classes)."""
    array = np.asarray(codes)
    if array.shape != (n,) or (n and array.dtype.kind not in "iub"):
        raise ValueError(f"{what}: {array.dtype} {array.shape}; allowed: whole numbers, ({n},)")
    if n_classes < 1 or (n and not low <= array.min() <= array.max() < n_classes):
        actual = f"[{array.min()}, {array.max()}]" if n else "none"
        raise ValueError(f"{what}: codes {actual}; allowed: {low} to {n_classes - 1}")
    return array.astype(np.intp)


def check_weights(weights: Floats | None, n: int) -> Floats:
    """Return weights (n,) if all are finite and non-negative; None means all 1."""
    if weights is None:
        return np.ones(n)
    if weights.shape != (n,) or (n and not (weights.min() >= 0 and weights.max() < np.inf)):
        raise ValueError(f"weights {weights.shape}; allowed: ({n},), finite, none below 0")
    return weights
