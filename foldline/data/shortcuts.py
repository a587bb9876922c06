"""Baselines that should fail: what can be told of the label without reading the text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.group_split import compute_strata
from foldline.core.io.seeds import derive, generator, rank_keys
from foldline.data.multilabel import one_a_label

FOLDS = 3
PERMUTATIONS = 199
LEVEL = 0.005  # no permutation of 199 as good
# How far a baseline must come to matter: classes by the share of the way from chance to
# perfect, numbers by their correlation.
MARGIN = {"classification": 0.2, "multilabel": 0.2, "regression": 0.3}
MOST, MOST_PAIRS = 10_000, 5_000  # rows looked at
LEAST = 20  # rows with a label, and without it, where there may be several
_CHARACTERS = 500  # of each text of a pair
_MOST_CELLS = 200_000  # rows times classes
_COUNTED = {"punctuation": r"[^\w\s]", "digits": r"\d", "uppercase": "[A-ZÀ-ÖØ-ÞΑ-ΩА-Я]"}
TOLD = {
    "classification": "the class",
    "multilabel": "one of the labels",
    "regression": "the number",
}
WHAT = {
    "length": "length, marks, digits and capitals alone tell",
    "first": "the first text of a pair alone tells",
    "second": "the second text of a pair alone tells",
}


@dataclass(frozen=True)
class Shortcut:
    """A baseline's score out of fold, what chance gives, and whether that is too good.

    Classes are scored by balanced accuracy (of several labels a row, that of the best told one),
    numbers by Pearson's r. `gain` is the share of the
    way from chance to 1; `p` is that of a permutation test.
    """

    score: float
    chance: float
    gain: float
    p: float
    clear: bool


def find_shortcuts(rows: pd.DataFrame, task: str, seed: int) -> dict[str, Shortcut]:
    """Score the baselines by name: length, and for pairs first and second.

    `rows` stand in an order that says nothing (id, text, text_pair, label, dup_group); at most
    10,000 are looked at, of pairs 5,000. Duplicates stand in one fold. Of classes with fewer
    than four rows on average, and from fewer than three groups, nothing can be learnt.
    """
    classes = 1 if task == "regression" else one_a_label(rows, task)["label"].nunique()
    pairs = bool((rows["text_pair"] != "").any())
    rows = rows.iloc[: min(MOST_PAIRS if pairs else MOST, _MOST_CELLS // classes)]
    # By number, not by name: names may be counted up as the labels are.
    groups = rank_keys(derive(seed, "shortcuts"), rows["dup_group"].tolist())
    target = _target(rows["label"], task)
    few = classes * 4 > len(rows) or target.size == 0
    if few or len(set(groups.tolist())) < FOLDS:
        return {}
    judge = _Judge(task, target, groups, generator(seed, "shortcuts", "null"))
    found = {"length": judge.score(_tree(task), shapes(rows, pairs))}
    if pairs:
        found["first"] = judge.score(_linear(task), _hashed(rows["text"].tolist()))
        found["second"] = judge.score(_linear(task), _hashed(rows["text_pair"].tolist()))
    return found


def told(name: str, found: Shortcut, task: str) -> str:
    """Say in a line for the user what a baseline can do, and what it may mean."""
    what = TOLD[task]
    measure = "Pearson's r" if task == "regression" else "balanced accuracy"
    meaning = (
        "see whether rows of different labels were gathered in different ways"
        if name == "length"
        else "where two texts are to be compared, a good score will not show that a model does so"
    )
    return (
        f"{WHAT[name]} {what}: {measure} {found.score:.2f}, by chance {found.chance:.2f}; {meaning}"
    )


def shapes(rows: pd.DataFrame, pairs: bool) -> np.ndarray:
    """Give (n, 5) characters, words and shares of marks, digits and capitals; of pairs (n, 10)."""
    columns: list[np.ndarray] = []
    for role in ["text", "text_pair"] if pairs else ["text"]:
        texts = rows[role]
        length = texts.str.len().to_numpy(dtype=np.float64)
        columns += [length, texts.str.count(r"\S+").to_numpy(dtype=np.float64)]
        for pattern in _COUNTED.values():
            columns.append(texts.str.count(pattern).to_numpy(dtype=np.float64) / (length + 1))
    return np.column_stack(columns)


def _target(labels: "pd.Series[str]", task: str) -> np.ndarray:
    """Give what is to be told: classes (n,), numbers (n,), or (n, labels) of 0 and 1."""
    if task != "multilabel":
        return labels.to_numpy(dtype=str if task == "classification" else np.float64)
    found = compute_strata(labels, task)
    with_it = found.sum(axis=0)
    return found[:, (with_it >= LEAST) & (with_it <= len(found) - LEAST)]


@dataclass(frozen=True)
class _Judge:
    task: str
    target: np.ndarray
    groups: np.ndarray
    rng: np.random.Generator

    def score(self, model: Any, features: Any) -> Shortcut:
        from sklearn.model_selection import GroupKFold, cross_val_predict

        folds = GroupKFold(FOLDS)
        predicted = cross_val_predict(model, features, self.target, groups=self.groups, cv=folds)
        measure: Callable[[np.ndarray, np.ndarray], float]
        if self.task == "classification":
            classes, true = np.unique(self.target, return_inverse=True)
            measure = _balanced_accuracy
            guessed, chance = np.searchsorted(classes, predicted), 1 / len(classes)
        elif self.task == "multilabel":
            true, guessed, measure, chance = self.target, predicted, _best_told, 0.5
        else:
            true, guessed, measure, chance = self.target, predicted, _correlation, 0.0
        score = measure(true, guessed)
        null = [measure(self.rng.permutation(true), guessed) for _ in range(PERMUTATIONS)]
        p = (1 + sum(value >= score for value in null)) / (1 + PERMUTATIONS)
        gain = max((score - chance) / (1 - chance), 0.0)
        return Shortcut(score, chance, gain, p, p <= LEVEL and gain >= MARGIN[self.task])


def _tree(task: str) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    size = {"max_depth": 6, "min_samples_leaf": 20, "random_state": 0}
    if task == "regression":
        return DecisionTreeRegressor(**size)
    return DecisionTreeClassifier(class_weight="balanced", **size)


def _hashed(texts: list[str]) -> Any:
    """Count character n-grams: words would not do, as Korean particles make many of one."""
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 4), n_features=1 << 18, alternate_sign=False, norm=None
    )
    return vectorizer.transform([text[:_CHARACTERS] for text in texts])


def _linear(task: str) -> Any:
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


def _best_told(true: np.ndarray, guessed: np.ndarray) -> float:
    """Give the balanced accuracy of the label that is told best, of (n, labels)."""
    return max(_balanced_accuracy(*columns) for columns in zip(true.T, guessed.T, strict=True))


def _correlation(true: np.ndarray, guessed: np.ndarray) -> float:
    if true.std() == 0 or guessed.std() == 0:
        return 0.0
    return float(np.corrcoef(true, guessed)[0, 1])
