"""Word vectors from a word2vec or GloVe text file; only the words needed are kept."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from foldline.core.errors import FoldlineError
from foldline.models.ngram_index import WORD

SNIFF_BYTES = 1 << 16  # read to detect binary files
FLOAT16_LIMIT = 60_000  # vectors are stored in half precision
FIX_HINT = "fix or remove that line, or name another file in static.vectors"


@dataclass(frozen=True)
class WordIndex:
    """Words in the order of their vectors."""

    words: tuple[str, ...]
    _index: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def indices(self, text: str) -> np.ndarray:
        """Return the indices of a text's words, looked up as written, else in lower case."""
        if not self._index:
            self._index.update({word: index for index, word in enumerate(self.words)})
        indices = [self._index.get(w, self._index.get(w.lower())) for w in WORD.findall(text)]
        return np.array([index for index in indices if index is not None], dtype=np.int64)


def read_vectors(path: Path, texts: list[str], first: int) -> tuple[WordIndex, np.ndarray]:
    """Read the vectors of the texts' words and of the file's `first` words: (m, d) float16.

    Files are sorted by frequency, so the first words are the likeliest in other texts.

    Raises:
        FoldlineError: for a malformed line, or if the file has none of the texts' words.
    """
    words = {word for text in texts for word in WORD.findall(text)}
    needed = words | {word.lower() for word in words}
    vectors: dict[str, np.ndarray] = {}
    width, rows = 0, 0
    for number, line in _read_lines(path):
        cells = line.split(" ")
        if number == 1 and len(cells) == 2 and cells[0].isdigit() and cells[1].isdigit():
            width = int(cells[1])
            continue
        width, rows = width or len(cells) - 1, rows + 1
        word = _parse_word(path, number, cells, width)
        if (rows <= first or word in needed) and word not in vectors:
            vectors[word] = _parse_vector(path, number, cells[len(cells) - width :])
    if not rows:
        raise FoldlineError(f"{path} holds no vector: name another file in static.vectors, or null")
    if needed.isdisjoint(vectors):
        raise FoldlineError(
            f"{path}: none of its {rows} words occurs in the training rows: its language or "
            "spelling differs. Name another file in static.vectors, or null"
        )
    return WordIndex(tuple(vectors)), np.stack(list(vectors.values()))


def _read_lines(path: Path) -> Iterator[tuple[int, str]]:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as content:
            if b"\0" in content.read(SNIFF_BYTES):
                raise FoldlineError(
                    f"{path} is not text (word2vec's binary form?): save it as text with gensim's "
                    "save_word2vec_format(..., binary=False), or name another file in "
                    "static.vectors"
                )
        stream: IO[str]
        with opened(path, "rt", encoding="utf-8", errors="replace", newline="\n") as stream:
            for number, line in enumerate(stream, 1):
                if stripped := line.rstrip(" \r\n"):
                    yield number, stripped
    except (OSError, EOFError, zlib.error) as error:
        raise FoldlineError(
            f"static.vectors={path} cannot be read ({error}): name a text file of word vectors"
        ) from error


def _parse_word(path: Path, number: int, cells: list[str], width: int) -> str:
    """Return the word of a line; it may contain spaces, but no numbers after them."""
    extra = cells[1 : len(cells) - width]
    if len(cells) <= width or width < 1 or any(_is_number(cell) for cell in extra):
        raise FoldlineError(
            f"{path}, line {number}: {len(cells) - 1} numbers after the word '{cells[0]:.40}', "
            f"expected {max(1, width)}: {FIX_HINT}"
        )
    return " ".join(cells[: len(cells) - width])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _parse_vector(path: Path, number: int, cells: list[str]) -> np.ndarray:
    try:
        vector = np.array([float(cell) for cell in cells])
        if not np.isfinite(vector).all():
            raise ValueError("a number is not finite")
    except ValueError as error:
        raise FoldlineError(f"{path}, line {number}: {error}: {FIX_HINT}") from error
    return vector.clip(-FLOAT16_LIMIT, FLOAT16_LIMIT).astype(np.float16)
