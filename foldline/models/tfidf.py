"""TF-IDF of words and of characters within words, with a linear model.

Character n-grams make it strong for Korean, where particles hide the stem of a word.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.arrays import load_arrays, save_arrays
from foldline.core.io.files import read_json, write_text
from foldline.core.io.labels import Labels
from foldline.core.params import Recipe
from foldline.models.chain_input import append_features
from foldline.models.interface import FitResult, Job
from foldline.models.linear_heads import fit_head
from foldline.models.one_vs_rest import LinearModel, one_vs_rest_targets
from foldline.models.pair_features import measure_similarity
from foldline.models.soft_labels import sample_weights, training_targets
from foldline.models.tfidf_features import (
    describe_vectoriser,
    fit_vectorisers,
    restore_vectoriser,
    stack_features,
    vectorise,
)

# Arrays and JSON: a pickle needs the same scikit-learn version, runs code, and has other bytes
# in another process.
ARRAYS, VOCABULARIES = "tfidf.safetensors", "tfidf.json"


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of the pair measures, (m,) each."""

    mean: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class TfidfModel:
    """Fitted vectorisers and a linear model over their features; only pairs have a `scaler`."""

    labels: Labels
    vectorisers: list[Any]
    scaler: Scaler | None
    linear: LinearModel

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) values; 0 for a class unseen in training."""
        is_regression = self.labels.task == "regression"
        if rows.empty:
            return np.zeros(0 if is_regression else (0, len(self.labels.classes)))
        features = _extract_features(self.vectorisers, self.scaler, rows, is_regression)
        features = append_features(features, rows)
        return self.linear.predict(features, self.labels)

    def save(self, folder: Path) -> None:
        """Write vocabularies and arrays."""
        arrays = {f"idf_{i}": v.idf_ for i, v in enumerate(self.vectorisers)}
        arrays |= {name: getattr(self.linear, name) for name in ("weights", "bias", "codes")}
        if self.scaler:
            arrays |= {"mean": self.scaler.mean, "spread": self.scaler.spread}
        save_arrays(folder / ARRAYS, arrays)
        # On one line, which is several times faster to write.
        vocabularies = json.dumps(
            [describe_vectoriser(v) for v in self.vectorisers], ensure_ascii=False
        )
        write_text(folder / VOCABULARIES, vocabularies + "\n")


def load(folder: Path, labels: Labels) -> TfidfModel:
    """Read the model."""
    arrays = load_arrays(folder / ARRAYS)
    vectorisers = [
        restore_vectoriser(description, arrays[f"idf_{i}"])
        for i, description in enumerate(read_json(folder / VOCABULARIES))
    ]
    scaler = Scaler(arrays["mean"], arrays["spread"]) if "mean" in arrays else None
    linear = LinearModel(arrays["weights"], arrays["bias"], arrays["codes"])
    return TfidfModel(labels, vectorisers, scaler, linear)


def fit(job: Job) -> FitResult:
    """Fit vectorisers and the linear model, on the training rows only."""
    rows, target, weights = (
        job.train,
        training_targets(job.train, job.labels),
        sample_weights(job.train),
    )
    is_regression = job.labels.task == "regression"
    pairs = bool((rows["text_pair"] != "").any())
    texts = rows["text"].tolist() + (rows["text_pair"].tolist() if pairs else [])
    vectorisers, matrices = fit_vectorisers(job.recipe.tfidf, texts)
    if pairs:
        sides = _split_pairs(rows, matrices)
        scaler = _fit_scaler(sides[2])
        features = _pair_features(sides, scaler, is_regression)
    else:
        scaler, features = None, stack_features(matrices, len(rows))
    counts = features.shape[1] - (len(scaler.mean) if scaler else 0)
    features = append_features(features, rows)
    if is_regression:
        linear = _fit_ridge(job.recipe, features, target, weights)
    else:
        targets = one_vs_rest_targets(target, job.labels, weights)
        linear = fit_head(job.recipe, features, targets, rows, counts)
    summary = {"features": float(features.shape[1])}
    return FitResult(TfidfModel(job.labels, vectorisers, scaler, linear), summary=summary)


def _extract_features(
    vectorisers: list[Any], scaler: Scaler | None, rows: pd.DataFrame, is_regression: bool
) -> Any:
    """Return the features of single texts (sparse), or of pairs."""
    if scaler is None:
        return stack_features(vectorise(vectorisers, rows["text"].tolist()), len(rows))
    texts = rows["text"].tolist() + rows["text_pair"].tolist()
    return _pair_features(_split_pairs(rows, vectorise(vectorisers, texts)), scaler, is_regression)


def _split_pairs(
    rows: pd.DataFrame, matrices: list[Any]
) -> tuple[list[Any], list[Any], np.ndarray]:
    """Split matrices of all first and then all second texts, and measure the pairs."""
    first, second = rows["text"].tolist(), rows["text_pair"].tolist()
    a = [matrix[: len(rows)] for matrix in matrices]
    b = [matrix[len(rows) :] for matrix in matrices]
    return a, b, measure_similarity(first, second, a, b)


def _pair_features(
    sides: tuple[list[Any], list[Any], np.ndarray], scaler: Scaler, is_regression: bool
) -> Any:
    """Return the features of pairs; for regression the similarity measures alone."""
    from scipy import sparse

    a, b, measures = sides
    scaled = (measures - scaler.mean) / scaler.spread
    if is_regression:
        return scaled
    x, y = stack_features(a, len(measures)), stack_features(b, len(measures))
    return sparse.hstack([x, y, x.multiply(y), abs(x - y), scaled], format="csr")


def _fit_scaler(measures: np.ndarray) -> Scaler:
    spread = measures.std(axis=0)
    return Scaler(measures.mean(axis=0), np.where(spread > 1e-12, spread, 1.0))


def _fit_ridge(
    recipe: Recipe, features: Any, target: np.ndarray, weights: np.ndarray | None
) -> LinearModel:
    from sklearn.linear_model import Ridge

    ridge = Ridge(alpha=recipe.tfidf.alpha, random_state=recipe.seed)
    fitted = ridge.fit(features, target, weights)
    coefficients = np.asarray(fitted.coef_, dtype=np.float64).reshape(1, -1)
    return LinearModel(
        coefficients, np.array([float(fitted.intercept_)]), np.zeros(0, dtype=np.int64)
    )
