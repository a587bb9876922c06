"""Decision thresholds that raise macro-F1, fitted to out-of-fold probabilities.

The class with the highest probability / threshold is predicted. Thresholds sum to 1: of two classes
each is predicted above its own, and equal ones change nothing. Multilabel predicts each label from
its threshold on.
"""

import numpy as np

from foldline.core.io.labels import THRESHOLD, decide

NONE, F1, COST = "none", "f1", "cost"
MAX_WEIGHT = 20.0  # of a class against the others, up or down
MAX_SWEEPS = 5
DIGITS = 12  # of F1: below are rounding errors, which must not choose


def fit_thresholds(probabilities: np.ndarray, target: np.ndarray, task: str) -> list[float]:
    """Return the thresholds (c,) with the highest macro-F1; rows of unknown label are left out.

    Multilabel: exactly the highest. Classes: by coordinate ascent over weights, from equal ones; a
    class without rows keeps its weight.
    """
    if task == "multilabel":
        labels = range(probabilities.shape[1])
        return [_fit_label(probabilities[:, k], target[:, k]) for k in labels]
    known = target >= 0
    probabilities, target = probabilities[known], target[known]
    weights = np.ones(probabilities.shape[1])
    for _ in range(MAX_SWEEPS):
        before = weights.copy()
        for code in np.unique(target):
            weights[code] = _fit_weight(probabilities, target, weights, code)
        if (weights == before).all():
            break
    return [float(value) for value in (1 / weights) / (1 / weights).sum()]


def _fit_label(probability: np.ndarray, target: np.ndarray) -> float:
    """Return the threshold of one label with the highest F1, of several the nearest to 0.5."""
    if not target.any():
        return THRESHOLD
    values, position = np.unique(probability, return_inverse=True)
    hits = np.bincount(position, target)[::-1].cumsum()[::-1]
    predicted = np.bincount(position)[::-1].cumsum()[::-1]
    candidates = (np.append(0.0, values[:-1]) + values) / 2  # below each value
    scores = np.round(2 * hits / (predicted + target.sum()), DIGITS)
    usual = np.searchsorted(values, THRESHOLD)  # the first that is predicted
    if usual < len(values) and scores[usual] == scores.max():
        return THRESHOLD
    best = candidates[scores == scores.max()]
    return float(best[np.abs(best - THRESHOLD).argmin()])


def _fit_weight(
    probabilities: np.ndarray, target: np.ndarray, weights: np.ndarray, code: int
) -> float:
    """Return the weight of one class with the highest macro-F1, given those of the others.

    Rows are sorted by the weight from which on they are predicted to be of the class; where a row
    changes, only F1 of the class and of its rival do.
    """
    scaled = probabilities * weights
    scaled[:, code] = -1.0
    rival = scaled.argmax(axis=1)
    rows = np.arange(len(target))
    tiny = np.finfo(float).tiny
    ratio = scaled[rows, rival] / np.maximum(probabilities[:, code], tiny)
    order = np.argsort(ratio, kind="stable")
    support = np.bincount(target, minlength=len(weights))
    gains = np.empty(len(target) + 1)
    gains[0] = 0.0
    gains[1:] = np.cumsum(_rival_changes(rival[order], target[order], support))
    gained = np.append(0, np.cumsum(target[order] == code))
    own = 2 * gained / (np.arange(len(target) + 1) + support[code])
    scores = np.round(own + gains, DIGITS)
    # Rows with equal ratios change together; at the ends a weight is out of bounds or as good.
    first, last = ratio[order], np.append(ratio[order][1:], np.inf)
    middles = np.sqrt(np.maximum(first, tiny)) * np.sqrt(np.minimum(last, 4 * MAX_WEIGHT**2))
    allowed = (last > first) & (middles >= 1 / MAX_WEIGHT) & (middles <= MAX_WEIGHT)
    now = scores[np.searchsorted(first, weights[code])]
    if not allowed.any() or scores[1:][allowed].max() <= now:
        return float(weights[code])
    best = middles[allowed & (scores[1:] == scores[1:][allowed].max())]
    return float(best[np.abs(np.log(best / weights[code])).argmin()])


def _rival_changes(rival: np.ndarray, target: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Return the change (n,) of F1 of each row's rival, as row after row is predicted no longer."""
    order = np.argsort(rival, kind="stable")
    own, hit = rival[order], (target == rival)[order].astype(float)
    counts = np.bincount(own, minlength=len(support))
    ends = np.cumsum(counts)[own]  # of the rows of the same rival
    hits = np.append(np.cumsum(hit[::-1])[::-1], 0.0)
    left_before = ends - np.arange(len(own))
    hits_before, hits_after = hits[:-1] - hits[ends], hits[1:] - hits[ends]
    total_after = left_before - 1 + support[own]
    after = np.divide(2 * hits_after, total_after, out=np.zeros(len(own)), where=total_after > 0)
    changes = np.empty(len(own))
    changes[order] = after - 2 * hits_before / (left_before + support[own])
    return changes


def decide_out_of_fold(
    probabilities: np.ndarray, target: np.ndarray, task: str, folds: np.ndarray
) -> np.ndarray:
    """Return codes (n,) or 0 and 1 (n, c), each fold decided by thresholds of the other folds."""
    decided = np.zeros(target.shape, dtype=np.int64)
    for fold in np.unique(folds):
        own = folds == fold
        fitted = fit_thresholds(probabilities[~own], target[~own], task)
        decided[own] = decide(task, probabilities[own], fitted)
    return decided
