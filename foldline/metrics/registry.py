"""All metrics by name, and the functions that compute them.

    measure("classification", target, probabilities)["f1_macro"]
    METRICS["regression"]["pearson"].function(target, predicted, weights)

A new metric is a function of a `ClassSample`, `LabelSample` or `ValueSample` in the task's module
(which states the rules for unknown labels and weights) and a line in a table below. An undefined
value (no rows, one class only, predictions that are not finite) is NaN, without a warning.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.metrics import classification, multilabel, regression, validation
from foldline.metrics.classification import ClassRows, ClassSample, score_table
from foldline.metrics.multilabel import LabelRows, LabelSample
from foldline.metrics.regression import ValueRows, ValueSample
from foldline.metrics.weighted_sample import Floats

Sample = TypeVar("Sample", ClassSample, LabelSample, ValueSample)
WeightedMeasure = Callable[[Floats | None], dict[str, float]]
ClassScores = TypedDict(
    "ClassScores",
    {"class": str, "support": int, "precision": float, "recall": float, "f1": float},
)


@dataclass(frozen=True)
class Metric(Generic[Sample]):
    """A metric; `compute` is its definition, `best` and `worst` are the ends of its range."""

    task: str
    name: str
    compute: Callable[[Sample], float]
    greater_is_better: bool
    best: float
    worst: float

    def function(
        self, target: ArrayLike, predictions: ArrayLike, weights: ArrayLike | None = None
    ) -> float:
        """Return the metric's value; arguments as those of `measure`."""
        return measure(self.task, target, predictions, weights, names=[self.name])[self.name]


def prepare_metrics(
    task: str,
    target: ArrayLike,
    predictions: ArrayLike,
    names: Sequence[str] | None = None,
    predicted: ArrayLike | None = None,
) -> WeightedMeasure:
    """Return the function from weights (n,), or None for all 1, to the metrics named.

    It measures the same predictions under many weightings, and sorts only once. `predicted` are
    codes (n,) if they are not the most probable ones.

    Raises:
        ValueError: if a task or metric is unknown, or shapes, codes or weights do not match.
    """
    metrics = _select_metrics(task, names)
    rows, sample = _prepare_rows(task, target, predictions, predicted)
    n = len(np.asarray(predictions))

    def compute(weights: Floats | None) -> dict[str, float]:
        return _compute_values(metrics, sample(rows, validation.check_weights(weights, n)))

    return compute


def _prepare_rows(
    task: str, target: ArrayLike, predictions: ArrayLike, predicted: ArrayLike | None
) -> tuple[Any, Callable[[Any, Floats], Any]]:
    """Return the checked rows of a task, and the class of its samples."""
    scores = np.asarray(predictions, dtype=np.float64)
    n = validation.check_shapes(task, np.shape(target), scores.shape)
    if task == "multilabel":
        labels = None if predicted is None else validation.check_indicators(predicted, scores)
        return LabelRows(validation.check_indicators(target, scores), scores, labels), LabelSample
    if task == "classification":
        c = scores.shape[1]
        codes = None
        if predicted is not None:
            codes = validation.check_codes("predicted", predicted, n, 0, c)
        true = validation.check_codes("target", target, n, -1, c)
        return ClassRows(true, scores, codes), ClassSample
    return ValueRows(np.asarray(target, dtype=np.float64), scores), ValueSample


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
    row_weights = None if weights is None else np.asarray(weights, dtype=np.float64)
    return prepare_metrics(task, target, predictions, names, predicted)(row_weights)


def confusion_matrix(target: ArrayLike, predicted: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Return counts (c + 1, c): target down, prediction across; unknown targets are last."""
    true = validation.check_codes("target", target, len(np.asarray(target)), -1, n_classes)
    codes = validation.check_codes("predicted", predicted, len(true), 0, n_classes)
    table = np.zeros((n_classes + 1, n_classes), dtype=np.int64)
    np.add.at(table, (true, codes), 1)  # -1 indexes the last row
    return table


def score_classes(
    target: ArrayLike, predictions: ArrayLike, classes: Sequence[str]
) -> list[ClassScores]:
    """Return the scores of each class, in order; 0 / 0 counts as 0.

    Predictions are codes (n,) or probabilities (n, c); of task multilabel the target is (n, c).
    """
    values = np.asarray(predictions)
    if np.ndim(target) == 2:
        rows = LabelRows(np.asarray(target), np.asarray(values, dtype=np.float64), None)
        return _list_class_scores(LabelSample(rows, np.ones(len(values))).scores, classes)
    codes = values.argmax(axis=1) if values.ndim == 2 else values
    table = confusion_matrix(target, codes, len(classes))
    return _list_class_scores(score_table(table.astype(np.float64)), classes)


def _list_class_scores(scores: Mapping[str, Floats], classes: Sequence[str]) -> list[ClassScores]:
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


def _select_metrics(task: str, names: Sequence[str] | None) -> list[Metric[Any]]:
    if task not in METRICS:
        raise ValueError(f"unknown task {task!r}; allowed: {', '.join(METRICS)}")
    metrics = METRICS[task]
    unknown = [name for name in names or () if name not in metrics]
    if unknown:
        raise ValueError(f"{task} has no metric {unknown}; allowed: {', '.join(metrics)}")
    return [metrics[name] for name in (metrics if names is None else names)]


def _compute_values(metrics: list[Metric[Sample]], sample: Sample) -> dict[str, float]:
    if not sample.defined:
        return {metric.name: float("nan") for metric in metrics}
    with np.errstate(all="ignore"):
        return {metric.name: metric.compute(sample) for metric in metrics}


def _make_table(
    task: str, lines: Sequence[tuple[str, Callable[[Sample], float], float, float]]
) -> dict[str, Metric[Sample]]:
    return {
        name: Metric(task, name, compute, best > worst, best, worst)
        for name, compute, best, worst in lines
    }


# Name, definition, best and worst value.
CLASSIFICATION: dict[str, Metric[ClassSample]] = _make_table(
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
        ("log_loss", classification.log_loss, 0, -float(np.log(classification.MIN_PROBABILITY))),
        ("brier", classification.brier, 0, 2),
    ],
)
MULTILABEL: dict[str, Metric[LabelSample]] = _make_table(
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
        ("log_loss", multilabel.log_loss, 0, -float(np.log(classification.MIN_PROBABILITY))),
        ("brier", multilabel.brier, 0, 1),
    ],
)
REGRESSION: dict[str, Metric[ValueSample]] = _make_table(
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
