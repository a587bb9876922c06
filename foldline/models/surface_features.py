"""Surface features of a text: lengths, punctuation, letters, scripts."""

import unicodedata
from collections import Counter
from functools import cache

import numpy as np

KINDS = ("digit", "punctuation", "upper", "space", "Latin", "Hangul", "Han", "Kana", "other")
COUNTS = 4


def surface_features(texts: list[str]) -> np.ndarray:
    """Return (n, 4 + 9) features: log characters, words and lines, mean word length, shares.

    The shares are of all characters: digits, punctuation and symbols, capitals, spaces, and letters
    of four scripts and of all others.
    """
    features = np.zeros((len(texts), COUNTS + len(KINDS)))
    for row, text in enumerate(texts):
        words = text.split()
        mean_word_length = sum(map(len, words)) / max(1, len(words))
        features[row, :COUNTS] = (
            *np.log1p([len(text), len(words), text.count("\n")]),
            mean_word_length,
        )
    lengths = np.array([max(1, len(text)) for text in texts], dtype=np.float64)
    features[:, COUNTS:] = count_characters(texts) / lengths.reshape(-1, 1)
    return features


def count_characters(texts: list[str]) -> np.ndarray:
    """Return the number of characters of each kind (n, 9); a capital counts for its script, too."""
    counts = np.zeros((len(texts), len(KINDS)))
    for row, text in enumerate(texts):
        for character, count in Counter(text).items():
            for kind in _character_kinds(character):
                counts[row, kind] += count
    return counts


@cache
def _character_kinds(character: str) -> tuple[int, ...]:
    """Return the indices in KINDS of a character; a capital also counts for its script."""
    category = unicodedata.category(character)
    if category.startswith("N"):
        return (KINDS.index("digit"),)
    if category[0] in "PS":
        return (KINDS.index("punctuation"),)
    if not category.startswith("L"):
        return (KINDS.index("space"),) if character.isspace() else (KINDS.index("other"),)
    script = KINDS.index(_script_of(unicodedata.name(character, "")))
    return (script, KINDS.index("upper")) if category == "Lu" else (script,)


def _script_of(name: str) -> str:
    for start, script in (
        ("LATIN", "Latin"),
        ("HANGUL", "Hangul"),
        ("CJK", "Han"),
        ("HIRAGANA", "Kana"),
        ("KATAKANA", "Kana"),
    ):
        if name.startswith(start):
            return script
    return "other"
