"""One-vs-rest linear models: their training targets, fitting and probabilities."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.core.progress import show_progress
from foldline.models.soft_labels import expand_soft_targets

# (features (n, f), indicators (n,) 0 or 1, sample_weight (n,) or None) -> weights (f,), bias
Learner = Callable[[Any, np.ndarray, np.ndarray | None], tuple[np.ndarray, float]]


@dataclass(frozen=True)
class LinearModel:
    """A linear model with `weights` (k, features) and `bias` (k,), one row for each output.

    `codes` are the classes seen in training, empty for regression; with two, the output is the
    second. Multilabel has an output for each label; an infinite bias means always or never.
    """

    weights: np.ndarray
    bias: np.ndarray
    codes: np.ndarray

    def predict(self, features: Any, labels: Labels) -> np.ndarray:
        """Return (n, c) probabilities or (n,) values; 0 for a class unseen in training."""
        from scipy.special import expit

        if labels.task == "classification" and len(self.codes) == 1:
            return constant_probabilities(self.codes, features.shape[0], labels)
        scores = np.asarray(features @ self.weights.T) + self.bias
        if labels.task == "regression":
            return np.asarray(scores[:, 0])
        probabilities = np.asarray(expit(scores))
        return (
            probabilities
            if labels.task == "multilabel"
            else expand_probabilities(probabilities, self.codes, labels)
        )


@dataclass(frozen=True)
class OneVsRestTargets:
    """The rows to train on and, for each output, which of them are positive.

    `rows` are row numbers (a row with a soft label occurs once for each of its classes),
    `indicators` (m, k) are 0 or 1, `sample_weight` is (m,) or None, `codes` as in LinearModel.
    `exclusive` says that each row is positive for exactly one of more than two classes.
    """

    rows: Any
    indicators: np.ndarray
    sample_weight: np.ndarray | None
    codes: np.ndarray
    exclusive: bool


def one_vs_rest_targets(
    target: np.ndarray, labels: Labels, weights: np.ndarray | None = None
) -> OneVsRestTargets:
    """Turn targets (see `training_targets`) into binary indicators, one class against the rest.

    `weights` (n,) are the rows' weights, None for 1 each.

    Raises:
        FoldlineError: for soft multilabel targets, which no output can learn.
    """
    if labels.task == "multilabel":
        if not np.isin(target, (0, 1)).all():
            raise FoldlineError(
                "linear models do not support soft labels with task=multilabel: set "
                "data.annotations.aggregate to majority"
            )
        return OneVsRestTargets(slice(None), target, weights, np.arange(target.shape[1]), False)
    rows, codes, sample_weight = expand_soft_targets(target, weights)
    classes = np.unique(codes)
    outputs = classes if len(classes) > 2 else classes[1:]
    return OneVsRestTargets(
        rows, codes[:, None] == outputs, sample_weight, classes, len(classes) > 2
    )


def fit_each(
    learn: Learner, features: Any, indicators: np.ndarray, sample_weight: np.ndarray | None
) -> LinearModel:
    """Fit every output by itself; one that is positive for all rows, or for none, is constant."""
    weights = np.zeros((indicators.shape[1], features.shape[1]))
    bias = np.zeros(indicators.shape[1])
    outputs = range(indicators.shape[1])
    for output in show_progress(outputs, "classes", "class", len(outputs)):
        column = indicators[:, output]
        if column.all() or not column.any():
            bias[output] = np.inf if column.all() else -np.inf
        else:
            weights[output], bias[output] = learn(features, column, sample_weight)
    return LinearModel(weights, bias, np.arange(indicators.shape[1]))


def expand_probabilities(scores: np.ndarray, codes: np.ndarray, labels: Labels) -> np.ndarray:
    """Return (n, c) probabilities that sum to 1 from those of the classes seen in training.

    `scores` (n, k) are one-vs-rest probabilities; of two classes they hold the second alone.
    """
    if len(codes) == 2 and scores.shape[1] == 1:
        scores = np.column_stack([1 - scores, scores])
    probabilities = np.zeros((len(scores), len(labels.classes)))
    probabilities[:, codes] = scores / scores.sum(axis=1, keepdims=True)
    return probabilities


def constant_probabilities(codes: np.ndarray, rows: int, labels: Labels) -> np.ndarray:
    """Return (n, c) probabilities where training had a single class."""
    probabilities = np.zeros((rows, len(labels.classes)))
    probabilities[:, codes] = 1.0
    return probabilities
