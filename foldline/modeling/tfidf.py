"""TF-IDF of words and of characters within words, under a linear model.

Characters are what makes it strong for Korean, where a word hides its stem behind particles.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.frame.files import read_json, write_json
from foldline.frame.labels import Labels
from foldline.frame.params import Recipe
from foldline.modeling.bags import bags, described, fit_bags, joined, restored
from foldline.modeling.fitted import Fitted, Job
from foldline.modeling.pairs import pair_measures
from foldline.modeling.soft import targets_of, unrolled

# Arrays and JSON: a pickle opens in one scikit-learn alone, runs code, and has other bytes in
# another process.
ARRAYS, VOCABULARIES = "tfidf.npz", "tfidf.json"
# The score of a label that every training row has, and less it of one that none has.
CERTAIN = 20.0


@dataclass(frozen=True)
class Linear:
    """A linear model, one row of `weights` for each output: (k, features), `bias` (k,).

    `codes` are the classes that were learnt: none for numbers; of two, the output is the second.
    """

    weights: np.ndarray
    bias: np.ndarray
    codes: np.ndarray


@dataclass(frozen=True)
class Scaler:
    """Mean and spread of the measures of pairs, (m,) each."""

    mean: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class LinearModel:
    """Fitted vectorisers and a linear model over their features; `scaler` is for pairs alone."""

    labels: Labels
    vectorisers: list[Any]
    scaler: Scaler | None
    linear: Linear

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Give (n, c) probabilities or (n,) numbers; 0 for a class that was not learnt."""
        from scipy.special import expit

        codes = self.linear.codes
        numbers = self.labels.task == "regression"
        if rows.empty:
            return np.zeros(0 if numbers else (0, self.labels.outputs))
        probabilities = np.zeros((len(rows), self.labels.outputs))
        several = self.labels.task == "multilabel"
        if len(codes) == 1 and not several:
            probabilities[:, codes] = 1.0
            return probabilities
        features = _features(self.vectorisers, self.scaler, rows, numbers)
        scores = np.asarray(features @ self.linear.weights.T) + self.linear.bias
        if numbers:
            return np.asarray(scores[:, 0])
        found = expit(scores)
        if several:
            return np.asarray(found)
        if len(codes) == 2:
            found = np.column_stack([1 - found, found])
        probabilities[:, codes] = found / found.sum(axis=1, keepdims=True)
        return probabilities

    def save(self, folder: Path) -> None:
        """Write vocabularies and arrays."""
        arrays = {f"idf_{i}": v.idf_ for i, v in enumerate(self.vectorisers)}
        arrays |= {name: getattr(self.linear, name) for name in ("weights", "bias", "codes")}
        if self.scaler:
            arrays |= {"mean": self.scaler.mean, "spread": self.scaler.spread}
        np.savez_compressed(folder / ARRAYS, allow_pickle=False, **arrays)
        write_json(folder / VOCABULARIES, [described(v) for v in self.vectorisers])


def load(folder: Path, labels: Labels) -> LinearModel:
    """Read the model."""
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        vectorisers = [
            restored(description, arrays[f"idf_{i}"])
            for i, description in enumerate(read_json(folder / VOCABULARIES))
        ]
        scaler = Scaler(arrays["mean"], arrays["spread"]) if "mean" in arrays else None
        linear = Linear(arrays["weights"], arrays["bias"], arrays["codes"])
    return LinearModel(labels, vectorisers, scaler, linear)


def fit(job: Job) -> Fitted:
    """Fit vectorisers and linear model on the training rows alone."""
    rows, target = job.train, targets_of(job.train, job.labels)
    numbers = job.labels.task == "regression"
    pairs = bool((rows["text_pair"] != "").any())
    texts = rows["text"].tolist() + (rows["text_pair"].tolist() if pairs else [])
    vectorisers = fit_bags(job.recipe.tfidf, texts)
    scaler = _scaler(_pair_bags(vectorisers, rows)[2]) if pairs else None
    features = _features(vectorisers, scaler, rows, numbers)
    learn = {"regression": _ridge, "multilabel": _each_label}.get(job.labels.task, _logistic)
    linear = learn(job.recipe, features, target)
    summary = {"features": float(features.shape[1])}
    return Fitted(LinearModel(job.labels, vectorisers, scaler, linear), summary=summary)


def _features(
    vectorisers: list[Any], scaler: Scaler | None, rows: pd.DataFrame, numbers: bool
) -> Any:
    """Give the features of single texts (sparse), or of pairs: for numbers, measures alone."""
    from scipy import sparse

    if scaler is None:
        return joined(bags(vectorisers, rows["text"].tolist()), len(rows))
    a, b, measures = _pair_bags(vectorisers, rows)
    scaled = (measures - scaler.mean) / scaler.spread
    if numbers:
        return scaled
    x, y = joined(a, len(rows)), joined(b, len(rows))
    return sparse.hstack([x, y, x.multiply(y), abs(x - y), scaled], format="csr")


def _pair_bags(
    vectorisers: list[Any], rows: pd.DataFrame
) -> tuple[list[Any], list[Any], np.ndarray]:
    first, second = rows["text"].tolist(), rows["text_pair"].tolist()
    a, b = bags(vectorisers, first), bags(vectorisers, second)
    return a, b, pair_measures(first, second, a, b)


def _scaler(measures: np.ndarray) -> Scaler:
    spread = measures.std(axis=0)
    return Scaler(measures.mean(axis=0), np.where(spread > 1e-12, spread, 1.0))


def _ridge(recipe: Recipe, features: Any, target: np.ndarray) -> Linear:
    from sklearn.linear_model import Ridge

    found = Ridge(alpha=recipe.tfidf.alpha, random_state=recipe.seed).fit(features, target)
    weights = np.asarray(found.coef_, dtype=np.float64).reshape(1, -1)
    return Linear(weights, np.array([float(found.intercept_)]), np.zeros(0, dtype=np.int64))


def _logistic(recipe: Recipe, features: Any, target: np.ndarray) -> Linear:
    """Fit one class against the rest, each; a part of a small fold may hold one class alone.

    A row with a soft target counts as one of each of its classes, with the share as its weight.
    """
    places, target, shares = unrolled(target)
    features = features[places]
    codes = np.unique(target)
    weights, bias = [np.zeros((0, features.shape[1]))], [np.zeros(0)]
    for code in codes if len(codes) > 2 else codes[1:]:
        logistic = _regression(recipe, features)
        logistic.fit(features, target == code, sample_weight=shares)
        weights.append(logistic.coef_)
        bias.append(logistic.intercept_)
    return Linear(np.vstack(weights), np.concatenate(bias), codes)


def _each_label(recipe: Recipe, features: Any, target: np.ndarray) -> Linear:
    """Fit each of several labels (n, c) alone (binary relevance); a constant one by its bias."""
    count = target.shape[1]
    weights = np.zeros((count, features.shape[1]))
    bias = np.where(target.all(axis=0), CERTAIN, -CERTAIN)
    for label in np.flatnonzero(target.min(axis=0) < target.max(axis=0)).tolist():
        logistic = _regression(recipe, features).fit(features, target[:, label])
        weights[label], bias[label] = logistic.coef_[0], logistic.intercept_[0]
    return Linear(weights, bias, np.arange(count))


def _regression(recipe: Recipe, features: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    options = recipe.tfidf
    return LogisticRegression(
        C=options.c,
        solver="liblinear",
        dual=features.shape[1] > features.shape[0],  # the faster way to the same answer
        class_weight=None if options.class_weights == "none" else "balanced",
        max_iter=1000,
        random_state=recipe.seed,
    )
