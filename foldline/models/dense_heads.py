"""Heads over dense features of a few hundred dimensions: linear, k-NN, MLP."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

import numpy as np

from foldline.core.io.arrays import encode_name
from foldline.core.io.labels import Labels
from foldline.core.params import DenseHead, LinearOptions
from foldline.models.knn_head import KnnHead
from foldline.models.mlp_head import MlpHead
from foldline.models.one_vs_rest import (
    LinearModel,
    constant_probabilities,
    expand_probabilities,
    fit_each,
    one_vs_rest_targets,
)
from foldline.models.scaling import balance_classes, mean_and_scale, softmax
from foldline.models.soft_labels import expand_soft_targets

MAX_ITERATIONS = 500  # of the solver; a few dozen are usual
NO_CODES = np.zeros(0, dtype=np.int64)


class Head(Protocol):
    """Features (n, f) in, (n, c) probabilities or (n,) numbers out."""

    def predict(self, features: np.ndarray, labels: Labels) -> np.ndarray:
        """Return (n, c) probabilities, independent ones for multilabel, or (n,) values."""
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to save."""
        ...


def fit_head(
    options: DenseHead,
    features: np.ndarray,
    target: np.ndarray,
    labels: Labels,
    weights: np.ndarray | None,
    seed: int,
) -> Head:
    """Fit the head that `options.head` names to the targets of `soft_labels.training_targets`.

    `weights` (n,) are the rows' weights, None for 1 each.
    """
    if labels.task == "classification":
        codes = np.unique(expand_soft_targets(target)[1])
        if len(codes) == 1:
            return ConstantHead(codes)
    if options.head == "linear":
        return fit_linear(options, features, target, labels, weights)
    if options.head == "knn":
        return KnnHead.fit(options, features, target, labels, weights)
    return MlpHead.fit(options, features, target, labels, weights, seed)


def fit_linear(
    options: LinearOptions,
    features: np.ndarray,
    target: np.ndarray,
    labels: Labels,
    weights: np.ndarray | None,
) -> Head:
    """Fit a linear head to standardised features whose rows have length 1 on average."""
    from sklearn.linear_model import Ridge

    mean, scale = mean_and_scale(features)
    scale = scale * np.sqrt(features.shape[1])
    rows = (features - mean) / scale
    if labels.task == "regression":
        ridge = Ridge(alpha=options.alpha).fit(rows, target, weights)
        fitted = LinearModel(
            ridge.coef_.reshape(1, -1), np.array([float(ridge.intercept_)]), NO_CODES
        )
    else:
        targets = one_vs_rest_targets(target, labels, weights)
        if len(targets.codes) == 1 and labels.task == "classification":
            return ConstantHead(targets.codes)
        rows = rows[targets.rows]
        if labels.task == "multilabel" or targets.indicators.shape[1] == 1:
            fitted = fit_each(
                partial(_fit_logistic, options), rows, targets.indicators, targets.sample_weight
            )
        else:
            codes = expand_soft_targets(target)[1]
            fitted = LinearModel(
                *_fit_softmax(options, rows, codes, targets.sample_weight), NO_CODES
            )
        fitted = LinearModel(fitted.weights, fitted.bias, targets.codes)
    # Fold the scaling into the weights, so that the head takes raw features.
    bias = fitted.bias - fitted.weights @ (mean / scale)
    return LinearHead(fitted.weights / scale, bias, fitted.codes)


def restore_head(arrays: dict[str, np.ndarray]) -> Head:
    """Rebuild the head from its saved arrays."""
    fields = dict(arrays)
    kind = HEADS[fields.pop("head").tobytes().decode()]
    return cast(Head, kind(**fields))


@dataclass(frozen=True)
class ConstantHead:
    """Training had a single class: `codes` (1,)."""

    codes: np.ndarray

    def predict(self, features: np.ndarray, labels: Labels) -> np.ndarray:
        """Return (n, c) one-hot predictions."""
        return constant_probabilities(self.codes, len(features), labels)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the class."""
        return {"head": encode_name("certain"), "codes": self.codes}


@dataclass(frozen=True)
class LinearHead:
    """Multinomial logistic regression, one logistic for each label, or ridge regression.

    `weights` (k, f), `bias` (k,), `codes` the classes seen in training.
    """

    weights: np.ndarray
    bias: np.ndarray
    codes: np.ndarray

    def predict(self, features: np.ndarray, labels: Labels) -> np.ndarray:
        """Return probabilities or values."""
        if labels.task != "classification" or len(self.weights) == 1:
            return LinearModel(self.weights, self.bias, self.codes).predict(features, labels)
        return expand_probabilities(
            softmax(features @ self.weights.T + self.bias), self.codes, labels
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Return weights, bias and codes."""
        fields = {"weights": self.weights, "bias": self.bias, "codes": self.codes}
        return {"head": encode_name("linear")} | fields


def _fit_logistic(
    options: LinearOptions, rows: np.ndarray, holds: np.ndarray, shares: np.ndarray | None
) -> tuple[np.ndarray, float]:
    codes = holds.astype(np.int64)
    weights, bias = _fit_softmax(options, rows, codes, shares)
    return weights[0], bias[0]


def _fit_softmax(
    options: LinearOptions, rows: np.ndarray, codes: np.ndarray, shares: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=options.c, max_iter=MAX_ITERATIONS)
    regression.fit(rows, codes, sample_weight=balance_classes(options.class_weights, codes, shares))
    return regression.coef_, regression.intercept_


HEADS: dict[str, Any] = {
    "certain": ConstantHead,
    "linear": LinearHead,
    "knn": KnnHead,
    "mlp": MlpHead,
}
