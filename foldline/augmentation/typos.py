"""Typos: a neighbouring key, keys in the wrong order, left out or pressed twice."""

import re
from bisect import bisect
from collections.abc import Iterable
from itertools import accumulate, islice

import numpy as np

from foldline.augmentation.hangul import KEYS, compose_hangul, split_keystrokes
from foldline.augmentation.word_tokenizer import Batch

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
# Links, addresses and words with digits get no typos.
_SPACE = re.compile(r"(\s+)")
_RUN = re.compile("([A-Za-z]+|[가-힣]+)")
_EXCLUDED = re.compile(r"[@\d]|://|www(?<!\Swww)\.")


def add_typos(batch: Batch, *, share: float) -> list[str]:
    """Put typos into `share` of the letters, at least one; a Hangul syllable counts as one letter.

    The keyboard is QWERTY for Latin letters and the Korean standard one (2-set, KS X 5002) for
    Hangul: a syllable is split into keystrokes and composed again as an input method would.
    Hangul stays Hangul, and no text becomes empty.
    """
    pieces = [_split_runs(text) for text in batch.texts]
    letters = np.array([sum(map(len, own[1::2])) for own in pieces])
    counts = np.where(letters, np.maximum(1, np.rint(share * letters).astype(np.int64)), 0)
    shares = iter(batch.streams.random(4 * counts).reshape(-1, 4).tolist())
    own = zip(pieces, counts.tolist(), strict=True)
    return [_change_letters(parts, islice(shares, count)) for parts, count in own]


def _change_letters(pieces: list[str], shares: Iterable[list[float]]) -> str:
    """Make a typo for each four numbers in [0, 1)."""
    ends = list(accumulate(map(len, pieces[1::2])))
    strokes: dict[int, list[str]] = {}
    for letter, *own in shares:
        position = 2 * bisect(ends, int(letter * ends[-1])) + 1
        if position not in strokes:
            strokes[position] = split_keystrokes(pieces[position])
        _make_typo(strokes[position], *own)
    for position, own_strokes in strokes.items():
        pieces[position] = compose_hangul(own_strokes)
    return "".join(pieces)


def _split_runs(text: str) -> list[str]:
    """Split a text; every second piece is a run of Latin letters or of Hangul syllables."""
    if not _EXCLUDED.search(text):
        return _RUN.split(text)
    pieces = [""]
    for part in _SPACE.split(text):
        first, *rest = [part] if _EXCLUDED.search(part) else _RUN.split(part)
        pieces[-1] += first
        pieces += rest
    return pieces


def _make_typo(strokes: list[str], at: float, kind: float, key: float) -> None:
    """Make one typo, in place, by three numbers in [0, 1)."""
    position, way = int(at * len(strokes)), int(kind * 4)
    stroke, after = strokes[position], strokes[position + 1 : position + 2]
    if way == 0 and after and after[0] != stroke:
        strokes[position : position + 2] = [after[0], stroke]
    elif way == 1 and len(strokes) > 1:
        del strokes[position]
    elif way == 2:
        strokes.insert(position, stroke)
    else:
        near = _NEIGHBOURS[stroke]
        strokes[position] = near[int(key * len(near))]


def _list_neighbours() -> dict[str, str]:
    """Return for each keystroke those of the adjacent keys, in its alphabet and case."""
    positions = {
        key: (row, column) for row, keys in enumerate(_ROWS) for column, key in enumerate(keys)
    }
    # Each row is shifted half a key to the right of the one above it.
    steps = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    keys_at = {position: key for key, position in positions.items()}
    near = {
        key: "".join(keys_at[r + y, c + x] for y, x in steps if (r + y, c + x) in keys_at)
        for key, (r, c) in positions.items()
    }
    latin = near | {key.upper(): keys.upper() for key, keys in near.items()}
    jamo = {
        stroke: "".join(KEYS[other][0] for other in near[key])
        for key, strokes in KEYS.items()
        for stroke in strokes
    }
    # The most common typo of a shifted key is to miss the shift.
    unshifted = {strokes[1]: strokes[0] for strokes in KEYS.values() if len(strokes) > 1}
    return latin | jamo | {stroke: plain + jamo[stroke] for stroke, plain in unshifted.items()}


_NEIGHBOURS = _list_neighbours()
