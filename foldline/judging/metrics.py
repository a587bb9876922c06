"""All metrics by name, and the measuring of predictions with them.

    measure("classification", target, probabilities)["f1_macro"]
    METRICS["regression"]["pearson"].function(target, predicted, weights)

A new metric is a function of a `ClassSample` or a `ValueSample` in the task's module (there the
rules for unknown labels and weights are written) and a line in a table below. A value that is
not defined (no rows, one class only, predictions that are not finite) is NaN, without a warning.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.judging import classification, regression
from foldline.judging.classification import ClassRows, ClassSample, Codes, Floats, by_class
from foldline.judging.regression import ValueRows, ValueSample

Sample = TypeVar("Sample", ClassSample, ValueSample)
Measuring = Callable[[Floats | None], dict[str, float]]
ClassScores = TypedDict(
    "ClassScores",
    {"class": str, "support": int, "precision": float, "recall": float, "f1": float},
)


@dataclass(frozen=True)
class Metric(Generic[Sample]):
    """Describe a metric; `of` is its definition, `best` and `worst` are the ends of its range."""

    task: str
    name: str
    of: Callable[[Sample], float]
    greater_is_better: bool
    best: float
    worst: float

    def function(
        self, target: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None
    ) -> float:
        """Return the metric's value; arguments as those of `measure`."""
        return measure(self.task, target, predictions, weights, names=[self.name])[self.name]


def prepare(
    task: str,
    target: ArrayLike,
    predictions: ArrayLike,
    names: Sequence[str] | None = None,
    predicted: ArrayLike | None = None,
) -> Measuring:
    """Return the function from weights (n,), or None for all 1, to the metrics named.

    Use it to measure the same predictions under many weightings: sorting is done once.
    `predicted` are the chosen codes (n,), where they are not the most probable ones.
    Raises ValueError if a task or metric is unknown, or shapes, codes or weights do not fit.
    """
    chosen = _choose(task, names)
    n = np.asarray(target).shape[0] if np.ndim(target) == 1 else -1
    scores = np.asarray(predictions, dtype=np.float64)
    if scores.ndim != (2 if task == "classification" else 1) or len(scores) != n:
        raise ValueError(
            f"{task}: target {np.shape(target)} and predictions {scores.shape} do not fit; "
            "allowed: (n,) with (n, c) for classification, (n,) with (n,) for regression"
        )
    if task == "classification":
        rows = ClassRows(
            _codes("target", target, n, -1, scores.shape[1]),
            scores,
            None if predicted is None else _codes("predicted", predicted, n, 0, scores.shape[1]),
        )
        return lambda weights: _values(chosen, ClassSample(rows, _weights(weights, n)))
    values = ValueRows(np.asarray(target, dtype=np.float64), scores)
    return lambda weights: _values(chosen, ValueSample(values, _weights(weights, n)))


def measure(
    task: str,
    target: ArrayLike,
    predictions: ArrayLike,
    weights: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    predicted: ArrayLike | None = None,
) -> dict[str, float]:
    """Return the task's metrics, or those named, by name.

    Classification: target (n,) codes in [-1, c), where -1 is a label the model does not know,
    and predictions (n, c), probabilities. Regression: both (n,). Weights (n,) count rows.
    """
    given = None if weights is None else np.asarray(weights, dtype=np.float64)
    return prepare(task, target, predictions, names, predicted)(given)


