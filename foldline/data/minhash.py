"""Pairs of long texts whose character 3-grams are alike: MinHash finds them, the sets verify.

Each text gets 128 smallest hash values (Broder, 1997); texts that agree in all values of one of
several bands are compared (Indyk and Motwani, 1998). Bands are narrow enough that a pair at the
threshold is missed in one of 200 at most; what is found is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foldline.core.io.seeds import generator
from foldline.data.similarity_join import (
    GRAM_SIZE,
    CandidateLists,
    build_gram_sets,
    encode_grams,
    slice_by_cost,
)

SIGNATURE_SIZE = 128  # of a signature
MIN_RECALL = 0.995  # at least, of pairs right at the threshold
MAX_NEIGHBOURS = 64  # with which a text is compared in each band, so that no template costs squares
MAX_CHARACTERS = 1 << 20  # hashed at once


@dataclass(frozen=True)
class LongTexts:
    """Texts whose sets would not fit into memory together: made for the pairs in question."""

    texts: list[str]

    @property
    def costs(self) -> np.ndarray:
        """Give (n,) int64: characters."""
        return np.fromiter(map(len, self.texts), np.int64, len(self.texts))

    def shared(self, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give for each pair of texts how many 3-grams are in both, and in either: (m,) each."""
        rows, places = np.unique(np.concatenate([one, other]), return_inverse=True)
        grams = build_gram_sets([self.texts[row] for row in rows])
        return grams.shared(places[: len(one)], places[len(one) :])


def band_shape(threshold: float) -> tuple[int, int]:
    """Give how many bands a signature is cut into, and their width: as wide as RECALL allows."""
    fitting = [w for w in range(1, SIGNATURE_SIZE + 1) if _recall(threshold, w) >= MIN_RECALL]
    width = max(fitting, default=1)
    return SIGNATURE_SIZE // width, width


def expected_recall(threshold: float) -> float:
    """Give the chance that a pair right at the threshold is found."""
    return _recall(threshold, band_shape(threshold)[1])


def _recall(threshold: float, width: int) -> float:
    return float(1 - (1 - threshold**width) ** (SIGNATURE_SIZE // width))


def band_candidates(texts: list[str], threshold: float) -> CandidateLists:
    """Let those texts meet whose signatures agree in a band; texts without a 3-gram meet none.

    Where more than NEIGHBOURS agree, a text meets as many of those that follow it in `texts`:
    sorted texts follow those that they resemble.
    """
    count, width = band_shape(threshold)
    keys = _band_keys(texts, count, width)
    has_grams = np.array([len(text) >= GRAM_SIZE for text in texts], dtype=bool)
    rows = np.tile(np.flatnonzero(has_grams), count)
    buckets = keys[:, has_grams].ravel()
    order = np.lexsort((rows, buckets))
    rows, buckets = rows[order], buckets[order]
    ends = np.searchsorted(buckets, buckets, side="right")
    counts = np.minimum(ends - np.arange(len(rows)) - 1, MAX_NEIGHBOURS)
    unknown = np.broadcast_to(np.int64(0), len(rows))
    return CandidateLists(rows, counts, unknown, unknown)


def _band_keys(texts: list[str], count: int, width: int) -> np.ndarray:
    """Give (count, n) uint64: a hash of each band of each text's signature."""
    random = generator(0, "minhash")
    factors = random.integers(0, 1 << 63, SIGNATURE_SIZE, dtype=np.uint64) * np.uint64(
        2
    ) + np.uint64(1)
    keys = np.zeros((count, len(texts)), dtype=np.uint64)
    for part in slice_by_cost(np.fromiter(map(len, texts), np.int64, len(texts)), MAX_CHARACTERS):
        for number, values in enumerate(_min_hashes(texts[part], factors[: count * width])):
            band = keys[number // width]
            band[part] = _splitmix64(band[part] + values + np.uint64(number + 1))
    return keys


def _min_hashes(texts: list[str], factors: np.ndarray) -> Iterator[np.ndarray]:
    """Yield for each factor (n,) uint64: the smallest hash of each text's 3-grams."""
    codes, counts = encode_grams(texts)
    codes = _splitmix64(codes.astype(np.uint64))
    some = counts > 0
    starts = (np.cumsum(counts) - counts)[some]
    for factor in factors:
        values = np.zeros(len(texts), dtype=np.uint64)
        if len(codes):
            values[some] = np.minimum.reduceat(codes * factor, starts)
        yield values


def _splitmix64(values: np.ndarray) -> np.ndarray:
    """Scatter 64-bit numbers evenly (the finaliser of SplitMix64: Steele and others, 2014)."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values
