"""Texts of a batch as words, split at white space in every language."""

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from foldline.augmentation.random_streams import RandomStreams

_IS_SPACE = np.array(
    [chr(code).isspace() for code in range(0x3002)]
)  # no white space has a higher code
_ENCODING = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
_END = " \n "


@dataclass(frozen=True)
class Batch:
    """Texts to change, none of them blank, with their labels and random numbers."""

    texts: list[str]
    labels: list[str]
    streams: RandomStreams

    def select(self, rows: np.ndarray) -> Self:
        """Return some rows, by position, with their random numbers."""
        positions = rows.tolist()
        texts, labels = (
            [column[position] for position in positions] for column in (self.texts, self.labels)
        )
        return type(self)(texts, labels, self.streams.select(rows))

    def generators(self) -> list[np.random.Generator]:
        """Return a random generator for each text, which depends on no other text."""
        return self.streams.generators()

    @cached_property
    def words(self) -> "Words":
        """Return the words of the texts."""
        return Words(self.texts)


class Words:
    """The words of texts, numbered consecutively.

    A text has `sizes` (texts,) words, from number `first` (texts,) on; its end has the next one.
    """

    def __init__(self, texts: list[str]) -> None:
        self._codes = _join(texts)
        if not _has_single_spaces(self._codes, len(texts)):
            self._codes = _join([" ".join(text.split()) for text in texts])
        self._starts = np.concatenate([[0], np.flatnonzero(self._codes == ord(" ")) + 1])
        ends = np.flatnonzero(self._codes[self._starts[:-1]] == ord("\n"))
        self.first = np.concatenate([[0], ends[:-1] + 1])
        self.sizes = ends - self.first

    def __len__(self) -> int:
        """Return the number of words and ends."""
        return len(self._starts) - 1

    def reorder(self, order: np.ndarray) -> list[str]:
        """Return the texts with their words in another order; ends must keep their order."""
        runs = np.flatnonzero(np.concatenate([[True], order[1:] != order[:-1] + 1]))
        starts = self._starts[order[runs]]
        lengths = self._starts[order[np.append(runs[1:], len(order)) - 1] + 1] - starts
        jumps = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        return _split(self._codes[jumps + np.arange(len(jumps))])

    def insert(self, positions: np.ndarray, new: list[str]) -> list[str]:
        """Return the texts with new words, each before the word or end at its position."""
        lengths = np.fromiter(map(len, new), dtype=np.int64, count=len(new)) + 1
        added = _encode(" ".join([*new, ""]))
        return _split(np.insert(self._codes, np.repeat(self._starts[positions], lengths), added))


def _join(texts: list[str]) -> np.ndarray:
    """Concatenate texts as code points; the end of a text is a word between spaces."""
    return _encode(_END.join([*texts, ""]))


def _split(codes: np.ndarray) -> list[str]:
    return codes.tobytes().decode(_ENCODING, "surrogatepass").split(_END)[:-1]


def _has_single_spaces(codes: np.ndarray, ends: int) -> bool:
    """Return whether white space is only single spaces and the line feeds of the ends."""
    space, control = codes == ord(" "), np.count_nonzero(codes < ord(" ")) - ends
    rare = codes - np.uint32(0x80) < len(_IS_SPACE) - 0x80
    wide = rare.any() and _IS_SPACE[codes[rare]].any()
    return not (control or wide or space[0] or (space[1:] & space[:-1]).any())


def _encode(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(_ENCODING, "surrogatepass"), dtype=np.uint32)
