"""When two cells hold one value: one rule for ids, labels, groups, items and annotators.

Surrounding white space is no part of a value, and `3.0` is `3` where a role holds whole numbers.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from foldline.core.errors import FoldlineError
from foldline.data.normalization import normalize_text
from foldline.data.number_notation import is_plain, parse_numbers
from foldline.data.raw_table import RawTable

_INVISIBLE = "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + _INVISIBLE
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_SCIENTIFIC = re.compile(rf"{_NUMBER.pattern}[eE][+-]?\d{{1,2}}")
_MAX_EXACT = 2**53  # a float holds whole numbers exactly up to here
_ROUNDED_FROM = 11  # the exponent from which spreadsheets show 1.23457E+11


@dataclass(frozen=True)
class Column:
    """The values of one column of a file; without lines, a message names the file alone."""

    raw: RawTable
    name: str
    values: Sequence[str]

    def locate(self, value: str) -> str:
        """Return the file and the first lines of a value, for a message."""
        if not self.raw.lines:
            return str(self.raw.path)
        rows = [row for row, own in enumerate(self.values) if own == value]
        return f"{self.raw.path}, {self.raw.where(rows, 3)}"


@dataclass(frozen=True)
class Joined:
    """How values are spelt in the pipeline, and notes for the user."""

    spelling: dict[str, str]
    notes: list[str]

    def apply(self, values: Iterable[str]) -> list[str]:
        """Return values in the spelling of the pipeline."""
        return [self.spelling.get(value, value) for value in values]


def trim(text: str) -> str:
    """Return a text without white space of any kind, also of no width, around it."""
    return text.strip(_BLANKS)


def clean_value(text: str) -> str:
    """Return a label, group or name without what cannot be seen."""
    return normalize_text(text, "NFC")


def number_key(text: str, scientific: bool = True) -> str | None:
    """Return what all spellings of a number share, or None: `3.0`, `03`, `+3` and `3` are one.

    `scientific` allows `3e0`, which among other ids may be a code.
    """
    if text.isascii() and text.isdigit():
        return text.lstrip("0") or "0"
    if not (_NUMBER.fullmatch(text) or (scientific and _SCIENTIFIC.fullmatch(text))):
        return None
    number = Decimal(text)
    return f"{number.normalize():f}" if number else "0"


def value_key(text: str) -> str:
    """Return what spellings share that are one value: a number, or a text in Unicode's NFC."""
    return number_key(text, scientific=False) or normalize_text(text, "NFC")


def find_value(name: str, known: Iterable[str]) -> str | None:
    """Return the known value that a name means, by its own spelling first; None without one."""
    known = list(known)
    if name in known:
        return name
    meant = [value for value in known if value_key(value) == value_key(name)]
    return meant[0] if len(meant) == 1 else None


def join_labels_of_numbers(columns: Sequence[Column]) -> Joined:
    """Return one spelling for labels like `0.0` and `0`; `01` and `1` stay two labels."""
    return _join(columns, _drop_fraction)


def join_groups(columns: Sequence[Column]) -> Joined:
    """Return one spelling for groups of one number, also `007` and `7`: joining cannot leak."""
    return _join(columns, lambda text: number_key(text) or text)


def read_numbers(name: str, values: Sequence[str], joined: Joined) -> Joined:
    """Return numbers as Python writes them, where one notation fits all; else `joined`."""
    distinct = list(dict.fromkeys(value for value in values if value))
    notation = None if is_plain(distinct) else parse_numbers(distinct)
    if notation is None:
        return replace(joined, notes=[])
    spelling = {value: notation.parse(value) or value for value in distinct}
    return Joined(spelling, [f"column '{name}': {notation.describe(distinct)}"])


def join_ids(columns: Sequence[Column]) -> Joined:
    """Return ids without surrounding white space; all whole: without the fraction of floats.

    Raises:
        FoldlineError: where this makes two ids of a file equal.
    """
    values = [trim(value) for column in columns for value in column.values]
    plain = _drop_fraction if _are_whole(values) else str
    spelling = {
        value: plain(trim(value)) for value in {v for column in columns for v in column.values}
    }
    return Joined({value: name for value, name in spelling.items() if value != name}, [])


def check_distinct_ids(column: Column, joined: Joined) -> None:
    """Raise for two ids of a file that differ only in white space or the fraction of a float."""
    first: dict[str, str] = {}
    for value in dict.fromkeys(column.values):
        other = first.setdefault(joined.spelling.get(value, value), value)
        if other != value:
            raise FoldlineError(
                f"{column.raw.path}, column '{column.name}': {other!r} "
                f"({_lines(column, other)}) and {value!r} ({_lines(column, value)}) are one id "
                "in two spellings. Make ids unique, or set data.id=null to generate them"
            )


def match_ids(references: Column, known: Sequence[Column], what: str) -> Joined:
    """Return the known id that each reference means; those without one are left out.

    An id in another spelling (`7` for `00007`, as spreadsheets write it) is joined where exactly
    one id and one reference have this number. Where not all references are ids as they stand, one
    that is an id in a file may still mean another spelling in another file.

    Raises:
        FoldlineError: naming both spellings, where more than one id may be meant.
    """
    ids = {value for column in known for value in column.values}
    if ids.issuperset(references.values):
        return Joined({value: value for value in references.values}, [])
    by_key: dict[str, list[str]] = defaultdict(list)
    for value in sorted(ids):
        by_key[value_key(value)].append(value)
    spellings: dict[str, list[str]] = defaultdict(list)
    for value in dict.fromkeys(references.values):
        if value:
            spellings[value_key(value)].append(value)
    matches: dict[str, str] = {}
    joined: list[tuple[str, str]] = []
    for key, values in spellings.items():
        own = by_key.get(key, [])
        exact = [value for value in values if value in ids]
        matches |= dict(zip(exact, exact, strict=True))
        if not own or (len(exact) == len(values) and not _are_in_two_files(own, values, known)):
            continue
        other = next((value for value in values if value not in ids), values[0])
        if len(own) > 1 or len(values) > 1:
            raise FoldlineError(_ambiguous_message(references, other, known, own, values))
        matches[other] = own[0]
        joined.append((other, own[0]))
    return Joined(matches, _joined_note(references, known, joined, what))


