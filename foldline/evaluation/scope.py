"""Rows that are unlike the training rows: of no known class, another topic or language.

Two signs, ranked among out-of-fold rows and averaged: a low confidence, and texts without similar
ones among the training rows. A sample of the training rows is searched; another one, of other
groups, is scored in the same way and gives conformal p-values (Bates et al., 2023).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.io.seeds import rank_keys
from foldline.core.io.texts import join_texts
from foldline.metrics.multiple_testing import benjamini_hochberg
from foldline.metrics.out_of_scope import conformal_p_values, rank_among
from foldline.metrics.weighted_sample import Floats
from foldline.models.ngram_counts import count_within_words

SEARCHED, SCORED = 5_000, 5_000  # training rows at most
FEWEST = 40  # of them together: with fewer no p-value could be low
GRAM, CHARACTERS = 3, 500  # characters of an n-gram, and of a text that are read
MOST, CHUNK = 20_000, 10_000  # new rows: of a part, of more a sample; at once
SHOWN = 50  # rows in the report
SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Scope:
    """Texts that new ones are compared with, and the scores of other known rows by each sign."""

    texts: Sequence[str]
    similarity: Floats
    confidence: Floats | None
    scores: Floats


def fit_scope(rows: pd.DataFrame, final: np.ndarray, labels: Labels, seed: int) -> Scope | None:
    """Return what rows with texts and final out-of-fold predictions (n, c) say; None for too few.

    Confidence counts for classes alone: a row without any label of multilabel is no surprise.
    """
    groups = rows["group"].tolist()
    order = np.argsort(rank_keys(seed, groups), kind="stable")
    order = order[: SEARCHED + SCORED]
    size = min(SCORED, len(order) // 2)
    if len(order) < FEWEST:
        return None
    scored, searched = order[:size], order[size:]
    searched = searched[~rows["group"].iloc[searched].isin({groups[i] for i in scored}).to_numpy()]
    texts = cut_texts(rows)
    known = [texts[i] for i in searched]
    similarity = find_similarity(known, [texts[i] for i in scored])
    confidence = compute_confidences(final[scored], labels)
    return Scope(
        known, similarity, confidence, _average(similarity, confidence, similarity, confidence)
    )


def score_scope(scope: Scope, rows: pd.DataFrame, final: np.ndarray, labels: Labels) -> Floats:
    """Return the conformal p-value (n,) of rows; a low one says that a row is out of scope."""
    similarity = find_similarity(scope.texts, cut_texts(rows))
    confidence = compute_confidences(final, labels)
    scores = _average(scope.similarity, scope.confidence, similarity, confidence)
    return conformal_p_values(scope.scores, scores)


def _average(
    known_similarity: Floats,
    known_confidence: Floats | None,
    similarity: Floats,
    confidence: Floats | None,
) -> Floats:
    ranks = rank_among(known_similarity, similarity)
    if known_confidence is None or confidence is None:
        return ranks
    return (ranks + rank_among(known_confidence, confidence)) / 2


def compute_confidences(final: np.ndarray, labels: Labels) -> Floats | None:
    """Return the highest probability (n,) of rows; None for other tasks than classification."""
    if labels.task != "classification":
        return None
    return np.asarray(np.round(final.max(axis=1), 12))


def cut_texts(rows: pd.DataFrame) -> list[str]:
    """Return the texts that are compared."""
    # The character 0 is none that n-grams are counted of.
    return [text.replace("\0", " ").strip()[:CHARACTERS] for text in join_texts(rows)]


def find_similarity(known: Sequence[str], new: Sequence[str]) -> Floats:
    """Return the highest cosine similarity (m,) of new texts to known ones, in [0, 1].

    By TF-IDF of character 3-grams within words; n-grams that no known text has count as the rarest.
    """
    parts = [_search(known, new[start : start + CHUNK]) for start in range(0, len(new), CHUNK)]
    return np.concatenate([np.empty(0), *parts])


def _search(known: Sequence[str], new: Sequence[str]) -> Floats:
    from sklearn.preprocessing import normalize

    counts = count_within_words([*known, *new], GRAM, GRAM, 1)
    if counts is None or not counts.ngrams:
        return np.zeros(len(new))
    matrix, n = counts.matrix.astype(np.float64), len(known)
    documents = np.bincount(matrix[:n].indices, minlength=matrix.shape[1])
    idf = np.log((1 + n) / (1 + documents)) + 1
    matrix.data = (1 + np.log(matrix.data)) * idf[matrix.indices]
    matrix = normalize(matrix)
    transposed = matrix[:n].T.tocsr()
    found = [
        (matrix[start : start + 500] @ transposed).max(axis=1).toarray().ravel()
        for start in range(n, n + len(new), 500)
    ]
    return np.round(np.concatenate(found), 9)[: len(new)]


def make_scope_report(
    scope: Scope | None,
    parts: Mapping[str, tuple[pd.DataFrame, np.ndarray]],
    labels: Labels,
    level: float,
) -> dict[str, Any]:
    """Return the rows of each part that are out of scope: their number, and those least like.

    `parts` are rows with their final predictions, of which MOST are judged. Of the rows that are
    counted, a share of at most 1 - level is expected to be like the training rows (Benjamini and
    Hochberg, 1995).
    """
    if scope is None:
        return {}
    report: dict[str, Any] = {
        "level": level,
        "searched": len(scope.texts),
        "scored": len(scope.scores),
    }
    for name, (rows, final) in parts.items():
        if rows.empty:
            continue
        sample = np.sort(np.argsort(rank_keys(0, rows["id"].tolist()), kind="stable")[:MOST])
        rows, final = rows.iloc[sample], final[sample]
        p = score_scope(scope, rows, final, labels)
        # It holds for conformal p-values of the same known rows, too (Bates et al., 2023).
        rejected = benjamini_hochberg(p) <= 1 - level
        order = np.lexsort((rows["id"].to_numpy(dtype=str), p))
        report[name] = {
            "rows": len(rows),
            "out_of_scope": int(rejected.sum()),
            "low_p": float((p <= 1 - level).mean()),
            "least_alike": [
                {
                    "id": rows["id"].iloc[i],
                    "in_scope_p": float(p[i]),
                    "out_of_scope": bool(rejected[i]),
                    "text": rows["text"].iloc[i][:SHOWN_CHARACTERS],
                }
                for i in order[:SHOWN]
            ],
        }
    return report
