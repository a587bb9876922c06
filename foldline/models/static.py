"""Averaged vectors of words: of a file, or learnt from the training rows as fastText does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.models import dense_heads
from foldline.models.interface import Fitted, Job
from foldline.models.ngram_index import Grams, learnt
from foldline.models.scaling import of_pairs
from foldline.models.soft_labels import targets_of, weights_of
from foldline.models.word_vectors import Words, read_vectors

ARRAYS, CARD = "static.npz", "static.json"


@dataclass(frozen=True)
class Static:
    """What finds the vectors of a text, the vectors (m, d), and a head over their mean."""

    labels: Labels
    finder: Grams | Words
    vectors: np.ndarray
    pairs: bool
    head: dense_heads.Head

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Give (n, c) probabilities or (n,) numbers, in the order of the rows."""
        return self.head.predict(features(self.finder, self.vectors, self.pairs, rows), self.labels)

    def save(self, folder: Path) -> None:
        """Write vectors and head as arrays, and how n-grams or words are found."""
        card: dict[str, Any] = {"pairs": self.pairs}
        arrays = {"vectors": self.vectors}
        if isinstance(self.finder, Words):
            card["words"] = list(self.finder.words)
        else:
            finder = self.finder
            card["grams"] = [finder.words, list(finder.chars), finder.buckets]
            arrays["known"] = finder.known
        np.savez_compressed(
            folder / ARRAYS, allow_pickle=False, **arrays, **_named(self.head.arrays())
        )
        write_json(folder / CARD, card)


def load(folder: Path, labels: Labels) -> Static:
    """Read the model."""
    card = read_json(folder / CARD)
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        kept = dict(arrays)
    head = dense_heads.restored(
        {n.removeprefix("head_"): a for n, a in kept.items() if "head_" in n}
    )
    finder: Grams | Words
    if "words" in card:
        finder = Words(tuple(card["words"]))
    else:
        words, chars, buckets = card["grams"]
        finder = Grams(words, tuple(chars), buckets, kept["known"])
    return Static(labels, finder, kept["vectors"], card["pairs"], head)


def fit(job: Job) -> Fitted:
    """Read or learn vectors, and fit the head; on the training rows alone."""
    rows, options = job.train, job.recipe.static
    pairs = bool((rows["text_pair"] != "").any())
    texts = rows["text"].tolist() + (rows["text_pair"].tolist() if pairs else [])
    if options.vectors is None:
        return _learnt(job, texts, pairs)
    finder, vectors = read_vectors(Path(options.vectors), texts, options.vocabulary)
    given = features(finder, vectors, pairs, rows)
    target, weights = targets_of(rows, job.labels), weights_of(rows)
    head = dense_heads.fit_linear(options, given, target, job.labels, weights)
    found = sum(len(finder.places(text)) > 0 for text in texts)
    summary = {"words": float(len(vectors)), "texts_with_known_words": found / len(texts)}
    return Fitted(Static(job.labels, finder, vectors, pairs, head), summary=summary)


def _learnt(job: Job, texts: list[str], pairs: bool) -> Fitted:
    from foldline.models.fasttext import train

    options = job.recipe.static
    low, high = options.chars
    empty = Grams(options.words, (low, high), options.buckets, np.zeros(0, dtype=np.int64))
    known = learnt(empty, texts, options.min_count)
    finder = Grams(options.words, (low, high), options.buckets, known)
    vectors, head, history = train(job, finder, pairs)
    if job.labels.task == "regression":
        # The exact solution over what was learnt, with the cosines of pairs.
        given = features(finder, vectors, pairs, job.train)
        target, weights = targets_of(job.train, job.labels), weights_of(job.train)
        head = dense_heads.fit_linear(options, given, target, job.labels, weights)
    summary = {"grams": float(len(known)), "dimensions": float(vectors.shape[1])}
    return Fitted(Static(job.labels, finder, vectors, pairs, head), history, summary)


def features(
    finder: Grams | Words, vectors: np.ndarray, pairs: bool, rows: pd.DataFrame
) -> np.ndarray:
    """Give the mean vector of each text, (n, d), or what is known of both of a pair."""
    first = _means(finder, vectors, rows["text"].tolist())
    if not pairs:
        return first
    return of_pairs(first, _means(finder, vectors, rows["text_pair"].tolist()))


def _means(finder: Grams | Words, vectors: np.ndarray, texts: list[str]) -> np.ndarray:
    found = np.zeros((len(texts), vectors.shape[1]))
    for row, text in enumerate(texts):
        places = finder.places(text)
        if len(places):
            found[row] = vectors[places].mean(axis=0, dtype=np.float64)
    return found


def _named(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"head_{name}": array for name, array in arrays.items()}
