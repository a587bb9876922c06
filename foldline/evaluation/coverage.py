"""How often conformal sets and intervals hold the truth, and how large they are.

Quantiles are of out-of-fold predictions, cross-fitted for those rows themselves. The models that
predict test rows are others than those of the folds, so coverage there is what was observed, not
what is guaranteed.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from foldline.core.io.labels import Labels
from foldline.evaluation.probabilities import Part
from foldline.metrics.calibration import wilson_interval
from foldline.metrics.conformal import (
    cover_classes,
    fit_class_quantiles,
    fit_interval,
    predict_sets,
)

# Whether the set of each row (n,), or of each label of a row (n, c), holds the truth; its size.
Covered = tuple[np.ndarray, np.ndarray]
# From known predictions and targets, and from new ones.
Cover = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Covered]


def report_intervals(known: Part, parts: Mapping[str, Part], level: float) -> dict[str, Any]:
    """Return half the width of the interval around a predicted number, and its coverage."""
    (predicted,) = known.predictions.values()

    def cover(known: np.ndarray, target: np.ndarray, new: np.ndarray, true: np.ndarray) -> Covered:
        half = fit_interval(known, target, level)
        return np.abs(true - new) <= half, np.full(len(new), 2 * half)

    report: dict[str, Any] = {
        "level": level,
        "half_width": fit_interval(predicted, known.target, level),
    }
    for name, part in parts.items():
        covered, widths = _cover_part(known, part, next(iter(part.predictions)), cover)
        report[name] = _summarize(covered, level) | {"mean_width": float(widths.mean())}
    return report


def report_sets(
    labels: Labels, known: Part, parts: Mapping[str, Part], final: str, level: float
) -> dict[str, Any]:
    """Return coverage and sizes of conformal sets, by one quantile and by one for each class.

    A class is in the set of a row from its `least_probability` on. Multilabel: sets of yes and no,
    of each label by itself.
    """
    report: dict[str, Any] = {"level": level}
    for key, by_class in (("marginal", False), ("by_class", True)):
        own: dict[str, Any] = {}
        cover = partial(_cover_sets, level=level, by_class=by_class)
        if labels.task == "classification":
            quantiles = fit_class_quantiles(known.predictions[final], known.target, level, by_class)
            least = np.maximum(1 - quantiles, 0.0).tolist()
            own["least_probability"] = dict(zip(labels.classes, least, strict=True))
        for name, part in parts.items():
            covered, sizes = _cover_part(known, part, final, cover)
            own[name] = _summarize(covered, level) | {
                "mean_size": float(sizes.mean()),
                "empty": float((sizes == 0).mean()),
                "single": float((sizes == 1).mean()),
                "coverage_by_class": _average_by_class(labels, part.target, covered),
            }
        report[key] = own
    return report


def _cover_part(known: Part, part: Part, final: str, cover: Cover) -> Covered:
    """Return the coverage of a part, by folds where it has them."""
    values, new = known.predictions[final], part.predictions[final]
    shape = part.target.shape
    covered, sizes = np.zeros(shape, dtype=bool), np.zeros(shape)
    for training, own in part.split(known):
        covered[own], sizes[own] = cover(
            values[training], known.target[training], new[own], part.target[own]
        )
    return covered, sizes


def _cover_sets(
    known: np.ndarray,
    target: np.ndarray,
    new: np.ndarray,
    true: np.ndarray,
    level: float,
    by_class: bool,
) -> Covered:
    """Return coverage and sizes of sets of classes (n,), or of yes and no of each label (n, c)."""
    if target.ndim == 1:
        sets = predict_sets(new, fit_class_quantiles(known, target, level, by_class))
        return cover_classes(sets, true), sets.sum(axis=1)
    labels = [
        _cover_sets(_both(known[:, k]), target[:, k], _both(new[:, k]), true[:, k], level, by_class)
        for k in range(target.shape[1])
    ]
    covered, sizes = zip(*labels, strict=True)
    return np.column_stack(covered), np.column_stack(sizes)


def _both(yes: np.ndarray) -> np.ndarray:
    """Return the probabilities of no and yes (n, 2)."""
    return np.column_stack([1 - yes, yes])


def _average_by_class(labels: Labels, target: np.ndarray, covered: np.ndarray) -> dict[str, float]:
    """Return the coverage of rows that have each class; NaN for a class without rows."""
    is_multilabel = labels.task == "multilabel"
    own = [
        covered[target[:, k] == 1, k] if is_multilabel else covered[target == k]
        for k in range(len(labels.classes))
    ]
    means = [float(rows.mean()) if len(rows) else float("nan") for rows in own]
    return dict(zip(labels.classes, means, strict=True))


def _summarize(covered: np.ndarray, level: float) -> dict[str, float]:
    low, high = wilson_interval(float(covered.sum()), covered.size, level)
    return {"coverage": float(covered.mean()), "low": low, "high": high}
