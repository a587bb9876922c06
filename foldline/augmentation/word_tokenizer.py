"""Texts of a batch as their words: what stands between white space, in every language."""

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from foldline.augmentation.random_streams import Draws

_WHITE = np.array([chr(code).isspace() for code in range(0x3002)])  # none stands behind these
_CODES = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
_END = " \n "


@dataclass(frozen=True)
class Batch:
    """Texts to be changed, none of which is empty or blank, their labels and random numbers."""

    texts: list[str]
    labels: list[str]
    draws: Draws

    def part(self, rows: np.ndarray) -> Self:
        """Give some rows of it, by their places, with their random numbers."""
        places = rows.tolist()
        texts, labels = (
            [column[place] for place in places] for column in (self.texts, self.labels)
        )
        return type(self)(texts, labels, self.draws.part(rows))

    def generators(self) -> list[np.random.Generator]:
        """Return a random generator for each text, which depends on no other text."""
        return self.draws.generators()

    @cached_property
    def words(self) -> "Words":
        """Give the words of the texts."""
        return Words(self.texts)


class Words:
    """The words of some texts: `sizes` (texts,) of them each, numbered as `first` (texts,) says.

    Each text's words have one number after another, and behind them its end has one, too.
    """

    def __init__(self, texts: list[str]) -> None:
        self._codes = _joined(texts)
        if not _single(self._codes, len(texts)):
            self._codes = _joined([" ".join(text.split()) for text in texts])
        self._begin = np.concatenate([[0], np.flatnonzero(self._codes == ord(" ")) + 1])
        ends = np.flatnonzero(self._codes[self._begin[:-1]] == ord("\n"))
        self.first = np.concatenate([[0], ends[:-1] + 1])
        self.sizes = ends - self.first

    def __len__(self) -> int:
        """Give how many numbers are in use, those of ends included."""
        return len(self._begin) - 1

    def ordered(self, order: np.ndarray) -> list[str]:
        """Give the texts of words in another order, in which all ends stay in theirs."""
        runs = np.flatnonzero(np.concatenate([[True], order[1:] != order[:-1] + 1]))
        starts = self._begin[order[runs]]
        lengths = self._begin[order[np.append(runs[1:], len(order)) - 1] + 1] - starts
        jumps = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        return _parted(self._codes[jumps + np.arange(len(jumps))])

    def inserted(self, places: np.ndarray, new: list[str]) -> list[str]:
        """Give the texts with new words, each before the word, or end, of a number."""
        lengths = np.fromiter(map(len, new), dtype=np.int64, count=len(new)) + 1
        added = _codes(" ".join([*new, ""]))
        return _parted(np.insert(self._codes, np.repeat(self._begin[places], lengths), added))


def _joined(texts: list[str]) -> np.ndarray:
    """Put texts behind each other, as code points: an end is a word between spaces."""
    return _codes(_END.join([*texts, ""]))


def _parted(codes: np.ndarray) -> list[str]:
    return codes.tobytes().decode(_CODES, "surrogatepass").split(_END)[:-1]


def _single(codes: np.ndarray, ends: int) -> bool:
    """Tell whether single spaces and the line feeds of so many ends are all white space."""
    space, control = codes == ord(" "), np.count_nonzero(codes < ord(" ")) - ends
    rare = codes - np.uint32(0x80) < len(_WHITE) - 0x80
    wide = rare.any() and _WHITE[codes[rare]].any()
    return not (control or wide or space[0] or (space[1:] & space[:-1]).any())


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(_CODES, "surrogatepass"), dtype=np.uint32)
