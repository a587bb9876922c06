"""Label artifacts: n-grams that occur almost only with one label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

MIN_TEXTS = 20  # distinct texts with an n-gram; with fewer, a G-test has little power
MIN_PRECISION, MIN_COVERAGE, MAX_Q = 0.98, 0.2, 0.01
NOTEWORTHY_SHARE, NOTEWORTHY_COVERAGE = 0.2, 0.9  # share of all texts; share of one class
MAX_SPREAD = 0.1  # regression: standard deviation of labels with the n-gram, relative to all
# Words, and runs of other characters: a tag such as `<3>` or `##` can be an artifact, too.
_TOKEN = r"\w+|[^\w\s]+"
START_CHARACTERS, END_CHARACTERS = (
    1500,
    500,
)  # characters of a long text that are kept: artifacts are at its ends


@dataclass(frozen=True)
class Ngrams:
    """The word n-grams of one text column; `present` is (texts, n-grams), sparse, 0 or 1."""

    names: np.ndarray
    present: Any


def find_ngrams(texts: Sequence[str], least: int = MIN_TEXTS, longest: int = 2) -> Ngrams:
    """Find the n-grams of up to `longest` words, ignoring case, that `least` texts have."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(
        token_pattern=_TOKEN, ngram_range=(1, longest), binary=True, min_df=least, dtype=np.int32
    )
    try:
        present = counter.fit_transform([_keep_ends(text) for text in texts])
    except ValueError:  # scikit-learn raises where no n-gram is frequent enough
        from scipy.sparse import csr_matrix

        return Ngrams(np.array([], dtype=str), csr_matrix((len(texts), 0), dtype=np.int32))
    return Ngrams(counter.get_feature_names_out(), present)


def contains_ngram(ngrams: Ngrams, names: "Sequence[str] | pd.Series[str]") -> np.ndarray:
    """Return which texts have at least one of the n-grams: (texts,) bool."""
    selected = np.isin(ngrams.names, np.asarray(names, dtype=ngrams.names.dtype))
    return np.asarray(ngrams.present[:, selected].sum(axis=1)).ravel() > 0


