"""All metrics by name, and the measuring of predictions with them.

    measure("classification", target, probabilities)["f1_macro"]
    METRICS["regression"]["pearson"].function(target, predicted, weights)

A new metric is a function of a `ClassSample`, `LabelSample` or `ValueSample` in the task's module
(there the rules for unknown labels and weights are written) and a line in a table below. A value
that is not defined (no rows, one class only, predictions that are not finite) is NaN, without a
warning.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.metrics import classification, multilabel, regression, validation
from foldline.metrics.classification import ClassRows, ClassSample, by_class
from foldline.metrics.multilabel import LabelRows, LabelSample
from foldline.metrics.regression import ValueRows, ValueSample
from foldline.metrics.weighted_sample import Floats

Sample = TypeVar("Sample", ClassSample, LabelSample, ValueSample)
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
    scores = np.asarray(predictions, dtype=np.float64)
    n = validation.fitting(task, np.shape(target), scores.shape)
    if task == "multilabel":
        given = None if predicted is None else validation.indicators(predicted, scores)
        labels = LabelRows(validation.indicators(target, scores), scores, given)
        return lambda weights: _values(chosen, LabelSample(labels, validation.weights(weights, n)))
    if task == "classification":
        c = scores.shape[1]
        given = None if predicted is None else validation.codes("predicted", predicted, n, 0, c)
        rows = ClassRows(validation.codes("target", target, n, -1, c), scores, given)
        return lambda weights: _values(chosen, ClassSample(rows, validation.weights(weights, n)))
    values = ValueRows(np.asarray(target, dtype=np.float64), scores)
    return lambda weights: _values(chosen, ValueSample(values, validation.weights(weights, n)))


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
    and predictions (n, c), probabilities. Multilabel: target (n, c) of 0 and 1, and the same.
    Regression: both (n,). Weights (n,) count rows.
    """
    given = None if weights is None else np.asarray(weights, dtype=np.float64)
    return prepare(task, target, predictions, names, predicted)(given)


def confusion(target: ArrayLike, predicted: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Return counts (c + 1, c): target down, prediction across; unknown targets are last."""
    true = validation.codes("target", target, len(np.asarray(target)), -1, n_classes)
    found = validation.codes("predicted", predicted, len(true), 0, n_classes)
    table = np.zeros((n_classes + 1, n_classes), dtype=np.int64)
    np.add.at(table, (true, found), 1)  # -1 is the last row by itself.
    return table


def per_class(
    target: ArrayLike, predictions: ArrayLike, classes: Sequence[str]
) -> list[ClassScores]:
    """Return the scores of each class, in order; a share of nothing is 0.

    Predictions are codes (n,) or probabilities (n, c); of task multilabel the target is (n, c).
    """
    found = np.asarray(predictions)
    if np.ndim(target) == 2:
        rows = LabelRows(np.asarray(target), np.asarray(found, dtype=np.float64), None)
        return _by_name(LabelSample(rows, np.ones(len(found))).scores, classes)
    table = confusion(target, found.argmax(axis=1) if found.ndim == 2 else found, len(classes))
    return _by_name(by_class(table.astype(np.float64)), classes)


def _by_name(scores: Mapping[str, Floats], classes: Sequence[str]) -> list[ClassScores]:
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
MULTILABEL: dict[str, Metric[LabelSample]] = _table(
    "multilabel",
    [
        ("accuracy", multilabel.accuracy, 1, 0),
        ("precision_macro", partial(multilabel.macro, score="precision"), 1, 0),
        ("recall_macro", partial(multilabel.macro, score="recall"), 1, 0),
        ("f1_macro", partial(multilabel.macro, score="f1"), 1, 0),
        ("f1_micro", multilabel.micro_f1, 1, 0),
        ("f1_weighted", partial(multilabel.weighted, score="f1"), 1, 0),
        ("f1_samples", multilabel.samples_f1, 1, 0),
        ("hamming", multilabel.hamming, 0, 1),
        ("roc_auc", multilabel.roc_auc, 1, 0),
        ("auprc", multilabel.auprc, 1, 0),
        ("ece", multilabel.ece, 0, 1),
        ("log_loss", multilabel.log_loss, 0, -float(np.log(classification.SMALLEST))),
        ("brier", multilabel.brier, 0, 1),
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
    "multilabel": MULTILABEL,
    "regression": REGRESSION,
}
