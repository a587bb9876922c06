"""Numbers in the notation of a column: decimal commas, thousands separators, units.

A column is read only where one notation fits all of its values; `1,234` alone fits two.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from foldline.data.raw_table import is_number

_SIGNS = str.maketrans(dict.fromkeys("\u2212\u2013\ufe63\uff0d", "-") | {"\u2019": "'"})
# Decimal mark and thousands separator, the plain notation first.
_SYSTEMS = [(".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"),
            (",", "'")]  # fmt: skip
_CURRENCIES = ("USD", "EUR", "GBP", "KRW", "JPY", "CNY")
# Where these are used, the decimal mark is a point.
_POINT_UNITS = set("\u20a9\u00a5$\u00a3원円") | {"US$", "KRW", "JPY", "CNY", "USD", "GBP"}
_LONGEST = 40  # characters; a longer cell is a text
_CELL = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<prefix>[^\d\s.,'+-]*)\s*(?P<later>[+-]?)\s*"
    r"(?P<number>\d(?:[\d.,' ]*\d)?|[.,]\d+)\s*(?P<suffix>[^\d\s.,'][^\d]*|/\s*\d+|)"
)


@dataclass(frozen=True)
class Notation:
    """How the numbers of a column are written; `unit` stands before or behind each."""

    decimal: str
    thousands: str
    unit: tuple[str, str]

    def parse(self, text: str) -> str | None:
        """Return a number as Python writes it, None where the text has another notation."""
        cell = _split_cell(text)
        if cell is None or (cell[0], cell[2]) != self.unit:
            return None
        if self.decimal == "," and _POINT_UNITS & {unit.upper() for unit in self.unit}:
            return None
        digits = cell[1]
        if not _digit_pattern(self.decimal, self.thousands).fullmatch(digits):
            return None
        whole = digits.replace(self.thousands, "") if self.thousands else digits
        return whole.replace(self.decimal, ".")

    def describe(self, values: Sequence[str]) -> str:
        """Return how an example of the values, the most unusual one, is read."""
        example = max(values, key=lambda text: (len(set(text) - set("0123456789")), len(text)))
        return f"'{example}' is read as {self.parse(example)}"


def parse_numbers(values: Sequence[str]) -> Notation | None:
    """Return the notation that all values have, None where there is none or more than one."""
    notations = _fitting_notations(values)
    return notations[0] if len(notations) == 1 else None


def is_quantity(text: str) -> bool:
    """Return whether a text is a number in some notation: `3`, `3,5`, `12 %`, `1.234,5`."""
    return is_number(text) or bool(_fitting_notations([text]))


def is_plain(values: Sequence[str]) -> bool:
    """Return whether all values are numbers as Python writes them."""
    return all(value.isascii() and is_number(value) for value in values)


def estimate_number(text: str) -> float:
    """Return a number in whatever notation, of two readings the first."""
    return float(text if is_number(text) else _fitting_notations([text])[0].parse(text) or "nan")


def explain_problem(values: Sequence[str]) -> tuple[str, str] | None:
    """Return a value that keeps a column from being read as numbers, and why; None if it is read.

    The reason is empty for a value that is no number in any notation.
    """
    other = next((value for value in values if not is_quantity(value)), None)
    if other is not None:
        return other, ""
    notations = _fitting_notations(values)
    if len(notations) == 1 or is_plain(values):
        return None
    if notations:
        for value in values:
            first, second = (notation.parse(value) for notation in notations[:2])
            if first != second:
                return value, (
                    f"may be {first} or {second}: no value of the column shows whether the mark is "
                    "a decimal mark or a thousands separator. Write numbers with a decimal point "
                    "and nothing between thousands"
                )
    first = values[0]
    other = next(value for value in values if not _fitting_notations([first, value]))
    return other, (
        f"is another notation than '{first}'. Write all numbers in one way, best with a decimal "
        "point and without units"
    )


def _fitting_notations(values: Sequence[str]) -> list[Notation]:
    """Return the notations that fit all values and differ in what they read."""
    distinct = list(dict.fromkeys(values))
    first = _split_cell(distinct[0]) if distinct else None
    if first is None:
        return []
    fitting: dict[tuple[str, ...], Notation] = {}
    for decimal, thousands in _SYSTEMS:
        notation = Notation(decimal, thousands, (first[0], first[2]))
        parsed = [notation.parse(value) for value in distinct]
        numbers = tuple(number for number in parsed if number is not None)
        if len(numbers) == len(parsed):
            fitting.setdefault(numbers, notation)
    return list(fitting.values())


@lru_cache(maxsize=100_000)
def _split_cell(text: str) -> tuple[str, str, str] | None:
    """Return prefix, signed digits with their marks, and suffix; None if it is no number."""
    if len(text) > _LONGEST or any(unicodedata.category(letter) in ("No", "Nl") for letter in text):
        return None  # as in 5² and Ⅳ
    cell = _CELL.fullmatch(unicodedata.normalize("NFKC", text.translate(_SIGNS)).strip())
    if cell is None or (cell["sign"] and cell["later"]):
        return None
    prefix = cell["prefix"]
    has_currency = any(unicodedata.category(letter) == "Sc" for letter in prefix)
    if prefix and not has_currency and prefix.upper() not in _CURRENCIES:
        return None
    sign = (cell["sign"] or cell["later"]).replace("+", "")
    ascii_digits = "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter
        for letter in cell["number"]
    )
    return prefix, sign + ascii_digits, cell["suffix"].rstrip()


@lru_cache
def _digit_pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    point = rf"{re.escape(decimal)}\d+"
    patterns = [rf"\d+(?:{point})?", point]
    if thousands:
        group = rf"(?:{re.escape(thousands)}\d{{3}})+"
        patterns += [rf"[1-9]\d{{0,2}}{group}(?:{point})?", rf"0{group}{point}"]
    return re.compile(rf"-?(?:{'|'.join(patterns)})")
