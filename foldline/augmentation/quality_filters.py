"""What a copy must pass: it is changed, new, not too long or short, and still says its label."""

import sys
from collections.abc import Set

import numpy as np
import pandas as pd
from tqdm import tqdm

from foldline.augmentation.features import Bags
from foldline.core.io.labels import Labels, names_of
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Gates
from foldline.data import similarity_join
from foldline.data.duplicates import candidate_pairs
from foldline.data.leaks import text_digest
from foldline.data.normalization import casefold_key

GATES = ("unchanged", "duplicate", "held", "length", "near", "agreement")
FOLDS = 5
MANY = 5_000  # rows; with so many it takes a while
Texts = tuple[str, str]


class Gate:
    """The gates that look at one copy at a time; it remembers what it let through.

    `rows` are all training rows, `held` digests of texts that are held out: neither may be met
    again as a copy.
    """

    def __init__(self, rows: pd.DataFrame, gates: Gates, held: Set[str]) -> None:
        self._gates, self._held = gates, held
        self._seen = set(_texts(rows))

    def refused(self, source: Texts, copy: Texts) -> str:
        """Name the gate that a copy fails, or give an empty text and remember the copy."""
        if copy == source:
            return "unchanged"
        if copy in self._seen:
            return "duplicate"
        if self._held and text_digest(*copy) in self._held:
            return "held"
        if not self._fits(source, copy):
            return "length"
        self._seen.add(copy)
        return ""

    def _fits(self, source: Texts, copy: Texts) -> bool:
        """Compare characters of both texts together; none may become empty, or come to be."""
        if [bool(text) for text in source] != [bool(text) for text in copy]:
            return False
        ratio = sum(map(len, copy)) / sum(map(len, source))
        return self._gates.min_length_ratio <= ratio <= self._gates.max_length_ratio


def near(rows: pd.DataFrame, copies: pd.DataFrame, threshold: float) -> tuple[np.ndarray, str]:
    """Say which copies are near to a row, or an earlier copy, of another source: (c,) bool.

    Near is a Jaccard similarity of character 3-grams of at least `threshold`; 1 is off. Pairs are
    found as `prepare` finds near duplicates, which the second value tells.
    """
    texts = [
        casefold_key(f"{text}\n{pair}" if pair else text)
        for text, pair in _texts(rows) + _texts(copies)
    ]
    order = np.array(sorted(range(len(texts)), key=texts.__getitem__), dtype=np.int64)
    sets, lists, way = candidate_pairs([texts[place] for place in order], threshold)
    sources = pd.factorize(np.array([*rows["id"], *copies["source_id"]], dtype=object))[0]
    made = order >= len(rows)
    pairs = np.sort(
        order[similarity_join.similar_pairs(sets, lists, threshold, sources[order], made)]
    )
    refused = np.zeros(len(texts), dtype=bool)
    # By the later one's place: one that was refused itself is no reason to refuse another.
    for one, other in pairs[np.argsort(pairs[:, 1], kind="stable")].tolist():
        refused[other] |= not refused[one]
    told = f"copies near to other rows (Jaccard of 3-grams from {threshold:g}): {way}"
    return refused[len(rows) :], told


def _texts(rows: pd.DataFrame) -> list[Texts]:
    return list(zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True))


def agreement(rows: pd.DataFrame, copies: pd.DataFrame, task: str, seed: int) -> np.ndarray:
    """Give how far a model that has not seen a copy's group agrees with its label: (c,) in 0..1.

    Groups are shared over five folds, and a copy is judged by the model of the four others.
    Classes: the probability of the copy's class, by a logistic regression on TF-IDF; 1 where it
    was learnt from no row that has that class, as it cannot tell. Several labels a row: the least
    probability of one that the row has, or has not. Numbers: 1 less the change of a
    ridge regression's prediction from source to copy, as a share of the target's range.
    """
    found = np.ones(len(copies))
    folds = _folds(rows["group"].tolist(), seed)
    places = pd.Series(np.arange(len(rows)), index=rows["id"])
    sources = places.loc[copies["source_id"]].to_numpy()
    judge = {"regression": _by_number, "multilabel": _by_labels}.get(task, _by_class)
    shown = tqdm(range(FOLDS), "agreement", unit="fold", disable=len(rows) < MANY, file=sys.stderr)
    for fold in shown:
        learn, asked = rows[folds != fold], np.flatnonzero(folds[sources] == fold)
        if len(asked) and not learn.empty:
            found[asked] = judge(learn, rows.iloc[sources[asked]], copies.iloc[asked])
    return found


def _folds(groups: list[str], seed: int) -> np.ndarray:
    """Give each row a fold, whole groups in one: (n,) int, whatever the order of rows."""
    names = sorted(set(groups))
    ranks = np.argsort(np.argsort(rank_keys(seed, [f"agree\x1f{name}" for name in names])))
    folds = dict(zip(names, (ranks % FOLDS).tolist(), strict=True))
    return np.array([folds[name] for name in groups], dtype=np.int64)


def _by_class(learn: pd.DataFrame, sources: pd.DataFrame, copies: pd.DataFrame) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    classes = np.unique(learn["label"].to_numpy(dtype=str))
    if len(classes) < 2:
        return np.ones(len(copies))
    bags = Bags(learn)
    logistic = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=0)
    model = OneVsRestClassifier(logistic).fit(bags.of(learn), learn["label"].to_numpy(dtype=str))
    # A class that was not learnt has no column: its copies pass.
    said = np.column_stack([model.predict_proba(bags.of(copies)), np.ones(len(copies))])
    columns = {name: column for column, name in enumerate(model.classes_.tolist())}
    own = [columns.get(name, len(columns)) for name in copies["label"].tolist()]
    return np.asarray(said[np.arange(len(copies)), own])


def _by_labels(learn: pd.DataFrame, sources: pd.DataFrame, copies: pd.DataFrame) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    names = sorted({name for label in learn["label"] for name in names_of(label)})
    labels = Labels("multilabel", tuple(names))
    target, own = labels.encode(learn["label"]), labels.encode(copies["label"])
    bags = Bags(learn)
    known, asked = bags.of(learn), bags.of(copies)
    least = np.ones(len(copies))
    for column in np.flatnonzero(target.min(axis=0) < target.max(axis=0)).tolist():
        logistic = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=0)
        said = logistic.fit(known, target[:, column]).predict_proba(asked)
        least = np.minimum(least, said[np.arange(len(copies)), own[:, column]])
    return least


def _by_number(learn: pd.DataFrame, sources: pd.DataFrame, copies: pd.DataFrame) -> np.ndarray:
    from sklearn.linear_model import Ridge

    target = learn["label"].to_numpy(dtype=np.float64)
    spread = float(np.ptp(target))
    if spread == 0:
        return np.ones(len(copies))
    bags = Bags(learn)
    model = Ridge(random_state=0, solver="lsqr").fit(bags.of(learn), target)
    change = np.abs(model.predict(bags.of(copies)) - model.predict(bags.of(sources)))
    return np.asarray(1 - np.clip(change / spread, 0, 1))
