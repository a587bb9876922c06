"""A raw file as columns of text, and what the text of a cell means: a number, a time."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from foldline.core.errors import FoldlineError, listing

FORMATS = ("csv", "tsv", "jsonl", "parquet")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 2024-1-31, 2024/01/31 and 2024.1.31. are one day; a time may follow.
_DAY = re.compile(r"(\d{4})([-./])\s?(\d{1,2})\2\s?(\d{1,2})\.?(?!\d)[T ]?\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class RawTable:
    """A file's columns by name; None is a missing value. `lines` are where rows start."""

    path: Path
    columns: dict[str, list[str | None]]
    lines: list[int]
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)

    def where(self, rows: Sequence[int], most: int = 8) -> str:
        """Return the lines of rows for a message: `lines 3, 8 and 4 more`."""
        word = "row" if file_format(self.path) == "parquet" else "line"
        lines = listing((self.lines[row] for row in rows), most)
        return f"{word}{'s' if len(rows) > 1 else ''} {lines}"


def file_format(path: Path) -> str:
    """Return the format that a file's name has.

    Raises:
        FoldlineError: where the format is not supported.
    """
    suffixes = [suffix.lower().lstrip(".") for suffix in path.suffixes]
    if suffixes[-1:] == ["gz"]:
        suffixes.pop()
    name = suffixes[-1] if suffixes else ""
    if name not in FORMATS:
        allowed = ", ".join(f".{known}" for known in FORMATS)
        advice = "In Excel, save it as 'CSV UTF-8'" if name in ("xls", "xlsx") else "Convert it"
        raise FoldlineError(
            f"{path}: not a supported format; allowed are {allowed}, each also .gz. {advice}"
        )
    return name


def check_column_names(path: Path, names: Sequence[str]) -> None:
    """Raise for two columns of one name."""
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise FoldlineError(
            f"{path}: the header names column {listing(map(repr, duplicates))} more than once. "
            "Rename or remove one of them"
        )


def is_number(text: str) -> bool:
    """Return whether a text is a finite number; `1_000`, which Python reads, is not."""
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def parse_time(text: str) -> float | None:
    """Return an ISO 8601 date or time as seconds since 1970, None for other texts.

    A time without a zone is UTC: the machine's own zone must not change a split.
    """
    text = text.strip()
    day = _DAY.fullmatch(text)
    if day:
        year, _, month, number, rest = day.groups()
        text = f"{year}-{int(month):02}-{int(number):02}" + (f"T{rest}" if rest else "")
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH).total_seconds()


def label_sort_key(label: str) -> tuple[int, float, str]:
    """Return a key that sorts numbers by value, before words."""
    return (0, float(label), label) if is_number(label) else (1, 0.0, label)