def class_associations(ngrams: Ngrams, labels: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Test each n-gram and class for association; return the pairs more frequent than by chance.

    `labels` are those of each text, one or several.

    The test is the one-sided log-likelihood ratio (Dunning, 1993) with one degree of freedom; `q`
    is Benjamini and Hochberg's (1995) over all pairs. `precision` is the share of the n-gram's
    texts that have the label, `coverage` the share of the label's texts that have the n-gram.
    """
    from scipy.sparse import csr_matrix
    from scipy.special import chdtrc

    n, lengths = len(labels), [len(own) for own in labels]
    each = np.array([label for own in labels for label in own], dtype=str)
    classes, codes = np.unique(each, return_inverse=True)
    texts = np.repeat(np.arange(n), lengths)
    ones = np.ones(len(codes), dtype=np.int32)
    member = csr_matrix((ones, (codes, texts)), shape=(len(classes), n))
    both = (member @ ngrams.present).tocoo()
    holds = _text_counts(ngrams)[both.col]
    sizes = np.bincount(codes)[both.row]
    k = both.data.astype(np.int64)  # times n, it would not fit into 32 bits
    more = k * n > holds * sizes
    k, holds, sizes = k[more], holds[more], sizes[more]
    statistic = _log_likelihood(k, holds, sizes, n)
    table = pd.DataFrame(
        {
            "ngram": ngrams.names[both.col[more]],
            "label": classes[both.row[more]],
            "texts": holds,
            "precision": k / holds,
            "coverage": k / sizes,
            "strength": statistic,
            "q": adjust_p_values(chdtrc(1, statistic) / 2, len(classes) * len(ngrams.names)),
        }
    )
    return _sort_by_strength(table)


def number_correlations(ngrams: Ngrams, numbers: np.ndarray) -> pd.DataFrame:
    """Test the correlation of each n-gram's presence with a number (two-sided t-test).

    `spread` is the standard deviation of the numbers with the n-gram, relative to that of all,
    `mean` their mean, `coverage` the share of all texts; `q` as in `class_associations`.
    """
    from scipy.special import stdtr

    n, sd = len(numbers), float(numbers.std())
    holds = _text_counts(ngrams)
    some = (holds < n) & (sd > 0)
    names, holds, present = ngrams.names[some], holds[some], ngrams.present[:, some]
    mean = present.T @ numbers / holds
    square = present.T @ (numbers - numbers.mean()) ** 2 / holds
    within = np.sqrt(np.maximum(square - (mean - numbers.mean()) ** 2, 0))
    share = holds / n
    r = (mean - numbers.mean()) / (sd or 1.0) * np.sqrt(share / (1 - share))
    r = np.clip(r, -1 + 1e-12, 1 - 1e-12)
    t = np.abs(r) * np.sqrt((n - 2) / (1 - r**2))
    table = pd.DataFrame(
        {
            "ngram": names,
            "label": "",
            "texts": holds,
            "mean": mean,
            "spread": within / (sd or 1.0),
            "coverage": share,
            "correlation": r,
            "strength": t,
            "q": adjust_p_values(2 * stdtr(n - 2, -t), len(names)),
        }
    )
    return _sort_by_strength(table)


def adjust_p_values(p: np.ndarray, tests: int) -> np.ndarray:
    """Return Benjamini and Hochberg's q (1995) of p-values; the other `tests` have p = 1.

    Raises:
        ValueError: where there are more p-values than tests.
    """
    if len(p) > tests:
        raise ValueError(f"{len(p)} p-values of {tests} tests")
    if not len(p):
        return p
    from scipy.stats import false_discovery_control

    return np.asarray(np.minimum(false_discovery_control(p) * tests / len(p), 1.0))


def is_artifact(table: pd.DataFrame) -> "pd.Series[bool]":
    """Return which n-grams nearly determine the label.

    Classes: at least 98 % of the n-gram's texts have the label, and a fifth of the label's texts
    have the n-gram. Numbers: `spread` is at most .1, and a twentieth of the texts have the n-gram.
    Both: q below .01.
    """
    if "spread" in table:
        decisive = (table["spread"] <= MAX_SPREAD) & (table["coverage"] >= 0.05)
    else:
        decisive = (table["precision"] >= MIN_PRECISION) & (table["coverage"] >= MIN_COVERAGE)
    return decisive & (table["q"] < MAX_Q)


def is_noteworthy(share: float, coverages: Sequence[float]) -> bool:
    """Return whether artifacts deserve a note: a fifth of all texts, or nine in ten of a class.

    Less is normal where classes are topics: `visa` is in most texts of a class about visas.
    """
    return share >= NOTEWORTHY_SHARE or max(coverages, default=0.0) >= NOTEWORTHY_COVERAGE


def _text_counts(ngrams: Ngrams) -> np.ndarray:
    """Return the number of texts that have each n-gram: (n-grams,)."""
    return np.asarray(ngrams.present.sum(axis=0), dtype=np.int64).ravel()


def _log_likelihood(k: np.ndarray, holds: np.ndarray, sizes: np.ndarray, n: int) -> np.ndarray:
    """Return the G statistic of 2 x 2 tables, from their first cell and margins."""
    from scipy.special import xlogy

    rows, columns = (holds, n - holds), (sizes, n - sizes)
    cells = ((k, holds - k), (sizes - k, n - holds - sizes + k))
    total = np.zeros(len(k))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cell, expected = cells[i][j], row * (column / n)
            total += xlogy(cell, np.where(cell > 0, cell, 1) / np.where(expected > 0, expected, 1))
    return np.maximum(2 * total, 0.0)


def _sort_by_strength(table: pd.DataFrame) -> pd.DataFrame:
    order = ["strength", "ngram", "label"]
    return table.sort_values(order, ascending=[False, True, True], ignore_index=True)


def _keep_ends(text: str) -> str:
    return (
        text
        if len(text) <= START_CHARACTERS + END_CHARACTERS
        else f"{text[:START_CHARACTERS]} {text[-END_CHARACTERS:]}"
    )
