"""The normal form of a text: what models see, and what makes two texts equal."""

import re
import unicodedata

# Control and format characters, the zero-width ones among them, say nothing to a reader. Two
# joiners are kept: Persian, Indic scripts and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
# Letters and symbols that look like space: Hangul fillers, the braille blank.
_BLANK = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")
# A joiner that follows no letter of such a script joins nothing.
_IDLE_JOINER = re.compile("(?<![^\x00-\x7f\\s])[\u200c\u200d]+")

# Hangul letters that stand alone, as in ㅋㅋ and ㅠㅠ. NFKC makes parts of syllables of them, which
# no tokenizer knows, and would join ㄱㅏ to 가; so they stay, and the half-width ones widen.
_LETTERS = re.compile("([\u3131-\u318e\uffa0-\uffdc]+)")
_WIDE = {
    code: int(unicodedata.decomposition(chr(code)).split()[1], 16)
    for code in range(0xFFA0, 0xFFDD)
    if unicodedata.decomposition(chr(code))
}

_ZEROS = re.compile("0+")


def normalize_text(text: str, unicode: str = "NFKC") -> str:
    """Bring characters to one form, drop invisible ones, collapse white space.

    `unicode` is NFKC, NFC or none. Applying it twice changes nothing more.
    """
    if not text.isascii():
        text = _normalize_unicode(text, unicode)
        text = _BLANK.sub(" ", text)
    if not text.isprintable():
        seen = _IDLE_JOINER.sub("", _INVISIBLE.sub("", text))
        # Dropping a character can bring two together that compose.
        text = _normalize_unicode(seen, unicode) if len(seen) != len(text) else text
    return " ".join(text.split())


def _normalize_unicode(text: str, unicode: str) -> str:
    if unicode == "NFC":
        return unicodedata.normalize("NFC", text)
    if unicode == "none":
        return text
    if not _LETTERS.search(text):
        return unicodedata.normalize("NFKC", text)
    return "".join(
        piece.translate(_WIDE) if place % 2 else unicodedata.normalize("NFKC", piece)
        for place, piece in enumerate(_LETTERS.split(text))
    )


def casefold_key(text: str) -> str:
    """Give what two texts must share to be one text: case does not count."""
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


def skeleton(text: str) -> str:
    """Give what stays of a text that is typed anew: its letters, every number as one 0.

    Case, punctuation, symbols and white space are gone. A text without a letter (`:-)`, `10/10`)
    has no skeleton: "".
    """
    bones = _ZEROS.sub("0", casefold_key(text).translate(_SKELETON_CHARACTERS))
    return bones if any(map(str.isalpha, bones)) else ""


class _SkeletonTable(dict[int, str | None]):
    """What of a character stays: letters with their marks; 0 of any digit; nothing else."""

    def __missing__(self, code: int) -> str | None:
        kind = unicodedata.category(chr(code))
        stays = kind[0] == "L" or (kind in ("Mn", "Mc") and not _EMOJI_STYLE.match(chr(code)))
        self[code] = chr(code) if stays else "0" if kind[0] == "N" else None
        return self[code]


_EMOJI_STYLE = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_SKELETON_CHARACTERS = _SkeletonTable()
