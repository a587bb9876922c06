"""Features of text pairs: how similar the two texts are, and how their vectors are combined."""

from itertools import pairwise
from typing import Any

import numpy as np

from foldline.models.scaling import normalise_rows


def measure_similarity(
    first: list[str], second: list[str], a: list[Any], b: list[Any]
) -> np.ndarray:
    """Return similarity measures (n, 5 + 2 * v) of each pair, symmetric in the two texts.

    `a` and `b` hold the TF-IDF matrix of either side for each of v vectorisers.
    """
    cosines = [np.asarray(x.multiply(y).sum(axis=1)).ravel() for x, y in zip(a, b, strict=True)]
    overlaps = [_overlaps(left, right) for left, right in zip(first, second, strict=True)]
    rows = np.array(overlaps, dtype=np.float64).reshape(len(first), 5)
    return np.column_stack([*cosines, *(c**2 for c in cosines), rows])


def combine_pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return (n, 4 d + 1) features of pairs of (n, d) vectors: u, v, |u - v|, u * v, cosine.

    As in Reimers and Gurevych (2019), plus products and cosine.
    """
    cosine = (normalise_rows(first) * normalise_rows(second)).sum(axis=1, keepdims=True)
    return np.hstack([first, second, np.abs(first - second), first * second, cosine])


def _overlaps(left: str, right: str) -> tuple[float, float, float, float, float]:
    words, other_words = set(left.split()), set(right.split())
    bigrams, other_bigrams = _character_bigrams(left), _character_bigrams(right)
    common_bigrams = len(bigrams & other_bigrams)
    return (
        len(words & other_words) / max(1, len(words | other_words)),
        common_bigrams / max(1, len(bigrams) + len(other_bigrams) - common_bigrams),
        common_bigrams / max(1, min(len(bigrams), len(other_bigrams))),
        min(len(left), len(right)) / max(1, len(left), len(right)),
        float(_number_words(words) == _number_words(other_words)),
    )


def _character_bigrams(text: str) -> set[str]:
    squeezed = text.replace(" ", "")
    return set(map("".join, pairwise(squeezed)))


def _number_words(words: set[str]) -> set[str]:
    return {word for word in words if word[0].isdigit()}
