"""Texts as hashed n-grams: words, word n-grams, and characters within words (subwords)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

WORD = re.compile(r"\w+|[^\w\s]+")


@dataclass(frozen=True)
class HashedNgrams:
    """N-grams hashed into `n_buckets` (Bojanowski et al., 2017).

    `word_ngrams` is the longest word n-gram, `char_ngrams` the range of character n-grams of words
    marked at both ends. `buckets_kept` (m,) are the sorted buckets that have a vector; others are
    ignored.
    """

    word_ngrams: int
    char_ngrams: tuple[int, int]
    n_buckets: int
    buckets_kept: np.ndarray
    _word_cache: dict[str, list[int]] = field(default_factory=dict, repr=False, compare=False)

    def indices(self, text: str) -> np.ndarray:
        """Return the indices in `buckets_kept` of a text's n-grams, with repetitions."""
        buckets = np.fromiter(self.hash_ngrams(text), dtype=np.int64)
        if not len(self.buckets_kept) or not len(buckets):
            return np.zeros(0, dtype=np.int64)
        indices = np.searchsorted(self.buckets_kept, buckets).clip(max=len(self.buckets_kept) - 1)
        return np.asarray(indices[self.buckets_kept[indices] == buckets])

    def hash_ngrams(self, text: str) -> Iterator[int]:
        """Yield the bucket of each n-gram of a text."""
        words = WORD.findall(text.lower())
        for word in words:
            if word not in self._word_cache:
                self._word_cache[word] = list(self._hash_word(word))
            yield from self._word_cache[word]
        for size in range(2, self.word_ngrams + 1):
            for start in range(len(words) - size + 1):
                yield self._hash_ngram("w", " ".join(words[start : start + size]))

    def _hash_word(self, word: str) -> Iterator[int]:
        yield self._hash_ngram("w", word)
        marked = f"<{word}>"
        for size in range(self.char_ngrams[0], self.char_ngrams[1] + 1):
            for start in range(len(marked) - size + 1):
                yield self._hash_ngram("c", marked[start : start + size])

    def _hash_ngram(self, kind: str, gram: str) -> int:
        return crc32(f"{kind}{gram}".encode("utf-8", "surrogatepass")) % self.n_buckets


def select_buckets(index: HashedNgrams, texts: list[str], min_df: int) -> np.ndarray:
    """Return the sorted buckets found in at least `min_df` texts, or all if there are none."""
    counts = Counter(bucket for text in texts for bucket in set(index.hash_ngrams(text)))
    frequent = [bucket for bucket, count in counts.items() if count >= min_df] or list(counts)
    return np.array(sorted(frequent), dtype=np.int64)
