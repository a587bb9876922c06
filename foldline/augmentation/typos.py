"""Typing mistakes: keys beside the right one, in the wrong order, left out or hit twice."""

import re
from bisect import bisect
from collections.abc import Iterable
from itertools import accumulate, islice

import numpy as np

from foldline.augmentation.hangul import KEYS, composed, typed
from foldline.augmentation.word_tokenizer import Batch

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
# Letters that people type: neither parts of links and addresses, nor words with digits.
_SPACE = re.compile(r"(\s+)")
_RUN = re.compile("([A-Za-z]+|[가-힣]+)")
_NEVER = re.compile(r"[@\d]|://|www(?<!\Swww)\.")


def noise(batch: Batch, *, share: float) -> list[str]:
    """Mistype `share` of the letters, one at least; a Hangul syllable counts as one letter.

    Latin letters stand on a QWERTY keyboard, Hangul on the Korean standard one (2-set, KS X 5002):
    a syllable is taken apart into key strokes, and composed again as an input method would.
    Hangul stays Hangul, and no text becomes empty.
    """
    pieces = [_pieces(text) for text in batch.texts]
    letters = np.array([sum(map(len, own[1::2])) for own in pieces])
    counts = np.where(letters, np.maximum(1, np.rint(share * letters).astype(np.int64)), 0)
    shares = iter(batch.draws.shares(4 * counts).reshape(-1, 4).tolist())
    own = zip(pieces, counts.tolist(), strict=True)
    return [_mistyped(parts, islice(shares, count)) for parts, count in own]


def _mistyped(pieces: list[str], shares: Iterable[list[float]]) -> str:
    """Make a mistake for each four numbers in [0, 1)."""
    ends = list(accumulate(map(len, pieces[1::2])))
    strokes: dict[int, list[str]] = {}
    for letter, *own in shares:
        place = 2 * bisect(ends, int(letter * ends[-1])) + 1
        if place not in strokes:
            strokes[place] = typed(pieces[place])
        _mistype(strokes[place], *own)
    for place, own_strokes in strokes.items():
        pieces[place] = composed(own_strokes)
    return "".join(pieces)


def _pieces(text: str) -> list[str]:
    """Part a text; every second piece is a run of Latin letters or of Hangul syllables."""
    if not _NEVER.search(text):
        return _RUN.split(text)
    pieces = [""]
    for part in _SPACE.split(text):
        first, *rest = [part] if _NEVER.search(part) else _RUN.split(part)
        pieces[-1] += first
        pieces += rest
    return pieces


def _mistype(strokes: list[str], at: float, kind: float, key: float) -> None:
    """Make one mistake, in place, by three numbers in [0, 1)."""
    place, way = int(at * len(strokes)), int(kind * 4)
    stroke, after = strokes[place], strokes[place + 1 : place + 2]
    if way == 0 and after and after[0] != stroke:
        strokes[place : place + 2] = [after[0], stroke]
    elif way == 1 and len(strokes) > 1:
        del strokes[place]
    elif way == 2:
        strokes.insert(place, stroke)
    else:
        near = _NEIGHBOURS[stroke]
        strokes[place] = near[int(key * len(near))]


def _neighbours() -> dict[str, str]:
    """Give for each stroke those of the keys that touch its key, of its alphabet and case."""
    place = {key: (row, at) for row, keys in enumerate(_ROWS) for at, key in enumerate(keys)}
    # Each row stands half a key further right than the one above it.
    steps = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    at = {where: key for key, where in place.items()}
    near = {
        key: "".join(at[r + y, c + x] for y, x in steps if (r + y, c + x) in at)
        for key, (r, c) in place.items()
    }
    latin = near | {key.upper(): keys.upper() for key, keys in near.items()}
    jamo = {
        stroke: "".join(KEYS[other][0] for other in near[key])
        for key, strokes in KEYS.items()
        for stroke in strokes
    }
    # The commonest slip with a shifted key is to miss the shift.
    missed = {strokes[1]: strokes[0] for strokes in KEYS.values() if len(strokes) > 1}
    return latin | jamo | {stroke: plain + jamo[stroke] for stroke, plain in missed.items()}


_NEIGHBOURS = _neighbours()
