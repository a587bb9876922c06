"""How much texts resemble those that a model was trained on: unknown words, nearest text."""

import re
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from foldline.metrics.weighted_sample import Floats

_WORD = re.compile(r"\w+")
MAX_CHARACTERS = 2_000  # of a text that are read
# A text's rarest words are looked up until they are in this many training texts together.
CANDIDATES = 3_000
NEAREST = 16  # training texts by rare words whose exact cosine is computed
BLOCK = 1_000  # texts compared at once


class Resemblance(NamedTuple):
    """Of each text (n,): the share of unknown words, and the cosine to the nearest text."""

    unknown: Floats
    similarity: Floats


def compare_with_training(
    texts: Sequence[str], training: Sequence[str], folds: np.ndarray | None = None
) -> Resemblance:
    """Return the resemblance of texts (n,) with training texts, all from 0 to 1.

    A word is unknown if no training text has it. The cosine is that of TF-IDF of words. The nearest
    text is sought among those that share a rare word, so that the cost grows with the texts, not
    with their pairs; its cosine is exact. With `folds` (n,) the training texts of a row are the
    texts of the other folds, besides `training`.
    """
    counts = _count_words([*texts, *training])
    n = len(texts)
    if folds is None:
        return _compare(counts[:n], counts[n:])
    found = Resemblance(np.zeros(n), np.zeros(n))
    for fold in np.unique(folds):
        own, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        known = np.concatenate([others, np.arange(n, counts.shape[0])])
        for all_values, values in zip(found, _compare(counts[own], counts[known]), strict=True):
            all_values[own] = values
    return found


def _count_words(texts: Sequence[str]) -> Any:
    """Return how often each text has each word, as a sparse array (n, words)."""
    from scipy.sparse import csr_array

    numbers: dict[str, int] = {}
    codes, ends = array("i"), array("q", [0])
    for text in texts:
        words = _WORD.findall(text[:MAX_CHARACTERS].lower())
        codes.extend([numbers.setdefault(word, len(numbers)) for word in words])
        ends.append(len(codes))
    indices, starts = np.asarray(codes, dtype=np.int32), np.asarray(ends)
    shape = (len(texts), max(1, len(numbers)))
    counts = csr_array((np.ones(len(indices)), indices, starts), shape)
    counts.sum_duplicates()
    return counts


def _compare(counts: Any, training: Any) -> Resemblance:
    """Return the resemblance of texts with training texts by their counts of words."""
    frequencies = np.bincount(training.indices, minlength=counts.shape[1])
    total = counts.sum(axis=1)
    unknown = counts @ (frequencies == 0).astype(np.float64)
    # Smoothed as in scikit-learn.
    idf = np.log((1 + training.shape[0]) / (1 + frequencies)) + 1
    own, others = _weight(counts, idf), _weight(training, idf)
    similarity = np.zeros(counts.shape[0])
    rows, candidates = _find_candidates(own, others, frequencies)
    for start in range(0, len(rows), BLOCK):
        pairs = slice(start, start + BLOCK)
        cosines = own[rows[pairs]].multiply(others[candidates[pairs]]).sum(axis=1)
        np.maximum.at(similarity, rows[pairs], cosines)
    # Equal texts have a cosine of 1 but for the last bits.
    return Resemblance(unknown / np.maximum(total, 1), similarity.round(9))


def _weight(counts: Any, idf: Floats) -> Any:
    """Return TF-IDF of unit length."""
    weighted = counts.copy()
    weighted.data = counts.data * idf[counts.indices]
    norms = np.sqrt((weighted**2).sum(axis=1))
    weighted.data /= np.repeat(np.where(norms > 0, norms, 1.0), np.diff(weighted.indptr))
    return weighted


def _find_candidates(
    texts: Any, training: Any, frequencies: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of a text and a training text: those with the most of its rare words by weight.

    At most NEAREST for each text.
    """
    rare, by_word = _keep_rare_words(texts, frequencies), training.T.tocsr()
    rows, found = [np.zeros(0, dtype=np.intp)], [np.zeros(0, dtype=np.int32)]
    for start in range(0, texts.shape[0], BLOCK):
        cosines = rare[start : start + BLOCK] @ by_word
        for row, (low, high) in enumerate(pairwise(cosines.indptr.tolist())):
            best: Any = slice(None)
            if high - low > NEAREST:
                best = np.argpartition(-cosines.data[low:high], NEAREST)[:NEAREST]
            found.append(cosines.indices[low:high][best])
            rows.append(np.full(len(found[-1]), start + row))
    return np.concatenate(rows), np.concatenate(found)


def _keep_rare_words(texts: Any, frequencies: np.ndarray) -> Any:
    """Return texts with their rarest words alone: see CANDIDATES, and at least one each."""
    from scipy.sparse import csr_array

    rows = np.repeat(np.arange(texts.shape[0]), np.diff(texts.indptr))
    costs = frequencies[texts.indices]
    known = np.flatnonzero(costs)
    order = known[np.lexsort((texts.indices[known], costs[known], rows[known]))]
    rows, costs = rows[order], costs[order]
    starts = np.unique(rows, return_index=True)[1]
    before = np.cumsum(costs) - costs  # of all rows
    before -= np.repeat(before[starts], np.diff([*starts, len(rows)]))
    kept = (before + costs <= CANDIDATES) | (before == 0)
    chosen = order[kept]
    return csr_array((texts.data[chosen], (rows[kept], texts.indices[chosen])), texts.shape)
