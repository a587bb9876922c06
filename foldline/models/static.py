"""Averaged word vectors: read from a file, or trained on the training rows as in fastText."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.arrays import load_arrays, save_arrays
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.models import dense_heads
from foldline.models.interface import FitResult, Job
from foldline.models.ngram_index import HashedNgrams, select_buckets
from foldline.models.pair_features import combine_pairs
from foldline.models.soft_labels import sample_weights, training_targets
from foldline.models.word_vectors import WordIndex, read_vectors

ARRAYS, CARD = "static.safetensors", "static.json"


@dataclass(frozen=True)
class StaticModel:
    """An index from text to vectors, the vectors (m, d), and a head over their mean."""

    labels: Labels
    index: HashedNgrams | WordIndex
    vectors: np.ndarray
    pairs: bool
    head: dense_heads.Head

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) numbers, in the order of the rows."""
        return self.head.predict(
            extract_features(self.index, self.vectors, self.pairs, rows), self.labels
        )

    def save(self, folder: Path) -> None:
        """Write vectors and head as arrays, and how n-grams or words are looked up."""
        card: dict[str, Any] = {"pairs": self.pairs}
        arrays = {"vectors": self.vectors}
        if isinstance(self.index, WordIndex):
            card["words"] = list(self.index.words)
        else:
            index = self.index
            card["grams"] = [index.word_ngrams, list(index.char_ngrams), index.n_buckets]
            arrays["known"] = index.buckets_kept
        save_arrays(folder / ARRAYS, arrays | _prefix_names(self.head.arrays()))
        write_json(folder / CARD, card)


def load(folder: Path, labels: Labels) -> StaticModel:
    """Read the model."""
    card = read_json(folder / CARD)
    stored = load_arrays(folder / ARRAYS)
    head = dense_heads.restore_head(
        {n.removeprefix("head_"): a for n, a in stored.items() if "head_" in n}
    )
    index: HashedNgrams | WordIndex
    if "words" in card:
        index = WordIndex(tuple(card["words"]))
    else:
        words, chars, buckets = card["grams"]
        index = HashedNgrams(words, tuple(chars), buckets, stored["known"])
    return StaticModel(labels, index, stored["vectors"], card["pairs"], head)


def fit(job: Job) -> FitResult:
    """Read or train vectors and fit the head, on the training rows only."""
    rows, options = job.train, job.recipe.static
    pairs = bool((rows["text_pair"] != "").any())
    texts = rows["text"].tolist() + (rows["text_pair"].tolist() if pairs else [])
    if options.vectors is None:
        return _fit_trained_vectors(job, texts, pairs)
    index, vectors = read_vectors(Path(options.vectors), texts, options.vocabulary)
    features = extract_features(index, vectors, pairs, rows)
    target, weights = training_targets(rows, job.labels), sample_weights(rows)
    head = dense_heads.fit_linear(options, features, target, job.labels, weights)
    n_known = sum(len(index.indices(text)) > 0 for text in texts)
    summary = {"words": float(len(vectors)), "texts_with_known_words": n_known / len(texts)}
    return FitResult(StaticModel(job.labels, index, vectors, pairs, head), summary=summary)


def _fit_trained_vectors(job: Job, texts: list[str], pairs: bool) -> FitResult:
    from foldline.models.fasttext import train_vectors

    options = job.recipe.static
    low, high = options.chars
    empty = HashedNgrams(options.words, (low, high), options.buckets, np.zeros(0, dtype=np.int64))
    buckets = select_buckets(empty, texts, options.min_df)
    index = HashedNgrams(options.words, (low, high), options.buckets, buckets)
    vectors, head, history = train_vectors(job, index, pairs)
    if job.labels.task == "regression":
        # The exact solution over the trained vectors, with the cosines of pairs.
        features = extract_features(index, vectors, pairs, job.train)
        target, weights = training_targets(job.train, job.labels), sample_weights(job.train)
        head = dense_heads.fit_linear(options, features, target, job.labels, weights)
    summary = {"grams": float(len(buckets)), "dimensions": float(vectors.shape[1])}
    return FitResult(StaticModel(job.labels, index, vectors, pairs, head), history, summary)


def extract_features(
    index: HashedNgrams | WordIndex, vectors: np.ndarray, pairs: bool, rows: pd.DataFrame
) -> np.ndarray:
    """Return the mean vector of each text, (n, d), or the combined vectors of each pair."""
    first = _mean_vectors(index, vectors, rows["text"].tolist())
    if not pairs:
        return first
    return combine_pairs(first, _mean_vectors(index, vectors, rows["text_pair"].tolist()))


def _mean_vectors(
    index: HashedNgrams | WordIndex, vectors: np.ndarray, texts: list[str]
) -> np.ndarray:
    means = np.zeros((len(texts), vectors.shape[1]))
    for row, text in enumerate(texts):
        indices = index.indices(text)
        if len(indices):
            means[row] = vectors[indices].mean(axis=0, dtype=np.float64)
    return means


def _prefix_names(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"head_{name}": array for name, array in arrays.items()}
