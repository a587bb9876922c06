"""Shortcuts: baselines that should fail, as they predict the label without reading the text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.group_split import compute_strata, group_folds
from foldline.core.io.seeds import derive_seed, generator
from foldline.data.multilabel import explode_labels
from foldline.data.row_links import group_duplicates

FOLDS = 3
PERMUTATIONS = 199
MAX_P = 0.005  # no permutation of 199 is as good
MIN_GAIN = {
    "classification": 0.2,
    "multilabel": 0.2,
    "regression": 0.3,
}  # of a shortcut worth a note
MAX_ROWS, MAX_PAIRS = 10_000, 5_000
MIN_LABEL_ROWS = 20  # multilabel: rows with a label, and rows without it
_MAX_CHARACTERS = 500  # of each text of a pair
_MAX_CELLS = 200_000  # rows times classes
_COUNTED_PATTERNS = {"punctuation": r"[^\w\s]", "digits": r"\d", "uppercase": "[A-ZÀ-ÖØ-ÞΑ-ΩА-Я]"}
TARGET_NAMES = {
    "classification": "the class",
    "multilabel": "one of the labels",
    "regression": "the number",
}
BASELINE_CLAIMS = {
    "length": "length, punctuation, digits and capitals alone predict",
    "first": "the first text of a pair alone predicts",
    "second": "the second text of a pair alone predicts",
}


@dataclass(frozen=True)
class Shortcut:
    """A baseline's out-of-fold score, the score by chance, and whether it is a `clear` shortcut.

    Classes are scored by balanced accuracy (multilabel: that of the best predicted label),
    numbers by Pearson's r. `gain` is the score scaled from chance (0) to perfect (1); `p` is that
    of a permutation test.
    """

    score: float
    chance: float
    gain: float
    p: float
    clear: bool


def find_shortcuts(rows: pd.DataFrame, task: str, seed: int) -> dict[str, Shortcut]:
    """Return the scores of the baselines by name: length, and for pairs first and second.

    `rows` (as prepared) are in random order; at most 10,000 are used, of
    pairs 5,000. Duplicates are in one fold. Empty where classes have fewer than four rows on
    average, or there are fewer than three groups.
    """
    classes = 1 if task == "regression" else explode_labels(rows, task)["label"].nunique()
    pairs = bool((rows["text_pair"] != "").any())
    rows = rows.iloc[: min(MAX_PAIRS if pairs else MAX_ROWS, _MAX_CELLS // classes)]
    groups = group_duplicates(rows, limit=1 / FOLDS)
    target = _encode_target(rows["label"], task)
    few = classes * 4 > len(rows) or target.size == 0
    if few or len(set(groups)) < FOLDS:
        return {}
    strata = compute_strata(rows["label"], task)
    folds = group_folds(rows["id"].tolist(), groups, strata, FOLDS, derive_seed(seed, "shortcuts"))
    scorer = _BaselineScorer(task, target, folds, generator(seed, "shortcuts", "null"))
    shortcuts = {"length": scorer.score(_tree_model(task), surface_features(rows, pairs))}
    if pairs:
        shortcuts["first"] = scorer.score(_linear_model(task), _hash_ngrams(rows["text"].tolist()))
        shortcuts["second"] = scorer.score(
            _linear_model(task), _hash_ngrams(rows["text_pair"].tolist())
        )
    return shortcuts


def shortcut_note(name: str, shortcut: Shortcut, task: str) -> str:
    """Return a note on what a baseline can predict, and what it may mean."""
    target = TARGET_NAMES[task]
    measure = "Pearson's r" if task == "regression" else "balanced accuracy"
    meaning = (
        "check whether rows of different labels were collected in different ways"
        if name == "length"
        else "if the task is to compare two texts, a good score does not show that a model does so"
    )
    return (
        f"{BASELINE_CLAIMS[name]} {target}: {measure} {shortcut.score:.2f}, by chance "
        f"{shortcut.chance:.2f}; {meaning}"
    )


def surface_features(rows: pd.DataFrame, pairs: bool) -> np.ndarray:
    """Return characters, words, shares of punctuation, digits, capitals: (n, 5), pairs (n, 10)."""
    columns: list[np.ndarray] = []
    for role in ["text", "text_pair"] if pairs else ["text"]:
        texts = rows[role]
        length = texts.str.len().to_numpy(dtype=np.float64)
        columns += [length, texts.str.count(r"\S+").to_numpy(dtype=np.float64)]
        for pattern in _COUNTED_PATTERNS.values():
            columns.append(texts.str.count(pattern).to_numpy(dtype=np.float64) / (length + 1))
    return np.column_stack(columns)


def _encode_target(labels: "pd.Series[str]", task: str) -> np.ndarray:
    """Return the target: classes (n,), numbers (n,), or (n, labels) of 0 and 1."""
    if task != "multilabel":
        return labels.to_numpy(dtype=str if task == "classification" else np.float64)
    indicators = compute_strata(labels, task)
    counts = indicators.sum(axis=0)
    return indicators[:, (counts >= MIN_LABEL_ROWS) & (counts <= len(labels) - MIN_LABEL_ROWS)]


@dataclass(frozen=True)
class _BaselineScorer:
    task: str
    target: np.ndarray
    folds: np.ndarray
    rng: np.random.Generator

    def score(self, model: Any, features: Any) -> Shortcut:
        from sklearn.model_selection import PredefinedSplit, cross_val_predict

        folds = PredefinedSplit(self.folds)
        predicted = cross_val_predict(model, features, self.target, cv=folds)
        measure: Callable[[np.ndarray, np.ndarray], float]
        if self.task == "classification":
            classes, true = np.unique(self.target, return_inverse=True)
            measure = _balanced_accuracy
            guessed, chance = np.searchsorted(classes, predicted), 1 / len(classes)
        elif self.task == "multilabel":
            true, guessed, measure, chance = self.target, predicted, _best_balanced_accuracy, 0.5
        else:
            true, guessed, measure, chance = self.target, predicted, _correlation, 0.0
        score = measure(true, guessed)
        null = [measure(self.rng.permutation(true), guessed) for _ in range(PERMUTATIONS)]
        p = (1 + sum(value >= score for value in null)) / (1 + PERMUTATIONS)
        gain = max((score - chance) / (1 - chance), 0.0)
        return Shortcut(score, chance, gain, p, p <= MAX_P and gain >= MIN_GAIN[self.task])


def _tree_model(task: str) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    size = {"max_depth": 6, "min_samples_leaf": 20, "random_state": 0}
    if task == "regression":
        return DecisionTreeRegressor(**size)
    return DecisionTreeClassifier(class_weight="balanced", **size)


def _hash_ngrams(texts: list[str]) -> Any:
    """Count character n-grams, as Korean particles make many words of one."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), n_features=1 << 18, alternate_sign=False, norm=None
    )
    return vectorizer.transform([text[:_MAX_CHARACTERS] for text in texts])


def _linear_model(task: str) -> Any:
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import Ridge, RidgeClassifier
    from sklearn.pipeline import make_pipeline

    if task == "regression":
        model = Ridge(solver="sparse_cg", tol=1e-3)
    else:
        model = RidgeClassifier(class_weight="balanced", solver="sparse_cg", tol=1e-3)
    return make_pipeline(TfidfTransformer(sublinear_tf=True), model)


def _balanced_accuracy(true: np.ndarray, guessed: np.ndarray) -> float:
    sizes = np.bincount(true)
    return float((np.bincount(true[true == guessed], minlength=len(sizes)) / sizes).mean())


def _best_balanced_accuracy(true: np.ndarray, guessed: np.ndarray) -> float:
    """Return the balanced accuracy of the label that is predicted best, of (n, labels)."""
    return max(_balanced_accuracy(*columns) for columns in zip(true.T, guessed.T, strict=True))


def _correlation(true: np.ndarray, guessed: np.ndarray) -> float:
    if true.std() == 0 or guessed.std() == 0:
        return 0.0
    return float(np.corrcoef(true, guessed)[0, 1])
