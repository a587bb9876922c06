"""N-gram counts with numpy arrays: the same as scikit-learn's, but faster.

A character n-gram is encoded as one integer: each character has a rank among those of all texts,
and the ranks fill the integer's bits from the highest down, so integers sort as their n-grams do.
"""

import re
import sys
from collections.abc import Iterator
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
    """The characters of all words: code point, text, characters left in the word, word start."""

    points: np.ndarray
    rows: np.ndarray
    left: np.ndarray
    first: np.ndarray


class CharacterVocabulary:
    """Columns of character n-grams, found by the integers that encode them."""

    def __init__(self, ngrams: list[str], low: int, high: int) -> None:
        """Take n-grams of `low` to `high` characters, in the order of their columns.

        Raises:
            OverflowError: if an integer cannot hold an n-gram, or one has the character 0.
        """
        import pandas as pd

        points = np.array(ngrams, dtype=f"<U{high}").view(np.uint32).reshape(len(ngrams), high)
        alphabet = np.unique(points[points > 0])
        other = len(alphabet) + 1  # the rank of all other characters
        width = other.bit_length()
        if width * high > BITS or "\0" in "".join(ngrams):
            raise OverflowError("no integer for each n-gram")
        ranks = np.full(sys.maxunicode + 1, other, dtype=np.int32)
        ranks[alphabet] = np.arange(1, other)
        known = np.where(points > 0, ranks[points], 0).astype(np.int64)
        self._low, self._high, self._width, self._ranks = low, high, width, ranks
        self._codes = pd.Index((known << width * np.arange(high - 1, -1, -1)).sum(axis=1))

    def count(self, texts: list[str]) -> Any:
        """Return how often each text has each n-gram, sparse (n, columns)."""
        from scipy import sparse

        characters = _find_characters(texts)
        ranks = self._ranks[characters.points].astype(np.int64)
        rows, columns = [], []
        for codes, where in _list_ngrams(characters, ranks, self._low, self._high, self._width):
            found = self._codes.get_indexer(codes)
            rows.append(characters.rows[where][found >= 0])
            columns.append(found[found >= 0].astype(np.int32))
        entries = (np.concatenate(rows), np.concatenate(columns))
        shape = (len(texts), len(self._codes))
        matrix = sparse.coo_matrix((np.ones(len(entries[0])), entries), shape).tocsr()
        matrix.sort_indices()
        return matrix


def count_within_words(texts: list[str], low: int, high: int, min_df: int) -> NgramCounts | None:
    """Count n-grams of `low` to `high` characters that occur in at least `min_df` texts.

    They equal scikit-learn's `char_wb`: of each lower-cased word between two spaces; a word shorter
    than `low` counts whole. Returns None if the texts have too many different characters for an
    integer to hold `high` of them, or contain the character 0, which numpy strings cannot end with.
    """
    characters = _find_characters(texts)
    is_used = np.zeros(int(characters.points.max(initial=SPACE)) + 1, dtype=bool)
    is_used[characters.points] = True
    alphabet = np.flatnonzero(is_used)
    width = len(alphabet).bit_length()
    if width * high > BITS or not alphabet.all():
        return None
    ranks = np.cumsum(is_used)[characters.points].astype(np.int64)
    codes, parts = [], []
    for found, where in _list_ngrams(characters, ranks, low, high, width):
        codes_of_size, matrix = _count_matrix(found, characters.rows[where], len(texts), min_df)
        codes.append(codes_of_size)
        parts.append(matrix)
    all_codes = np.concatenate(codes)
    order = np.argsort(all_codes, kind="stable")
    return NgramCounts(
        _stack_columns(parts, order), _decode_ngrams(all_codes[order], alphabet, width, high)
    )


