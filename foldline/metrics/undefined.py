"""Why a metric is undefined, in words: a report shows the reason in place of a number."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from foldline.metrics.classification import TOP, ClassRows
from foldline.metrics.multilabel import LabelRows
from foldline.metrics.registry import prepare_metrics
from foldline.metrics.regression import ValueRows

UNKNOWN = "no row has a label that the model knows"


def explain_undefined(
    task: str,
    target: ArrayLike,
    predictions: ArrayLike,
    predicted: ArrayLike | None = None,
    classes: Sequence[str] | None = None,
) -> dict[str, str]:
    """Return the reason for each metric of the task that is NaN; arguments as of `measure`."""
    metrics = prepare_metrics(task, target, predictions, None, predicted, classes)
    missing = [name for name, value in metrics(None).items() if np.isnan(value)]
    return {name: _explain(name, metrics.rows, metrics.n) for name in missing}


def _explain(name: str, rows: Any, n: int) -> str:
    if not n:
        return "no rows"
    if len(rows.broken):
        return f"{len(rows.broken)} of {n} rows have a prediction or target that is not finite"
    if isinstance(rows, ClassRows):
        return _explain_classes(name, rows)
    if isinstance(rows, LabelRows):
        return _explain_labels(name, rows)
    return _explain_values(name, rows)


def _explain_classes(name: str, rows: ClassRows) -> str:
    unknown = int((rows.target < 0).sum())
    if name == "top3_accuracy":
        return f"needs more than {TOP} classes, and there are {rows.n_classes}"
    if name == "qwk" and rows.class_values is None:
        return "the classes are not numbers"
    if unknown == len(rows.target):
        return UNKNOWN
    if name == "qwk" and unknown:
        return f"{unknown} rows have a label that the model does not know"
    if name == "mcc" and len(np.unique(rows.target)) > 1:
        return "only one class is predicted"
    return "only one class among the rows"


def _explain_labels(name: str, rows: LabelRows) -> str:
    if name in ("roc_auc", "auprc") and rows.target.any():
        return "no label has both rows with it and rows without it"
    if name in ("roc_auc", "auprc", "f1_weighted"):
        return "no row has a label"
    return "no row has a label, and none is predicted"


def _explain_values(name: str, rows: ValueRows) -> str:
    if name == "mape":
        return f"{int((rows.target == 0).sum())} targets are 0"
    if len(rows.target) == 1:
        return "only one row"
    if (rows.target == rows.target[0]).all():
        return "all targets are equal"
    constant = (rows.predicted == rows.predicted[0]).all()
    return "all predictions are equal" if constant else "the numbers are too large"
