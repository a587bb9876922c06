"""Gradient-boosted trees over the SVD of TF-IDF and surface features."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.arrays import load_arrays, save_arrays
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Recipe
from foldline.models.boosted_trees import Forest, extract_forest
from foldline.models.chain_input import append_features
from foldline.models.interface import FitResult, Job
from foldline.models.one_vs_rest import expand_probabilities, one_vs_rest_targets
from foldline.models.pair_features import measure_similarity
from foldline.models.scaling import balance_classes, softmax
from foldline.models.soft_labels import expand_soft_targets, sample_weights, training_targets
from foldline.models.surface_features import surface_features
from foldline.models.tfidf_features import (
    describe_vectoriser,
    fit_vectorisers,
    restore_vectoriser,
    stack_features,
    vectorise,
)

ARRAYS, CARD = "gbdt.safetensors", "gbdt.json"


@dataclass(frozen=True)
class FeatureExtractor:
    """Fitted vectorisers and SVD components (k, words); `pairs` says whether texts are pairs."""

    vectorisers: list[Any]
    directions: np.ndarray
    pairs: bool

    def extract(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, f) features; a row's are bitwise independent of the other rows."""
        first = rows["text"].tolist()
        a = vectorise(self.vectorisers, first)
        parts = [self._project(a, first), surface_features(first)]
        if self.pairs:
            second = rows["text_pair"].tolist()
            b = vectorise(self.vectorisers, second)
            parts += [self._project(b, second), surface_features(second)]
            parts += [abs(parts[0] - parts[2]), measure_similarity(first, second, a, b)]
        return np.asarray(append_features(np.hstack(parts), rows))

    def _project(self, matrices: list[Any], texts: list[str]) -> np.ndarray:
        return np.asarray(stack_features(matrices, len(texts)) @ self.directions.T)


