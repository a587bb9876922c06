"""Gradient-boosted trees on what TF-IDF condenses to, and on counts and shares of characters."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive
from foldline.core.params import Recipe
from foldline.models.boosted_trees import Forest, forest_of
from foldline.models.interface import Fitted, Job
from foldline.models.one_vs_rest import problem, spread
from foldline.models.pair_similarity import pair_measures
from foldline.models.scaling import class_weights, softmax
from foldline.models.soft_labels import targets_of, unrolled, weights_of
from foldline.models.surface_features import surface
from foldline.models.tfidf_features import bags, described, fit_bags, joined, restored

ARRAYS, CARD = "gbdt.npz", "gbdt.json"


@dataclass(frozen=True)
class Reader:
    """What makes features of rows: vectorisers, (k, words) directions of them, pairs or not."""

    vectorisers: list[Any]
    directions: np.ndarray
    pairs: bool

    def read(self, rows: pd.DataFrame) -> np.ndarray:
        """Give (n, f) features; each row's hang on itself alone, to the last bit."""
        first = rows["text"].tolist()
        a = bags(self.vectorisers, first)
        parts = [self._condensed(a, first), surface(first)]
        if self.pairs:
            second = rows["text_pair"].tolist()
            b = bags(self.vectorisers, second)
            parts += [self._condensed(b, second), surface(second)]
            parts += [abs(parts[0] - parts[2]), pair_measures(first, second, a, b)]
        return np.hstack(parts)

    def _condensed(self, matrices: list[Any], texts: list[str]) -> np.ndarray:
        return np.asarray(joined(matrices, len(texts)) @ self.directions.T)


@dataclass(frozen=True)
class Boosted:
    """A reader and trees; `codes` are the classes that were learnt."""

    labels: Labels
    reader: Reader
    forest: Forest
    codes: np.ndarray

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Give (n, c) probabilities or (n,) numbers, in the order of the rows."""
        from scipy.special import expit

        task = self.labels.task
        if rows.empty:
            return np.zeros(0 if task == "regression" else (0, len(self.labels.classes)))
        scores = self.forest.scores(self.reader.read(rows))
        if task == "regression":
            return scores[:, 0]
        if task == "multilabel":
            return np.asarray(expit(scores))
        if len(self.codes) == 1:
            found = np.ones((len(rows), 1))
        else:
            found = expit(scores) if scores.shape[1] == 1 else softmax(scores)
        return spread(found, self.codes, self.labels)

    def save(self, folder: Path) -> None:
        """Write vocabularies, directions and trees."""
        arrays = {f"idf_{i}": v.idf_ for i, v in enumerate(self.reader.vectorisers)}
        arrays |= {"directions": self.reader.directions, "codes": self.codes}
        np.savez_compressed(folder / ARRAYS, allow_pickle=False, **arrays, **self.forest.arrays())
        bags_ = [described(v) for v in self.reader.vectorisers]
        write_json(folder / CARD, {"pairs": self.reader.pairs, "bags": bags_})


def load(folder: Path, labels: Labels) -> Boosted:
    """Read the model."""
    card = read_json(folder / CARD)
    with np.load(folder / ARRAYS, allow_pickle=False) as kept:
        arrays = dict(kept)
    vectorisers = [restored(one, arrays[f"idf_{i}"]) for i, one in enumerate(card["bags"])]
    reader = Reader(vectorisers, arrays["directions"], card["pairs"])
    return Boosted(labels, reader, Forest.of(arrays), arrays["codes"])


def fit(job: Job) -> Fitted:
    """Fit directions and trees on the training rows; the validation rows say when to stop."""
    labels, target, counts = job.labels, targets_of(job.train, job.labels), weights_of(job.train)
    reader = _reader(job)
    given = reader.read(job.train)
    valid = (reader.read(job.valid), targets_of(job.valid, labels)) if len(job.valid) else None
    if labels.task == "regression":
        forests = [_boosted(job.recipe, given, target, counts, valid, numbers=True)]
        codes = np.zeros(0, dtype=np.int64)
    elif labels.task == "multilabel":
        codes = problem(target, labels).codes
        forests = [
            _boosted(
                job.recipe,
                given,
                target[:, k],
                class_weights(job.recipe.gbdt.class_weights, target[:, k], counts),
                _only(valid, k),
            )
            for k in codes.tolist()
        ]
    else:
        places, hard, shares = unrolled(target, counts)
        codes = np.unique(hard)
        weights = class_weights(job.recipe.gbdt.class_weights, hard, shares)
        forests = [_boosted(job.recipe, given[places], hard, weights, _hard(valid, codes))]
    forest = Forest.joined(forests)
    summary = {"features": float(given.shape[1]), "trees": float(len(forest.roots))}
    return Fitted(Boosted(labels, reader, forest, codes), summary=summary)


def _reader(job: Job) -> Reader:
    """Fit TF-IDF and its strongest directions (Deerwester et al., 1990; Halko et al., 2011)."""
    from sklearn.decomposition import TruncatedSVD
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    rows, recipe = job.train, job.recipe
    pairs = bool((rows["text_pair"] != "").any())
    texts = rows["text"].tolist() + (rows["text_pair"].tolist() if pairs else [])
    vectorisers, matrices = fit_bags(recipe.tfidf, texts)
    found = joined(matrices, len(texts))
    if found.shape[1] < 2:  # texts without any n-gram have no direction
        return Reader(vectorisers, np.zeros((1, found.shape[1]), dtype=np.float32), pairs)
    most = min(recipe.gbdt.dimensions, *found.shape)
    svd = TruncatedSVD(most, random_state=derive(recipe.seed, "gbdt") % 2**32)
    with threadpool_limits(recipe.train.threads), np.errstate(invalid="ignore", divide="ignore"):
        directions = svd.fit(found).components_
    return Reader(vectorisers, np.ascontiguousarray(directions, dtype=np.float32), pairs)


def _boosted(
    recipe: Recipe,
    given: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray | None,
    valid: tuple[np.ndarray, np.ndarray] | None,
    numbers: bool = False,
) -> Forest:
    """Fit histogram gradient boosting (Ke et al., 2017) as scikit-learn has it."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    known = np.unique(target)
    if len(known) == 1:
        return Forest.certain(float(known[0]) if numbers else np.inf if known[0] else -np.inf)
    options = recipe.gbdt
    stop = valid is not None and len(valid[1]) > 0
    kind = HistGradientBoostingRegressor if numbers else HistGradientBoostingClassifier
    trees = kind(
        max_iter=options.iterations,
        learning_rate=options.learning_rate,
        max_leaf_nodes=options.leaves,
        min_samples_leaf=options.min_leaf,
        l2_regularization=options.l2,
        early_stopping=stop,
        n_iter_no_change=options.patience,
        random_state=derive(recipe.seed, "gbdt") % 2**32,
    )
    held = {"X_val": valid[0], "y_val": valid[1]} if valid is not None and stop else {}
    with threadpool_limits(recipe.train.threads):
        return forest_of(trees.fit(given, target, sample_weight=weights, **held))


def _only(valid: Any, column: int) -> Any:
    return None if valid is None else (valid[0], valid[1][:, column])


def _hard(valid: Any, codes: np.ndarray) -> Any:
    """Give those validation rows whose class was learnt, each with its likeliest one."""
    if valid is None:
        return None
    given, target = valid
    hard = target if target.ndim == 1 else target.argmax(axis=1)
    known = np.isin(hard, codes)
    return given[known], hard[known]
