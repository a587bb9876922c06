"""Linear models of one class against the rest: how they are put to a learner, and what they say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.models.soft_labels import expand_soft_targets

# (features (n, f), holds (n,) 0 or 1, shares (n,) or None) -> weights (f,), bias
Learner = Callable[[Any, np.ndarray, np.ndarray | None], tuple[np.ndarray, float]]


@dataclass(frozen=True)
class LinearModel:
    """A linear model, one row of `weights` for each output: (k, features), `bias` (k,).

    `codes` are the classes that were learnt: none for numbers; of two, the output is the second.
    Of several labels at once each has its output; an infinite bias says always, or never.
    """

    weights: np.ndarray
    bias: np.ndarray
    codes: np.ndarray

    def predict(self, features: Any, labels: Labels) -> np.ndarray:
        """Give (n, c) probabilities or (n,) numbers; 0 for a class that was not learnt."""
        from scipy.special import expit

        if labels.task == "classification" and len(self.codes) == 1:
            return constant_probabilities(self.codes, features.shape[0], labels)
        scores = np.asarray(features @ self.weights.T) + self.bias
        if labels.task == "regression":
            return np.asarray(scores[:, 0])
        found = np.asarray(expit(scores))
        return (
            found
            if labels.task == "multilabel"
            else expand_probabilities(found, self.codes, labels)
        )


@dataclass(frozen=True)
class OneVsRestTargets:
    """Which rows of the features to learn from, and for each output whether they hold it.

    `places` are row numbers (a row with a soft label stands once for each of its classes),
    `holds` is (m, k) of 0 and 1, `shares` the rows' weights (m,) or None, `codes` as in Linear;
    `rivals` says that a row holds one output alone, and that each class has its own.
    """

    rows: Any
    indicators: np.ndarray
    sample_weight: np.ndarray | None
    codes: np.ndarray
    exclusive: bool


def one_vs_rest_targets(
    target: np.ndarray, labels: Labels, weights: np.ndarray | None = None
) -> OneVsRestTargets:
    """Put targets (see `soft.targets_of`) as one class against the rest, each.

    `weights` (n,) are those of the rows, None for 1 each.

    Raises:
        FoldlineError: where several labels at once have shares, which no output can learn.
    """
    if labels.task == "multilabel":
        if not np.isin(target, (0, 1)).all():
            raise FoldlineError(
                "no linear model learns from shares of people with task=multilabel: "
                "set data.annotations.aggregate to majority"
            )
        return OneVsRestTargets(slice(None), target, weights, np.arange(target.shape[1]), False)
    places, codes, shares = expand_soft_targets(target, weights)
    known = np.unique(codes)
    outputs = known if len(known) > 2 else known[1:]
    return OneVsRestTargets(places, codes[:, None] == outputs, shares, known, len(known) > 2)


def fit_each(
    learn: Learner, features: Any, holds: np.ndarray, shares: np.ndarray | None
) -> LinearModel:
    """Learn every output by itself; one that all rows hold, or none does, is certain."""
    weights = np.zeros((holds.shape[1], features.shape[1]))
    bias = np.zeros(holds.shape[1])
    for output in range(holds.shape[1]):
        column = holds[:, output]
        if column.all() or not column.any():
            bias[output] = np.inf if column.all() else -np.inf
        else:
            weights[output], bias[output] = learn(features, column, shares)
    return LinearModel(weights, bias, np.arange(holds.shape[1]))


def expand_probabilities(found: np.ndarray, codes: np.ndarray, labels: Labels) -> np.ndarray:
    """Give (n, c) probabilities from those of the learnt classes, which sum to 1 then.

    `found` (n, k) stands for one class against the rest, each; of two it holds the second alone.
    """
    if len(codes) == 2 and found.shape[1] == 1:
        found = np.column_stack([1 - found, found])
    probabilities = np.zeros((len(found), len(labels.classes)))
    probabilities[:, codes] = found / found.sum(axis=1, keepdims=True)
    return probabilities


def constant_probabilities(codes: np.ndarray, rows: int, labels: Labels) -> np.ndarray:
    """Give (n, c) probabilities where one class alone was learnt."""
    probabilities = np.zeros((rows, len(labels.classes)))
    probabilities[:, codes] = 1.0
    return probabilities
