"""All metrics by name, and the functions that compute them.

    measure("classification", target, probabilities)["f1_macro"]
    METRICS["regression"]["pearson"].function(target, predicted, weights)

A new metric is a function of a `ClassSample`, `LabelSample` or `ValueSample` in the task's module
(which states the rules for unknown labels and weights) and a line in a table below. An undefined
value (no rows, one class only, predictions that are not finite) is NaN, without a warning;
`undefined.explain_undefined` says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.metrics import classification, multilabel, regression, validation
from foldline.metrics.classification import ClassRows, ClassSample, score_counts
from foldline.metrics.multilabel import LabelRows, LabelSample
from foldline.metrics.regression import ValueRows, ValueSample
from foldline.metrics.weighted_sample import Codes, Floats, Value

Sample = TypeVar("Sample", ClassSample, LabelSample, ValueSample)
WeightedMeasure = Callable[[Floats | None], dict[str, float]]
ClassScores = TypedDict(
    "ClassScores",
    {"class": str, "support": int, "precision": float, "recall": float, "f1": float},
)


@dataclass(frozen=True)
class Metric(Generic[Sample]):
    """A metric; `compute` is its definition, `best` and `worst` are the ends of its range.

    `of_labels`: it depends on targets and predicted labels alone, not on probabilities.
    """

    task: str
    name: str
    compute: Callable[[Sample], Value]
    greater_is_better: bool
    best: float
    worst: float
    of_labels: bool

    @property
    def batched(self) -> bool:
        """Return whether many weightings of rows are measured at once."""
        return self.of_labels or self.task == "regression"

    def function(
        self,
        target: ArrayLike,
        predictions: ArrayLike,
        weights: ArrayLike | None = None,
        classes: Sequence[str] | None = None,
    ) -> float:
        """Return the metric's value; arguments as those of `measure`."""
        values = measure(self.task, target, predictions, weights, [self.name], classes=classes)
        return values[self.name]


@dataclass(frozen=True)
class Measurement:
    """Metrics of the same predictions under many weightings; rows are sorted only once."""

    metrics: Sequence[Metric[Any]]
    rows: Any
    sample: Callable[[Any, Floats], Any]
    n: int

    def __call__(self, weights: Floats | None) -> dict[str, float]:
        """Return the metrics under weights (n,), or None for all 1."""
        sample = self.sample(self.rows, validation.check_weights(weights, self.n))
        if not sample.defined:
            return {metric.name: float("nan") for metric in self.metrics}
        with np.errstate(all="ignore"):
            return {metric.name: float(metric.compute(sample)) for metric in self.metrics}

    def compute_many(self, weights: Floats) -> dict[str, Floats]:
        """Return batched metrics (b,) under weightings (n, b)."""
        sample = self.sample(self.rows, weights)
        with np.errstate(all="ignore"):
            return {
                metric.name: np.where(sample.defined, metric.compute(sample), float("nan"))
                for metric in self.metrics
            }

    def select(self, batched: bool) -> "Measurement":
        """Return the batched metrics, or the others."""
        return replace(self, metrics=[m for m in self.metrics if m.batched == batched])

    def take(self, rows: Codes) -> "Measurement":
        """Return the same of some of the rows."""
        return replace(self, rows=self.rows.take(rows), n=len(rows))


def prepare_metrics(
    task: str,
    target: ArrayLike,
    predictions: ArrayLike,
    names: Sequence[str] | None = None,
    predicted: ArrayLike | None = None,
    classes: Sequence[str] | None = None,
) -> Measurement:
    """Return the function from weights (n,), or None for all 1, to the metrics named.

    It measures the same predictions under many weightings, and sorts only once. `predicted` are
    codes (n,) if they are not the most probable ones. `classes` (c,) are the names of the classes.

    Raises:
        ValueError: if a task or metric is unknown, or shapes, codes or weights do not match.
    """
    metrics = _select_metrics(task, names)
    rows, sample = _prepare_rows(task, target, predictions, predicted, classes)
    return Measurement(metrics, rows, sample, len(np.asarray(predictions)))


