"""Hangul syllables to keystrokes of the 2-set keyboard, and back."""

import re

# The jamo on the key of a Latin letter, the shifted one second (KS X 5002).
KEYS = dict(
    zip(
        "qwertyuiopasdfghjklzxcvbnm",
        "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡ",
        strict=True,
    )
)
KEYS |= {"q": "ㅂㅃ", "w": "ㅈㅉ", "e": "ㄷㄸ", "r": "ㄱㄲ", "t": "ㅅㅆ", "o": "ㅐㅒ", "p": "ㅔㅖ"}

_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS, _TAILS = (
    text.split()
    for text in (
        "ㅏ ㅐ ㅑ ㅒ ㅓ ㅔ ㅕ ㅖ ㅗ ㅗㅏ ㅗㅐ ㅗㅣ ㅛ ㅜ ㅜㅓ ㅜㅔ ㅜㅣ ㅠ ㅡ ㅡㅣ ㅣ",
        "ㄱ ㄲ ㄱㅅ ㄴ ㄴㅈ ㄴㅎ ㄷ ㄹ ㄹㄱ ㄹㅁ ㄹㅂ ㄹㅅ ㄹㅌ ㄹㅍ ㄹㅎ "
        "ㅁ ㅂ ㅂㅅ ㅅ ㅆ ㅇ ㅈ ㅊ ㅋ ㅌ ㅍ ㅎ",
    )
)
_TAILS.insert(0, "")
_FIRST, _LAST = ord("가"), ord("힣")


def _longest_first(parts: list[str]) -> str:
    return "|".join(sorted(filter(None, parts), key=len, reverse=True))


# A consonant before a vowel begins the next syllable.
_SYLLABLE = re.compile(
    f"([{_LEADS}])({_longest_first(_VOWELS)})((?:{_longest_first(_TAILS)})(?![ㅏ-ㅣ]))?"
)


def is_hangul(text: str) -> bool:
    """Return whether a text has a Hangul syllable."""
    return any("가" <= character <= "힣" for character in text)


def split_keystrokes(text: str) -> list[str]:
    """Return the keystrokes of a text; any other character is one keystroke."""
    strokes: list[str] = []
    for character in text:
        code = ord(character)
        if _FIRST <= code <= _LAST:
            lead, rest = divmod(code - _FIRST, len(_VOWELS) * len(_TAILS))
            vowel, tail = divmod(rest, len(_TAILS))
            strokes += (_LEADS[lead], *_VOWELS[vowel], *_TAILS[tail])
        else:
            strokes.append(character)
    return strokes


def compose_hangul(strokes: list[str]) -> str:
    """Return the text that an input method composes of keystrokes.

    `compose_hangul(split_keystrokes(x)) == x` for words. Keystrokes that form no syllable stay
    letters, such as ㅋㅋ.
    """
    return _SYLLABLE.sub(_compose_syllable, "".join(strokes))


def _compose_syllable(match: re.Match[str]) -> str:
    lead, vowel, tail = (
        _LEADS.index(match[1]),
        _VOWELS.index(match[2]),
        _TAILS.index(match[3] or ""),
    )
    return chr(_FIRST + (lead * len(_VOWELS) + vowel) * len(_TAILS) + tail)
