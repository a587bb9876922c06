"""Filters that copies must pass: changed, new, of similar length, and true to their label."""

import sys
from collections.abc import Set

import numpy as np
import pandas as pd
from tqdm import tqdm

from foldline.augmentation.features import NgramVectorizer
from foldline.augmentation.requests import TextPair
from foldline.core.io.group_split import compute_strata, group_folds
from foldline.core.io.labels import Labels, split_label_names
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Gates
from foldline.core.progress import hide_bars
from foldline.data import similarity_join
from foldline.data.duplicates import candidate_pairs
from foldline.data.leaks import text_digest
from foldline.data.normalization import casefold_key

FILTERS = ("unchanged", "duplicate", "held", "length", "near", "agreement")
FOLDS = 5
PROGRESS_ROWS = 5_000  # from this many rows on, a progress bar is shown


class CopyFilter:
    """The filters that look at one copy at a time; it remembers the copies that passed.

    `rows` are all training rows, `held_out` digests of held-out texts: no copy may equal either.
    """

    def __init__(self, rows: pd.DataFrame, limits: Gates, held_out: Set[str]) -> None:
        self._limits, self._held_out = limits, held_out
        self._seen = set(_list_texts(rows))

    def check(self, source: TextPair, copy: TextPair) -> str:
        """Return the name of the filter that a copy fails; an empty text if it passes."""
        if copy == source:
            return "unchanged"
        if copy in self._seen:
            return "duplicate"
        if self._held_out and text_digest(*copy) in self._held_out:
            return "held"
        if not self._has_similar_length(source, copy):
            return "length"
        self._seen.add(copy)
        return ""

    def _has_similar_length(self, source: TextPair, copy: TextPair) -> bool:
        """Compare the characters of both texts together; an empty text must stay empty."""
        if [bool(text) for text in source] != [bool(text) for text in copy]:
            return False
        ratio = sum(map(len, copy)) / sum(map(len, source))
        return self._limits.min_length_ratio <= ratio <= self._limits.max_length_ratio


def find_near_copies(
    rows: pd.DataFrame, copies: pd.DataFrame, threshold: float
) -> tuple[np.ndarray, str]:
    """Return which copies are near to a row, or an earlier copy, of another source: (c,) bool.

    Near means a Jaccard similarity of character 3-grams of at least `threshold`. The second value
    is a note on how pairs were found; it is the way in which `prepare` finds near duplicates.
    """
    texts = [
        casefold_key(f"{text}\n{pair}" if pair else text)
        for text, pair in _list_texts(rows) + _list_texts(copies)
    ]
    order = np.array(sorted(range(len(texts)), key=texts.__getitem__), dtype=np.int64)
    sets, lists, way = candidate_pairs([texts[position] for position in order], threshold)
    sources = pd.factorize(np.array([*rows["id"], *copies["source_id"]], dtype=object))[0]
    is_copy = order >= len(rows)
    pairs = np.sort(
        order[similarity_join.similar_pairs(sets, lists, threshold, sources[order], is_copy)]
    )
    near = np.zeros(len(texts), dtype=bool)
    # In the order of the later one: a copy that was refused is no reason to refuse another.
    for first, second in pairs[np.argsort(pairs[:, 1], kind="stable")].tolist():
        near[second] |= not near[first]
    note = f"copies near to other rows (Jaccard of 3-grams from {threshold:g}): {way}"
    return near[len(rows) :], note


def _list_texts(rows: pd.DataFrame) -> list[TextPair]:
    return list(zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True))


def score_agreement(rows: pd.DataFrame, copies: pd.DataFrame, task: str, seed: int) -> np.ndarray:
    """Return how well a model that has not seen a copy's group agrees with its label: (c,) in 0..1.

    Groups are divided over five folds; the model of the other four scores a copy.
    Classification: the probability of the copy's class, by a logistic regression on TF-IDF; 1 if
    no training row has that class. Multilabel: the lowest probability of the true decision over
    labels. Regression: 1 minus the change of a ridge regression's prediction from source to copy,
    as a share of the target's range.
    """
    agreement = np.ones(len(copies))
    ids, groups = rows["id"].tolist(), rows["group"].tolist()
    strata = compute_strata(rows["label"], task)
    folds = group_folds(ids, groups, strata, FOLDS, derive_seed(seed, "agreement"))
    positions = pd.Series(np.arange(len(rows)), index=rows["id"])
    sources = positions.loc[copies["source_id"]].to_numpy()
    functions = {"regression": _score_numbers, "multilabel": _score_labels}
    score = functions.get(task, _score_classes)
    hide = hide_bars() if len(rows) >= PROGRESS_ROWS else True
    for fold in tqdm(range(FOLDS), "agreement", unit="fold", disable=hide, file=sys.stderr):
        training, own = rows[folds != fold], np.flatnonzero(folds[sources] == fold)
        if len(own) and not training.empty:
            agreement[own] = score(training, rows.iloc[sources[own]], copies.iloc[own])
    return agreement


def _score_classes(
    training: pd.DataFrame, sources: pd.DataFrame, copies: pd.DataFrame
) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    classes = np.unique(training["label"].to_numpy(dtype=str))
    if len(classes) < 2:
        return np.ones(len(copies))
    vectorizer = NgramVectorizer(training)
    logistic = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=0)
    model = OneVsRestClassifier(logistic).fit(
        vectorizer.transform(training), training["label"].to_numpy(dtype=str)
    )
    # A class without training rows has no column, so its copies pass.
    probabilities = np.column_stack(
        [model.predict_proba(vectorizer.transform(copies)), np.ones(len(copies))]
    )
    columns = {name: column for column, name in enumerate(model.classes_.tolist())}
    own = [columns.get(name, len(columns)) for name in copies["label"].tolist()]
    return np.asarray(probabilities[np.arange(len(copies)), own])


def _score_labels(
    training: pd.DataFrame, sources: pd.DataFrame, copies: pd.DataFrame
) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    names = sorted({name for label in training["label"] for name in split_label_names(label)})
    labels = Labels("multilabel", tuple(names))
    target, own = labels.encode(training["label"]), labels.encode(copies["label"])
    vectorizer = NgramVectorizer(training)
    features, copy_features = vectorizer.transform(training), vectorizer.transform(copies)
    lowest = np.ones(len(copies))
    for column in np.flatnonzero(target.min(axis=0) < target.max(axis=0)).tolist():
        logistic = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=0)
        logistic.fit(features, target[:, column])
        probabilities = logistic.predict_proba(copy_features)
        lowest = np.minimum(lowest, probabilities[np.arange(len(copies)), own[:, column]])
    return lowest


def _score_numbers(
    training: pd.DataFrame, sources: pd.DataFrame, copies: pd.DataFrame
) -> np.ndarray:
    from sklearn.linear_model import Ridge

    target = training["label"].to_numpy(dtype=np.float64)
    span = float(np.ptp(target))
    if span == 0:
        return np.ones(len(copies))
    vectorizer = NgramVectorizer(training)
    model = Ridge(random_state=0, solver="lsqr").fit(vectorizer.transform(training), target)
    change = np.abs(
        model.predict(vectorizer.transform(copies)) - model.predict(vectorizer.transform(sources))
    )
    return np.asarray(1 - np.clip(change / span, 0, 1))