def _are_in_two_files(ids: list[str], meant: list[str], known: Sequence[Column]) -> bool:
    """Return whether ids of one number stand in several files, and not all of them are meant."""
    if set(ids) <= set(meant):
        return False
    files = [set(column.values) & set(ids) for column in known]
    return sum(map(bool, files)) > 1


def rounded_note(column: Column, role: str) -> list[str]:
    """Return a note on long numbers that a spreadsheet or a table library has rounded."""
    rounded = [value for value in dict.fromkeys(column.values) if _is_rounded(value)]
    if not rounded:
        return []
    return [
        f"{column.locate(rounded[0])}: {len(rounded)} values of column '{column.name}' ({role}), "
        f"such as '{rounded[0]}', seem to be long numbers that a program rounded: different "
        f"{role}s may have become one. Take the file before that program, with the column as text"
    ]


def _is_rounded(text: str) -> bool:
    if text.isdigit():
        return False
    if not _SCIENTIFIC.fullmatch(text) and not (_NUMBER.fullmatch(text) and "." in text):
        return False
    digits, _, exponent = text.lower().partition("e")
    decimals = len(digits.partition(".")[2])
    short = bool(exponent) and int(exponent) >= _ROUNDED_FROM and decimals < int(exponent)
    return short or (abs(float(text)) > _MAX_EXACT and number_key(text) is not None)


def _join(columns: Sequence[Column], plain: Callable[[str], str]) -> Joined:
    """Return one spelling for each number that is written in several ways, with a note."""
    values = list(dict.fromkeys(value for column in columns for value in column.values if value))
    whole = _are_whole(values)
    spellings: dict[str, list[str]] = defaultdict(list)
    for value in values:
        if number_key(value, scientific=whole) is not None:
            spellings[plain(value)].append(value)
    joined: dict[str, str] = {}
    met = []
    for several in spellings.values():
        own = [_drop_fraction(value) if whole else value for value in several]
        name = min(map(_drop_fraction, own), key=len) if len(set(own)) > 1 else own[0]
        met += [several] if len(several) > 1 else []
        joined |= {value: name for value in several if value != name}
    notes = [_met_note(columns, met, joined)] if met else []
    if joined and not met:
        value, name = next(iter(joined.items()))
        notes = [
            f"column '{columns[0].name}' holds whole numbers written as floats: '{value}' is "
            f"read as '{name}'"
        ]
    return Joined(joined, notes)


def _are_whole(values: Iterable[str]) -> bool:
    """Return whether all values, of which there are some, are whole numbers; empty ones aside."""
    given = {value for value in values if value}
    return bool(given) and all(map(_is_whole, given))


def _is_whole(text: str) -> bool:
    key = number_key(text)
    return key is not None and "." not in key


def _drop_fraction(text: str) -> str:
    """Return a number in ASCII digits, without zeros behind the point, and without e or +."""
    if text.isascii() and text.isdigit():
        return text
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    if _SCIENTIFIC.fullmatch(text):
        return f"{Decimal(text).normalize():f}"
    if not _NUMBER.fullmatch(text):
        return text
    return (text.rstrip("0").rstrip(".") if "." in text else text).removeprefix("+") or "0"


def _met_note(columns: Sequence[Column], met: list[list[str]], joined: dict[str, str]) -> str:
    first, second = met[0][:2]
    places = [next(c.locate(v) for c in columns if v in c.values) for v in (first, second)]
    name = joined.get(first, first)
    count = len(met)
    more = f"{count} numbers are written in several ways and taken as one each"
    more = more if count > 1 else "both are taken as one"
    return (
        f"column '{columns[0].name}': '{first}' ({places[0]}) and '{second}' ({places[1]}) are the "
        f"number {name}: {more}"
    )


def _lines(column: Column, value: str) -> str:
    return column.locate(value).rpartition(", ")[2]


def _place(columns: Sequence[Column], value: str) -> str:
    return next(f"{c.locate(value)}, column '{c.name}'" for c in columns if value in c.values)


def _ambiguous_message(
    references: Column, other: str, known: Sequence[Column], own: list[str], values: list[str]
) -> str:
    meant = f"{own[0]!r} ({_place(known, own[0])})"
    if len(own) > 1:
        meant += f" or {own[1]!r} ({_place(known, own[1])})"
    else:
        also = next(value for value in values if value != other)
        meant += f", and {also!r} ({references.locate(also)}) may mean it, too"
    return (
        f"{_place([references], other)}: {other!r} may mean {meant}. Write each id in one way "
        "in all files"
    )


def _joined_note(
    references: Column, known: Sequence[Column], joined: list[tuple[str, str]], what: str
) -> list[str]:
    if not joined:
        return []
    other, own = joined[0]
    differ = "leading zeros or a fraction" if number_key(own) else "Unicode form or white space"
    return [
        f"{references.raw.path}: {len(joined)} {what} are matched although they differ in "
        f"{differ}, such as {other!r} ({_lines(references, other)}) with {own!r} "
        f"({_place(known, own)})"
    ]
