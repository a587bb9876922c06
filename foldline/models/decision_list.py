"""A baseline of single words: a text is what its most telling word says, and nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.arrays import load_arrays, save_arrays
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.texts import join_texts
from foldline.models.interface import FitResult, Job
from foldline.models.soft_labels import sample_weights, training_targets

ARRAYS, WORDS = "decision_list.safetensors", "decision_list.json"
MIN_TEXTS = 2  # training texts with a word; one text is chance


@dataclass(frozen=True)
class DecisionList:
    """Words with the mean target (v, k) of the training texts that have them; `prior` (k,) of all.

    `strength` (v, s) orders the words: once for all classes, or for each label of a multilabel row.
    """

    labels: Labels
    words: list[str]
    means: np.ndarray
    strength: np.ndarray
    prior: np.ndarray

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) class shares or (n,) means of the strongest word of each text."""
        found = np.tile(self.prior, (len(rows), 1))
        if self.words and len(rows):
            present = _make_counter(self.words).transform(join_texts(rows))
            has_word = np.diff(present.indptr) > 0
            starts = present.indptr[:-1][has_word]
            for column, ranks in enumerate(_rank(self.strength).T):
                best = np.argsort(ranks)[np.minimum.reduceat(ranks[present.indices], starts)]
                columns = slice(None) if self.strength.shape[1] == 1 else slice(column, column + 1)
                found[has_word, columns] = self.means[best, columns]
        return found[:, 0] if self.labels.task == "regression" else found

    def save(self, folder: Path) -> None:
        """Write words and arrays."""
        write_json(folder / WORDS, self.words)
        arrays = {"means": self.means, "strength": self.strength, "prior": self.prior}
        save_arrays(folder / ARRAYS, arrays)


def fit(job: Job) -> FitResult:
    """Fit a decision list (Rivest, 1987) of words, the strongest evidence first (Yarowsky, 1994).

    A word's mean counts one text more, with the mean of all texts, so that rare words are weak.
    Evidence is how much the word raises the log odds of a class; for a label of a multilabel row,
    or a number, how far it moves log odds or mean in either direction.
    """
    labels, weights = job.labels, sample_weights(job.train)
    target = np.asarray(training_targets(job.train, labels), dtype=np.float64)
    if labels.task == "classification" and target.ndim == 1:
        target = np.eye(len(labels.classes))[target.astype(int)]
    target = target.reshape(len(target), -1)
    weights = np.ones(len(target)) if weights is None else weights
    prior = np.average(target, axis=0, weights=weights)
    counter = _make_counter(None)
    try:
        present = counter.fit_transform(join_texts(job.train))
    except ValueError:  # no word is in two texts
        empty = np.zeros((0, len(prior)))
        return FitResult(DecisionList(labels, [], empty, empty, prior))
    counts = present.T @ weights
    means = (present.T @ (target * weights[:, None]) + prior) / (counts + 1)[:, None]
    words = counter.get_feature_names_out().tolist()
    strength = _measure_strength(labels.task, means, prior)
    return FitResult(
        DecisionList(labels, words, means, strength, prior), summary={"words": float(len(words))}
    )


def load(folder: Path, labels: Labels) -> DecisionList:
    """Read the model."""
    arrays = load_arrays(folder / ARRAYS)
    words = read_json(folder / WORDS)
    return DecisionList(labels, words, arrays["means"], arrays["strength"], arrays["prior"])


def _measure_strength(task: str, means: np.ndarray, prior: np.ndarray) -> np.ndarray:
    if task == "regression":
        return np.asarray(np.abs(means - prior))
    gains = _log_odds(means) - _log_odds(prior)
    return np.asarray(np.abs(gains) if task == "multilabel" else gains.max(axis=1, keepdims=True))


def _log_odds(shares: np.ndarray) -> np.ndarray:
    inside = np.clip(shares, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _rank(strength: np.ndarray) -> np.ndarray:
    """Return the ranks (v, s), the strongest word 0; equal ones in alphabetical order.

    Rounded: sums of weights may differ in the last digit.
    """
    order = np.argsort(-strength.round(9), axis=0, kind="stable")
    return np.argsort(order, axis=0, kind="stable")


def _make_counter(words: list[str] | None) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        token_pattern=r"\w+",
        binary=True,
        vocabulary=words,
        min_df=MIN_TEXTS if words is None else 1,
    )