def count_words(texts: list[str], low: int, high: int) -> NgramCounts:
    """Count n-grams of `low` to `high` lower-cased words, joined by spaces."""
    import pandas as pd

    words_by_text = [WORD.findall(text.lower()) for text in texts]
    lengths = np.array([len(text_words) for text_words in words_by_text], dtype=np.int64)
    rows = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    words_left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(rows))
    all_words = np.array(
        [word for text_words in words_by_text for word in text_words], dtype=object
    )
    words, names = pd.factorize(all_words)
    prefix_codes, prefixes = words, names.tolist()  # the n-gram that starts at each word
    ngrams, parts = [], []
    for size in range(1, high + 1):
        if size > 1:
            fits = np.flatnonzero(words_left >= size)
            longer, codes = pd.factorize(
                prefix_codes[fits] * np.int64(len(names)) + words[fits + size - 1]
            )
            starts, ends = np.divmod(codes, len(names)) if len(codes) else (codes, codes)
            prefixes = [f"{prefixes[i]} {names[j]}" for i, j in zip(starts, ends, strict=True)]
            prefix_codes = np.zeros(len(words), dtype=np.int64)
            prefix_codes[fits] = longer
        if size >= low:
            fits_ = words_left >= size
            parts.append(_count_matrix(prefix_codes[fits_], rows[fits_], len(texts), 1)[1])
            ngrams += prefixes
    order = np.array(sorted(range(len(ngrams)), key=ngrams.__getitem__), dtype=np.int64)
    return NgramCounts(_stack_columns(parts, order), [ngrams[index] for index in order])


def _stack_columns(parts: list[Any], order: np.ndarray) -> Any:
    """Stack matrices side by side and reorder their columns."""
    from scipy import sparse

    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    matrix = sparse.hstack(parts, format="csr")
    matrix.indices = rank[matrix.indices]
    matrix.sort_indices()
    return matrix


def _find_characters(texts: list[str]) -> _Characters:
    words = [text.lower().split() for text in texts]
    everything = "".join(f" {'  '.join(text_words)} " for text_words in words if text_words)
    codes = np.frombuffer(everything.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    spaces = np.flatnonzero(codes == SPACE)
    lengths = spaces[1::2] + 1 - spaces[::2]
    rows = np.repeat(
        np.arange(len(texts), dtype=np.int32), [len(text_words) for text_words in words]
    )
    ends = np.repeat(spaces[1::2] + 1, lengths)
    first = np.zeros(len(codes), dtype=bool)
    first[spaces[::2]] = True
    left = ends - np.arange(len(codes))
    return _Characters(codes, np.repeat(rows, lengths), left, first)


def _list_ngrams(
    characters: _Characters, ranks: np.ndarray, low: int, high: int, width: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the codes of the n-grams of each size, and at which characters they start."""
    codes = np.zeros(len(ranks), dtype=np.int64)  # of the n-gram that starts at each character
    for size in range(1, high + 1):
        n_starts = len(codes) - size + 1
        if n_starts > 0:
            fits = characters.left[:n_starts] >= size
            codes[:n_starts][fits] |= ranks[size - 1 :][fits] << width * (high - size)
        if size < low:
            continue
        where = characters.left >= size
        if size == low:
            where |= characters.first  # a shorter word counts whole
        yield codes[where], where


def _count_matrix(
    ngram_codes: np.ndarray, rows: np.ndarray, texts: int, min_df: int
) -> tuple[np.ndarray, Any]:
    """Return the codes that occur in at least `min_df` texts, and their counts (texts, codes)."""
    import pandas as pd
    from scipy import sparse

    codes, unique_codes = pd.factorize(ngram_codes)
    shape = (texts, len(unique_codes))
    ones = np.ones(len(codes))
    matrix = sparse.coo_matrix((ones, (rows, codes.astype(np.int32))), shape).tocsr()
    if min_df <= 1:
        return np.asarray(unique_codes), matrix
    is_frequent = np.bincount(matrix.indices, minlength=len(unique_codes)) >= min_df
    return np.asarray(unique_codes)[is_frequent], matrix[:, is_frequent]


def _decode_ngrams(
    ngram_codes: np.ndarray, alphabet: np.ndarray, width: int, high: int
) -> list[str]:
    """Return the n-grams as strings; shorter ones hold zeros, which numpy strings drop."""
    code_points = np.concatenate([[0], alphabet]).astype(np.uint32)
    shifts = width * np.arange(high - 1, -1, -1)
    columns = code_points[(ngram_codes[:, None] >> shifts) & ((1 << width) - 1)]
    return list(np.ascontiguousarray(columns).view(f"<U{high}").ravel().tolist())