def confusion(target: ArrayLike, predicted: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Return counts (c + 1, c): target down, prediction across; unknown targets are last."""
    true = _codes("target", target, len(np.asarray(target)), -1, n_classes)
    found = _codes("predicted", predicted, len(true), 0, n_classes)
    table = np.zeros((n_classes + 1, n_classes), dtype=np.int64)
    np.add.at(table, (true, found), 1)  # -1 is the last row by itself.
    return table


def per_class(
    target: ArrayLike, predictions: ArrayLike, classes: Sequence[str]
) -> list[ClassScores]:
    """Return the scores of each class, in order; a share of nothing is 0.

    Predictions are codes (n,) or probabilities (n, c).
    """
    found = np.asarray(predictions)
    table = confusion(target, found.argmax(axis=1) if found.ndim == 2 else found, len(classes))
    scores = by_class(table.astype(np.float64))
    return [
        {
            "class": name,
            "support": int(scores["support"][code]),
            "precision": float(scores["precision"][code]),
            "recall": float(scores["recall"][code]),
            "f1": float(scores["f1"][code]),
        }
        for code, name in enumerate(classes)
    ]


def _choose(task: str, names: Sequence[str] | None) -> list[Metric[Any]]:
    if task not in METRICS:
        raise ValueError(f"unknown task {task!r}; allowed: {', '.join(METRICS)}")
    known = METRICS[task]
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise ValueError(f"{task} has no metric {unknown}; allowed: {', '.join(known)}")
    return [known[name] for name in (known if names is None else names)]


def _codes(what: str, codes: ArrayLike, n: int, low: int, n_classes: int) -> Codes:
    array = np.asarray(codes)
    if array.shape != (n,) or (n and array.dtype.kind not in "iub"):
        raise ValueError(f"{what}: {array.dtype} {array.shape}; allowed: whole numbers, ({n},)")
    if n_classes < 1 or (n and not low <= array.min() <= array.max() < n_classes):
        found = f"[{array.min()}, {array.max()}]" if n else "none"
        raise ValueError(f"{what}: codes {found}; allowed: {low} to {n_classes - 1}")
    return array.astype(np.intp)


def _weights(weights: Floats | None, n: int) -> Floats:
    if weights is None:
        return np.ones(n)
    if weights.shape != (n,) or (n and not (weights.min() >= 0 and weights.max() < np.inf)):
        raise ValueError(f"weights {weights.shape}; allowed: ({n},), finite, none below 0")
    return weights


def _values(chosen: list[Metric[Sample]], sample: Sample) -> dict[str, float]:
    if not sample.defined:
        return {metric.name: float("nan") for metric in chosen}
    with np.errstate(all="ignore"):
        return {metric.name: metric.of(sample) for metric in chosen}


def _table(
    task: str, lines: Sequence[tuple[str, Callable[[Sample], float], float, float]]
) -> dict[str, Metric[Sample]]:
    return {
        name: Metric(task, name, of, best > worst, best, worst) for name, of, best, worst in lines
    }


# Name, definition, best and worst value.
CLASSIFICATION: dict[str, Metric[ClassSample]] = _table(
    "classification",
    [
        ("accuracy", classification.accuracy, 1, 0),
        ("precision_macro", partial(classification.macro, score="precision"), 1, 0),
        ("recall_macro", partial(classification.macro, score="recall"), 1, 0),
        ("f1_macro", partial(classification.macro, score="f1"), 1, 0),
        ("precision_weighted", partial(classification.weighted, score="precision"), 1, 0),
        ("recall_weighted", partial(classification.weighted, score="recall"), 1, 0),
        ("f1_weighted", partial(classification.weighted, score="f1"), 1, 0),
        ("roc_auc", classification.roc_auc, 1, 0),
        ("auprc", classification.auprc, 1, 0),
        ("ece", classification.ece, 0, 1),
        ("log_loss", classification.log_loss, 0, -float(np.log(classification.SMALLEST))),
        ("brier", classification.brier, 0, 2),
    ],
)
REGRESSION: dict[str, Metric[ValueSample]] = _table(
    "regression",
    [
        ("pearson", regression.pearson, 1, -1),
        ("spearman", regression.spearman, 1, -1),
        ("rmse", regression.rmse, 0, float("inf")),
        ("mae", regression.mae, 0, float("inf")),
        ("r2", regression.r2, 1, float("-inf")),
    ],
)
METRICS: Mapping[str, Mapping[str, Metric[Any]]] = {
    "classification": CLASSIFICATION,
    "regression": REGRESSION,
}
MAIN = {"classification": "f1_macro", "regression": "pearson"}
