"""Values that look alike but differ, and words that programs write where there was no value."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from foldline.core.errors import listing
from foldline.data.cell_values import Column, number_key
from foldline.data.normalization import normalize_text

MAX_LISTED = 8  # couples or words named in a note
CLASS_SHARE = 0.05  # of the rows, from which a word like `none` is a class

# Characters of each line look like its first.
_ALIKE = (
    "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u02d7\u2500\u30fc\uff70\ufe58\ufe63",
    "'\u2018\u2019\u201a\u201b\u02bc\u02b9\u02bb\u02c8\u2032\u2035`\u00b4\u05f3",
    '"\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u05f4\u3003',
    "\u00b7\u30fb\u2027\u318d\u119e\u2022\u2219\u22c5\uff65\u0387\u25cf\u2024",
    "~\u301c\u223c\u02dc\u3030",
    "/\u2044\u2215\u29f8",
    ":\ua789\u2236",
    "...\u2026\u22ef",
    # Cyrillic and Greek letters, in lower case.
    "a\u0430\u03b1", "b\u044c", "c\u0441\u03f2", "e\u0435", "h\u04bb", "i\u0456\u03b9\u0131",
    "j\u0458\u03f3", "k\u043a\u03ba", "m\u043c", "n\u03b7", "o\u043e\u03bf", "p\u0440\u03c1",
    "s\u0455", "t\u0442\u03c4", "u\u03c5", "v\u03bd", "x\u0445\u03c7", "y\u0443\u03b3", "w\u0461",
)  # fmt: skip
_TABLE = {
    ord(letter): "..." if line.startswith("...") else line[0]
    for line in _ALIKE
    for letter in line.removeprefix("...")
}
# Styles and skin tones of emoji.
_STYLE = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\U0001f3fb-\U0001f3ff]")
# In lower case.
_PLACEHOLDERS = frozenset({
    "null", "nan", "-nan", "none", "nil", "nat", "n/a", "na", "n.a", "n.a.", "#n/a", "#na",
    "<na>", "<null>", "<none>", "(null)", "(none)", "[null]", "\\n", "null.", "none.", "undefined",
    "missing", "no data", "no value", "not available", "#value!", "#ref!", "#name?", "#div/0!",
    "#null!", "#num!", "1.#qnan", "1.#ind", "[deleted]", "[removed]", "-", "--", "---", "\u2013",
    "\u2014", "?", "??", "???", ".", "..", "...", "\u2026", "없음", "없음.", "해당없음",
    "해당 없음", "값 없음", "데이터 없음", "내용 없음", "결측", "결측치", "미입력", "빈값", "널",
})  # fmt: skip


def look_alike_key(text: str) -> str:
    """Return what values share that differ only in case, white space, number format or form.

    Forms are those of dashes, quotation marks, dots, full-width letters, emoji, and letters of
    other alphabets that look Latin.
    """
    number = number_key(text)
    if number is not None:
        return number
    if text.isascii():
        return "".join(text.replace("`", "'").casefold().split())
    raw = text.translate(_TABLE)
    folded = _STYLE.sub("", normalize_text(raw)).casefold().translate(_TABLE)
    visible = (letter for letter in folded if unicodedata.category(letter) != "Cf")
    return "".join("".join(visible).split())


def look_alike_notes(kind: str, columns: Sequence[Column]) -> list[str]:
    """Return a note on values of a role that look alike, with counts, characters and lines."""
    counts = Counter(value for column in columns for value in column.values if value)
    alike: dict[str, list[str]] = {}
    for value in sorted(counts):
        alike.setdefault(look_alike_key(value), []).append(value)
    groups = [values for key, values in alike.items() if len(values) > 1 and key]
    if not groups:
        return []
    shown = (_format_alike(values, counts, columns) for values in groups)
    return [
        f"{kind} that differ only in case, white space, number format or look-alike characters "
        f"are kept apart: {'; '.join(_first(shown, len(groups)))}. Write them in one way if they "
        "are one"
    ]


def is_placeholder(text: str) -> bool:
    """Return whether a text is only a word that programs write for a missing value: `NaN`."""
    return text.casefold().strip() in _PLACEHOLDERS


def placeholder_notes(kind: str, columns: Sequence[Column]) -> list[str]:
    """Return a note for each column with values like `NULL` or `N/A`: words, count and lines."""
    notes = []
    for column in columns:
        known = {value for value in set(column.values) if is_placeholder(value)}
        rows = [row for row, value in enumerate(column.values) if value in known]
        if rows:
            counts = Counter(column.values[row] for row in rows)
            words = listing(f"'{word}'" for word, _ in counts.most_common())
            if kind == "label" and len(rows) > max(1, CLASS_SHARE * len(column.values)):
                notes.append(
                    f"{column.raw.path}: {words} is a class of {len(rows):,} rows. If it stands "
                    "for no label, empty these cells"
                )
                continue
            kinds = f"{kind} is" if len(rows) == 1 else f"{kind}s are"
            notes.append(
                f"{column.raw.path}, {column.raw.where(rows)}: {len(rows)} {kinds} only {words}, "
                "which programs write for a missing value: kept as they are. Empty the cells that "
                "lack a value"
            )
    return notes


def describe_characters(text: str) -> str:
    """Return the code points of the characters beyond ASCII that are neither letters nor digits."""
    codes = [
        f"U+{ord(letter):04X}"
        for letter in dict.fromkeys(text)
        if not letter.isascii() and not _is_plain_letter(letter)
    ]
    return ", ".join(codes[:3])


def _is_plain_letter(letter: str) -> bool:
    """Return whether a letter looks like no other: Hangul and Latin ones, but not Cyrillic."""
    is_own_form = unicodedata.normalize("NFKC", letter) == letter
    return letter.isalnum() and is_own_form and ord(letter.lower()[0]) not in _TABLE


def _format_alike(
    values: Sequence[str], counts: Mapping[str, int], columns: Sequence[Column]
) -> str:
    ordered = sorted(values, key=lambda value: (-counts[value], value))
    return " = ".join(_format_value(value, counts[value], columns) for value in ordered)


def _format_value(value: str, count: int, columns: Sequence[Column]) -> str:
    codes = describe_characters(value)
    place = next(column.locate(value) for column in columns if value in column.values)
    details = [f"{count} row{'s' if count > 1 else ''}", *([codes] if codes else []), place]
    return f"{listing([value])} ({'; '.join(details)})"


def _first(items: Iterable[str], count: int) -> list[str]:
    shown = [item for _, item in zip(range(MAX_LISTED), items, strict=False)]
    return shown if count <= MAX_LISTED else [*shown, f"and {count - MAX_LISTED} more"]
