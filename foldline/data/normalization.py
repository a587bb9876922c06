"""Normalization of texts for models, and keys for comparing texts."""

import re
import unicodedata

# Control and format characters, including zero-width ones, are invisible to a reader. Two
# joiners are kept: Persian, Indic scripts and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
# Letters and symbols that look like a space: Hangul fillers, the braille blank.
_BLANK = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")
# A joiner that does not follow a letter of such a script has no effect.
_IDLE_JOINER = re.compile("(?<![^\x00-\x7f\\s])[\u200c\u200d]+")

# Single Hangul letters, as in ㅋㅋ and ㅠㅠ. NFKC turns them into parts of syllables, which no
# tokenizer knows, and would join ㄱㅏ to 가. So they are kept, and half-width ones are widened.
_LETTERS = re.compile("([\u3131-\u318e\uffa0-\uffdc]+)")
_WIDE = {
    code: int(unicodedata.decomposition(chr(code)).split()[1], 16)
    for code in range(0xFFA0, 0xFFDD)
    if unicodedata.decomposition(chr(code))
}

_ZEROS = re.compile("0+")


def normalize_text(text: str, unicode: str = "NFKC") -> str:
    """Return a text in one Unicode form, without invisible characters, with single spaces.

    `unicode` is NFKC, NFC or none. The function is idempotent.
    """
    if not text.isascii():
        text = _normalize_unicode(text, unicode)
        text = _BLANK.sub(" ", text)
    if not text.isprintable():
        visible = _IDLE_JOINER.sub("", _INVISIBLE.sub("", text))
        # Characters on both sides of a dropped one may compose.
        text = _normalize_unicode(visible, unicode) if len(visible) != len(text) else text
    return " ".join(text.split())


def _normalize_unicode(text: str, unicode: str) -> str:
    if unicode == "NFC":
        return unicodedata.normalize("NFC", text)
    if unicode == "none":
        return text
    if not _LETTERS.search(text):
        return unicodedata.normalize("NFKC", text)
    return "".join(
        piece.translate(_WIDE) if index % 2 else unicodedata.normalize("NFKC", piece)
        for index, piece in enumerate(_LETTERS.split(text))
    )


def casefold_key(text: str) -> str:
    """Return a key that texts share which differ only in case or Unicode form."""
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


def skeleton(text: str) -> str:
    """Return the letters of a text in lower case, with every number as one 0.

    Punctuation, symbols and white space are dropped. A text without a letter (`:-)`, `10/10`) has
    no skeleton: "".
    """
    letters = _ZEROS.sub("0", casefold_key(text).translate(_SKELETON_CHARACTERS))
    return letters if any(map(str.isalpha, letters)) else ""


class _SkeletonTable(dict[int, str | None]):
    """The character of a skeleton by code point: letters and their marks, 0 for digits, or none."""

    def __missing__(self, code: int) -> str | None:
        kind = unicodedata.category(chr(code))
        is_kept = kind[0] == "L" or (kind in ("Mn", "Mc") and not _EMOJI_STYLE.match(chr(code)))
        self[code] = chr(code) if is_kept else "0" if kind[0] == "N" else None
        return self[code]


_EMOJI_STYLE = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_SKELETON_CHARACTERS = _SkeletonTable()
