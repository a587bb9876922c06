"""N-gram counts with numpy arrays: the same as scikit-learn's, but faster.

A character n-gram is encoded as one integer: each character has a rank among those of all texts,
and the ranks fill the integer's bits from the highest down, so integers sort as their n-grams do.
"""

import re
from typing import Any, NamedTuple

import numpy as np

BITS = 63  # of the integer that encodes an n-gram
SPACE = 32
WORD = re.compile(r"(?u)\b\w+\b")


class NgramCounts(NamedTuple):
    """Counts (n texts, k) as a sparse matrix, and the n-grams of its columns in order."""

    matrix: Any
    ngrams: list[str]


class _Characters(NamedTuple):
    """The characters of all words: rank from 1, text, characters left in the word, word start."""

    ranks: np.ndarray
    rows: np.ndarray
    left: np.ndarray
    first: np.ndarray
    alphabet: np.ndarray


def count_within_words(texts: list[str], low: int, high: int, min_df: int) -> NgramCounts | None:
    """Count n-grams of `low` to `high` characters that occur in at least `min_df` texts.

    They equal scikit-learn's `char_wb`: of each lower-cased word between two spaces; a word shorter
    than `low` counts whole. Returns None if the texts have too many different characters for an
    integer to hold `high` of them, or contain the character 0, which numpy strings cannot end with.
    """
    places = _index_characters(texts)
    width = len(places.alphabet).bit_length()
    if width * high > BITS or not places.alphabet.all():
        return None
    numbers = np.zeros(len(places.ranks), dtype=np.int64)
    kept, parts = [], []
    for size in range(1, high + 1):
        _append_character(numbers, places, size, width * (high - size))
        if size < low:
            continue
        whole = places.left >= size
        if size == low:
            whole |= places.first  # a shorter word counts whole
        found, matrix = _count_matrix(numbers[whole], places.rows[whole], len(texts), min_df)
        kept.append(found)
        parts.append(matrix)
    known = np.concatenate(kept)
    order = np.argsort(known, kind="stable")
    return NgramCounts(
        _stack_columns(parts, order), _decode_ngrams(known[order], places.alphabet, width, high)
    )


def count_words(texts: list[str], low: int, high: int) -> NgramCounts:
    """Count n-grams of `low` to `high` lower-cased words, joined by spaces."""
    import pandas as pd

    found = [WORD.findall(text.lower()) for text in texts]
    lengths = np.array([len(some) for some in found], dtype=np.int64)
    rows = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(rows))
    every = np.array([word for some in found for word in some], dtype=object)
    words, names = pd.factorize(every)
    numbers, before = words, names.tolist()  # the n-gram that starts at each word
    grams, parts = [], []
    for size in range(1, high + 1):
        if size > 1:
            there = np.flatnonzero(left >= size)
            longer, known = pd.factorize(
                numbers[there] * np.int64(len(names)) + words[there + size - 1]
            )
            starts, ends = np.divmod(known, len(names)) if len(known) else (known, known)
            before = [f"{before[i]} {names[j]}" for i, j in zip(starts, ends, strict=True)]
            numbers = np.zeros(len(words), dtype=np.int64)
            numbers[there] = longer
        if size >= low:
            here = left >= size
            parts.append(_count_matrix(numbers[here], rows[here], len(texts), 1)[1])
            grams += before
    order = np.array(sorted(range(len(grams)), key=grams.__getitem__), dtype=np.int64)
    return NgramCounts(_stack_columns(parts, order), [grams[place] for place in order])


def _stack_columns(parts: list[Any], order: np.ndarray) -> Any:
    """Stack matrices side by side and reorder their columns."""
    from scipy import sparse

    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    matrix = sparse.hstack(parts, format="csr")
    matrix.indices = rank[matrix.indices]
    matrix.sort_indices()
    return matrix


def _index_characters(texts: list[str]) -> _Characters:
    words = [text.lower().split() for text in texts]
    everything = "".join(f" {'  '.join(some)} " for some in words if some)
    codes = np.frombuffer(everything.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    spaces = np.flatnonzero(codes == SPACE)
    lengths = spaces[1::2] + 1 - spaces[::2]
    there = np.zeros(int(codes.max(initial=SPACE)) + 1, dtype=bool)
    there[codes] = True
    ranks = np.cumsum(there)[codes].astype(np.int64)
    rows = np.repeat(np.arange(len(texts), dtype=np.int32), [len(some) for some in words])
    ends = np.repeat(spaces[1::2] + 1, lengths)
    first = np.zeros(len(codes), dtype=bool)
    first[spaces[::2]] = True
    left = ends - np.arange(len(codes))
    return _Characters(ranks, np.repeat(rows, lengths), left, first, np.flatnonzero(there))


def _append_character(numbers: np.ndarray, places: _Characters, size: int, shift: int) -> None:
    """Add the character at offset `size - 1` to each code whose word is long enough."""
    reach = len(numbers) - size + 1
    if reach > 0:
        there = places.left[:reach] >= size
        numbers[:reach][there] |= places.ranks[size - 1 :][there] << shift


def _count_matrix(
    numbers: np.ndarray, rows: np.ndarray, texts: int, min_df: int
) -> tuple[np.ndarray, Any]:
    """Return the codes that occur in at least `min_df` texts, and their counts (texts, codes)."""
    import pandas as pd
    from scipy import sparse

    codes, found = pd.factorize(numbers)
    shape = (texts, len(found))
    ones = np.ones(len(codes))
    matrix = sparse.coo_matrix((ones, (rows, codes.astype(np.int32))), shape).tocsr()
    if min_df <= 1:
        return np.asarray(found), matrix
    often = np.bincount(matrix.indices, minlength=len(found)) >= min_df
    return np.asarray(found)[often], matrix[:, often]


def _decode_ngrams(numbers: np.ndarray, alphabet: np.ndarray, width: int, high: int) -> list[str]:
    """Return the n-grams as strings; shorter ones hold zeros, which numpy strings drop."""
    signs = np.concatenate([[0], alphabet]).astype(np.uint32)
    shifts = width * np.arange(high - 1, -1, -1)
    columns = signs[(numbers[:, None] >> shifts) & ((1 << width) - 1)]
    return list(np.ascontiguousarray(columns).view(f"<U{high}").ravel().tolist())
