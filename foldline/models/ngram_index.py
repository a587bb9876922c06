"""Texts as numbered n-grams: words, word n-grams, and characters within words (subwords)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

WORD = re.compile(r"\w+|[^\w\s]+")


@dataclass(frozen=True)
class Grams:
    """N-grams hashed into buckets (Bojanowski et al., 2017); `known` are those that were learnt.

    `words` is the longest n-gram of words, `chars` the range of those of characters, whose words
    are marked at both ends. `known` (m,) is sorted; a bucket that is not in it is left out.
    """

    words: int
    chars: tuple[int, int]
    buckets: int
    known: np.ndarray
    _seen: dict[str, list[int]] = field(default_factory=dict, repr=False, compare=False)

    def places(self, text: str) -> np.ndarray:
        """Give the places in `known` of a text's n-grams, as often as they stand there."""
        found = np.fromiter(self.hashed(text), dtype=np.int64)
        if not len(self.known) or not len(found):
            return np.zeros(0, dtype=np.int64)
        places = np.searchsorted(self.known, found).clip(max=len(self.known) - 1)
        return np.asarray(places[self.known[places] == found])

    def hashed(self, text: str) -> Iterator[int]:
        """Yield the bucket of each n-gram of a text."""
        words = WORD.findall(text.lower())
        for word in words:
            if word not in self._seen:
                self._seen[word] = list(self._parts(word))
            yield from self._seen[word]
        for size in range(2, self.words + 1):
            for start in range(len(words) - size + 1):
                yield self._bucket("w", " ".join(words[start : start + size]))

    def _parts(self, word: str) -> Iterator[int]:
        yield self._bucket("w", word)
        marked = f"<{word}>"
        for size in range(self.chars[0], self.chars[1] + 1):
            for start in range(len(marked) - size + 1):
                yield self._bucket("c", marked[start : start + size])

    def _bucket(self, kind: str, gram: str) -> int:
        return crc32(f"{kind}{gram}".encode("utf-8", "surrogatepass")) % self.buckets


def learnt(grams: Grams, texts: list[str], least: int) -> np.ndarray:
    """Give the sorted buckets that at least `least` of the texts hold; all if none does."""
    counts = Counter(bucket for text in texts for bucket in set(grams.hashed(text)))
    often = [bucket for bucket, count in counts.items() if count >= least] or list(counts)
    return np.array(sorted(often), dtype=np.int64)
