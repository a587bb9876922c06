"""Typing mistakes: keys beside the right one, in the wrong order, left out or hit twice."""

import re

from foldline.balance.drawing import Draw
from foldline.balance.hangul import KEYS, composed, typed

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
# Letters that people type: neither parts of links and addresses, nor words with digits.
_TOKEN = re.compile(r"\S+")
_RUN = re.compile("[A-Za-z]+|[가-힣]+")
_NEVER = re.compile(r"://|@|^www\.|\d")


def noise(text: str, draw: Draw, *, share: float) -> str:
    """Mistype `share` of the letters, one at least; a Hangul syllable counts as one letter.

    Latin letters stand on a QWERTY keyboard, Hangul on the Korean standard one (2-set, KS X 5002):
    a syllable is taken apart into key strokes, and composed again as an input method would.
    Hangul stays Hangul, and no text becomes empty.
    """
    runs = _runs(text)
    letters = [place for place, run in enumerate(runs) for _ in range(run[1] - run[0])]
    if not letters:
        return text
    strokes = {}
    for _ in range(max(1, round(share * len(letters)))):
        place = letters[draw.below(len(letters))]
        if place not in strokes:
            start, end = runs[place]
            strokes[place] = typed(text[start:end])
        _mistype(strokes[place], draw)
    for place in sorted(strokes, reverse=True):
        start, end = runs[place]
        text = text[:start] + composed(strokes[place]) + text[end:]
    return text


def _runs(text: str) -> list[tuple[int, int]]:
    """Find (start, end) of each run of Latin letters or of Hangul syllables."""
    return [
        (token.start() + run.start(), token.start() + run.end())
        for token in _TOKEN.finditer(text)
        if not _NEVER.search(token[0])
        for run in _RUN.finditer(token[0])
    ]


def _mistype(strokes: list[str], draw: Draw) -> None:
    """Make one mistake, in place."""
    place, way = draw.below(len(strokes)), draw.below(4)
    stroke, after = strokes[place], strokes[place + 1 : place + 2]
    if way == 0 and after and after[0] != stroke:
        strokes[place : place + 2] = [after[0], stroke]
    elif way == 1 and len(strokes) > 1:
        del strokes[place]
    elif way == 2:
        strokes.insert(place, stroke)
    else:
        near = _NEIGHBOURS[stroke]
        strokes[place] = near[draw.below(len(near))]


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