@dataclass(frozen=True)
class GbdtModel:
    """A feature extractor and trees; `codes` are the classes seen in training."""

    labels: Labels
    extractor: FeatureExtractor
    forest: Forest
    codes: np.ndarray

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) numbers, in the order of the rows."""
        from scipy.special import expit

        task = self.labels.task
        if rows.empty:
            return np.zeros(0 if task == "regression" else (0, len(self.labels.classes)))
        scores = self.forest.scores(self.extractor.extract(rows))
        if task == "regression":
            return scores[:, 0]
        if task == "multilabel":
            return np.asarray(expit(scores))
        if len(self.codes) == 1:
            probabilities = np.ones((len(rows), 1))
        else:
            probabilities = expit(scores) if scores.shape[1] == 1 else softmax(scores)
        return expand_probabilities(probabilities, self.codes, self.labels)

    def save(self, folder: Path) -> None:
        """Write vocabularies, SVD components and trees."""
        arrays = {f"idf_{i}": v.idf_ for i, v in enumerate(self.extractor.vectorisers)}
        arrays |= {"directions": self.extractor.directions, "codes": self.codes}
        save_arrays(folder / ARRAYS, arrays | self.forest.arrays())
        bags_ = [describe_vectoriser(v) for v in self.extractor.vectorisers]
        write_json(folder / CARD, {"pairs": self.extractor.pairs, "bags": bags_})


def load(folder: Path, labels: Labels) -> GbdtModel:
    """Read the model."""
    card = read_json(folder / CARD)
    arrays = load_arrays(folder / ARRAYS)
    vectorisers = [
        restore_vectoriser(description, arrays[f"idf_{i}"])
        for i, description in enumerate(card["bags"])
    ]
    reader = FeatureExtractor(vectorisers, arrays["directions"], card["pairs"])
    return GbdtModel(labels, reader, Forest.from_arrays(arrays), arrays["codes"])


def fit(job: Job) -> FitResult:
    """Fit SVD and trees to the training rows; the validation rows stop the training."""
    labels, target, counts = (
        job.labels,
        training_targets(job.train, job.labels),
        sample_weights(job.train),
    )
    reader = _fit_extractor(job)
    features = reader.extract(job.train)
    valid = (
        (reader.extract(job.valid), training_targets(job.valid, labels)) if len(job.valid) else None
    )
    if labels.task == "regression":
        forests = [_fit_trees(job.recipe, features, target, counts, valid, is_regression=True)]
        codes = np.zeros(0, dtype=np.int64)
    elif labels.task == "multilabel":
        codes = one_vs_rest_targets(target, labels).codes
        forests = [
            _fit_trees(
                job.recipe,
                features,
                target[:, k],
                balance_classes(job.recipe.gbdt.class_weights, target[:, k], counts),
                _select_label(valid, k),
            )
            for k in codes.tolist()
        ]
    else:
        row_indices, hard, shares = expand_soft_targets(target, counts)
        codes = np.unique(hard)
        weights = balance_classes(job.recipe.gbdt.class_weights, hard, shares)
        forests = [
            _fit_trees(
                job.recipe, features[row_indices], hard, weights, _harden_labels(valid, codes)
            )
        ]
    forest = Forest.concatenate(forests)
    summary = {"features": float(features.shape[1]), "trees": float(len(forest.roots))}
    return FitResult(GbdtModel(labels, reader, forest, codes), summary=summary)


def _fit_extractor(job: Job) -> FeatureExtractor:
    """Fit TF-IDF and its truncated SVD (Deerwester et al., 1990; Halko et al., 2011)."""
    from sklearn.decomposition import TruncatedSVD
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    rows, recipe = job.train, job.recipe
    pairs = bool((rows["text_pair"] != "").any())
    texts = rows["text"].tolist() + (rows["text_pair"].tolist() if pairs else [])
    vectorisers, matrices = fit_vectorisers(recipe.tfidf, texts)
    features = stack_features(matrices, len(texts))
    if features.shape[1] < 2:  # texts without any n-gram have no components
        return FeatureExtractor(
            vectorisers, np.zeros((1, features.shape[1]), dtype=np.float32), pairs
        )
    dimensions = min(recipe.gbdt.dimensions, *features.shape)
    svd = TruncatedSVD(dimensions, random_state=derive_seed(recipe.seed, "gbdt") % 2**32)
    with (
        threadpool_limits(recipe.train.cpu_threads),
        np.errstate(invalid="ignore", divide="ignore"),
    ):
        directions = svd.fit(features).components_
    return FeatureExtractor(vectorisers, np.ascontiguousarray(directions, dtype=np.float32), pairs)


def _fit_trees(
    recipe: Recipe,
    features: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray | None,
    valid: tuple[np.ndarray, np.ndarray] | None,
    is_regression: bool = False,
) -> Forest:
    """Fit scikit-learn's histogram gradient boosting (Ke et al., 2017)."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    values = np.unique(target)
    if len(values) == 1:
        return Forest.constant(
            float(values[0]) if is_regression else np.inf if values[0] else -np.inf
        )
    options = recipe.gbdt
    stop = valid is not None and len(valid[1]) > 0
    kind = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    trees = kind(
        max_iter=options.iterations,
        learning_rate=options.lr,
        max_leaf_nodes=options.leaves,
        min_samples_leaf=options.min_leaf,
        l2_regularization=options.l2,
        early_stopping=stop,
        n_iter_no_change=options.patience,
        random_state=derive_seed(recipe.seed, "gbdt") % 2**32,
    )
    validation = {"X_val": valid[0], "y_val": valid[1]} if valid is not None and stop else {}
    with threadpool_limits(recipe.train.cpu_threads):
        return extract_forest(trees.fit(features, target, sample_weight=weights, **validation))


def _select_label(valid: Any, column: int) -> Any:
    return None if valid is None else (valid[0], valid[1][:, column])


def _harden_labels(valid: Any, codes: np.ndarray) -> Any:
    """Return the validation rows whose most probable class occurs in training, with that class."""
    if valid is None:
        return None
    features, target = valid
    hard = target if target.ndim == 1 else target.argmax(axis=1)
    is_known = np.isin(hard, codes)
    return features[is_known], hard[is_known]