def _prepare_rows(
    task: str,
    target: ArrayLike,
    predictions: ArrayLike,
    predicted: ArrayLike | None,
    classes: Sequence[str] | None,
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
        return ClassRows(true, scores, codes, _parse_numbers(classes, c)), ClassSample
    return ValueRows(np.asarray(target, dtype=np.float64), scores), ValueSample


def _parse_numbers(classes: Sequence[str] | None, c: int) -> Floats | None:
    """Return the classes (c,) as numbers, None if they are not all numbers."""
    if classes is None:
        return None
    if len(classes) != c:
        raise ValueError(f"classes: {len(classes)}; allowed: {c}, one for each column")
    try:
        values = np.array([float(name) for name in classes])
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def measure(
    task: str,
    target: ArrayLike,
    predictions: ArrayLike,
    weights: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    predicted: ArrayLike | None = None,
    classes: Sequence[str] | None = None,
) -> dict[str, float]:
    """Return the task's metrics, or those named, by name.

    Classification: target (n,) codes in [-1, c), where -1 is a label the model does not know,
    and predictions (n, c), probabilities. Multilabel: target (n, c) of 0 and 1, and the same.
    Regression: both (n,). Weights (n,) count rows. `classes` (c,) are the names of the classes:
    `qwk` needs those that are numbers.
    """
    row_weights = None if weights is None else np.asarray(weights, dtype=np.float64)
    return prepare_metrics(task, target, predictions, names, predicted, classes)(row_weights)


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
    table = confusion_matrix(target, codes, len(classes)).astype(np.float64)
    scores = score_counts(table.diagonal(), table[:-1].sum(axis=1), table.sum(axis=0))
    return _list_class_scores(scores, classes)


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


Line = tuple[str, Callable[[Sample], Value], float, float]


def _make_table(
    task: str, of_labels: Sequence[Line[Sample]], others: Sequence[Line[Sample]]
) -> dict[str, Metric[Sample]]:
    lines = [(line, True) for line in of_labels] + [(line, False) for line in others]
    return {
        name: Metric(task, name, compute, best > worst, best, worst, counted)
        for (name, compute, best, worst), counted in lines
    }


_MAX_LOG_LOSS = -float(np.log(classification.MIN_PROBABILITY))
CLASSIFICATION: dict[str, Metric[ClassSample]] = _make_table(
    "classification",
    [
        ("accuracy", classification.accuracy, 1, 0),
        ("balanced_accuracy", classification.balanced_accuracy, 1, 0),
        ("top3_accuracy", classification.top3_accuracy, 1, 0),
        ("precision_macro", partial(classification.macro, score="precision"), 1, 0),
        ("recall_macro", partial(classification.macro, score="recall"), 1, 0),
        ("f1_macro", partial(classification.macro, score="f1"), 1, 0),
        ("f1_micro", classification.accuracy, 1, 0),
        ("precision_weighted", partial(classification.weighted, score="precision"), 1, 0),
        ("recall_weighted", partial(classification.weighted, score="recall"), 1, 0),
        ("f1_weighted", partial(classification.weighted, score="f1"), 1, 0),
        ("mcc", classification.mcc, 1, -1),
        ("qwk", classification.qwk, 1, -1),
    ],
    [
        ("roc_auc", classification.roc_auc, 1, 0),
        ("auprc", classification.auprc, 1, 0),
        ("ece", classification.ece, 0, 1),
        ("log_loss", classification.log_loss, 0, _MAX_LOG_LOSS),
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
    ],
    [
        ("roc_auc", multilabel.roc_auc, 1, 0),
        ("auprc", multilabel.auprc, 1, 0),
        ("ece", multilabel.ece, 0, 1),
        ("log_loss", multilabel.log_loss, 0, _MAX_LOG_LOSS),
        ("brier", multilabel.brier, 0, 1),
    ],
)
REGRESSION: dict[str, Metric[ValueSample]] = _make_table(
    "regression",
    [],
    [
        ("pearson", regression.pearson, 1, -1),
        ("spearman", regression.spearman, 1, -1),
        ("rmse", regression.rmse, 0, float("inf")),
        ("mae", regression.mae, 0, float("inf")),
        ("mape", regression.mape, 0, float("inf")),
        ("r2", regression.r2, 1, float("-inf")),
    ],
)
METRICS: Mapping[str, Mapping[str, Metric[Any]]] = {
    "classification": CLASSIFICATION,
    "multilabel": MULTILABEL,
    "regression": REGRESSION,
}
