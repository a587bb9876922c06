"""MinHash: candidate pairs of long texts with similar character 3-grams, verified by their sets.

Each text has a signature of 128 smallest hash values (Broder, 1997); texts that agree in all
values of a band are compared (Indyk and Motwani, 1998). Bands are narrow enough that at most one
of 200 pairs at the threshold is missed; there are no false positives.
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

SIGNATURE_SIZE = 128
MIN_RECALL = 0.995  # of pairs at the threshold
MAX_NEIGHBOURS = 64  # compared in each band, so that a template does not cost quadratic time
MAX_CHARACTERS = 1 << 20  # hashed at once


@dataclass(frozen=True)
class LongTexts:
    """Texts whose sets do not fit into memory together; they are built for pairs as needed."""

    texts: list[str]

    @property
    def costs(self) -> np.ndarray:
        """Return the number of characters of each text: (n,) int64."""
        return np.fromiter(map(len, self.texts), np.int64, len(self.texts))

    def shared(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sizes of the intersection and the union of each pair of sets: (m,) each."""
        rows, indices = np.unique(np.concatenate([first, second]), return_inverse=True)
        grams = build_gram_sets([self.texts[row] for row in rows])
        return grams.shared(indices[: len(first)], indices[len(first) :])


def band_shape(threshold: float) -> tuple[int, int]:
    """Return the number of bands of a signature, and the largest width that MIN_RECALL allows."""
    fitting = [w for w in range(1, SIGNATURE_SIZE + 1) if _recall(threshold, w) >= MIN_RECALL]
    width = max(fitting, default=1)
    return SIGNATURE_SIZE // width, width


def expected_recall(threshold: float) -> float:
    """Return the probability that a pair at the threshold is found."""
    return _recall(threshold, band_shape(threshold)[1])


def _recall(threshold: float, width: int) -> float:
    return float(1 - (1 - threshold**width) ** (SIGNATURE_SIZE // width))


def band_candidates(texts: list[str], threshold: float) -> CandidateLists:
    """Return as candidates the texts whose signatures agree in a band.

    Texts without a 3-gram have no candidates. Where more than MAX_NEIGHBOURS agree, a text is
    compared with as many that follow it in `texts`: if sorted, similar texts are near.
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
    """Return a hash of each band of each text's signature: (count, n) uint64."""
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
    """Yield, for each factor, the smallest hash of each text's 3-grams: (n,) uint64."""
    codes, counts = encode_grams(texts)
    codes = _splitmix64(codes.astype(np.uint64))
    has_grams = counts > 0
    starts = (np.cumsum(counts) - counts)[has_grams]
    for factor in factors:
        values = np.zeros(len(texts), dtype=np.uint64)
        if len(codes):
            values[has_grams] = np.minimum.reduceat(codes * factor, starts)
        yield values


def _splitmix64(values: np.ndarray) -> np.ndarray:
    """Scatter 64-bit numbers evenly (the finaliser of SplitMix64: Steele and others, 2014)."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values
