"""A raw file as columns of text, and what the text of a cell means: a number, a time."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from foldline.core.errors import FoldlineError, listing

FORMATS = ("csv", "tsv", "txt", "jsonl", "ndjson", "json", "parquet")
JSON_FORMATS = ("jsonl", "ndjson", "json")
_ADVICE = {
    **dict.fromkeys(
        ("xls", "xlsx", "xlsm", "ods", "numbers"), "Open it and save it as 'CSV UTF-8'"
    ),
    **dict.fromkeys(("zip", "7z", "rar", "tar", "tgz", "bz2", "xz", "zst"), "Unpack it"),
}
# An object of an annotation tool with one of these keys alone stands for its content.
WRAPPERS = ("choices", "labels")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 2024-1-31, 2024/01/31 and 2024.1.31. are one day; a time may follow.
_DAY = re.compile(r"(\d{4})([-./])\s?(\d{1,2})\2\s?(\d{1,2})\.?(?!\d)[T ]?\s*(.*)", re.DOTALL)


@dataclass(frozen=True)
class RawTable:
    """A file's columns by name; None is a missing value. `lines` are where rows start.

    Lists and objects are JSON. `nested` are the columns in which a file with types has such values.
    """

    path: Path
    columns: dict[str, list[str | None]]
    lines: list[int]
    notes: list[str] = field(default_factory=list)
    unit: str = "line"
    nested: frozenset[str] = frozenset()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)

    def where(self, rows: Sequence[int], most: int = 8) -> str:
        """Return the lines of rows for a message: `lines 3, 8 and 4 more`."""
        lines = listing((self.lines[row] for row in rows), most)
        return f"{self.unit}{'s' if len(rows) > 1 else ''} {lines}"

    def find_column(self, name: str) -> str | None:
        """Return the name of a column as the file has it, or None.

        The field `choices` of an annotation tool was read into its column.
        """
        parent, _, field_name = name.strip().rpartition(".")
        parents = (parent,) if field_name in WRAPPERS else ()
        return next(
            (known for known in (name, name.strip(), *parents) if known in self.columns), None
        )

    def fields_hint(self, name: str) -> str:
        """Return a sentence that lists the fields of a column of objects, or empty text."""
        fields = [f"'{known}'" for known in self.columns if known.startswith(f"{name.strip()}.")]
        return (
            f" '{name}' holds objects: name one of the fields {listing(fields, 20)}."
            if fields
            else ""
        )


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
        advice = _ADVICE.get(
            name, "Convert it, or rename it if it has another format than its name"
        )
        raise FoldlineError(
            f"{path}: not a supported format; allowed are {allowed}, each also .gz. {advice}"
        )
    return name


def check_column_names(path: Path, names: Iterable[str]) -> None:
    """Raise for two columns of one name."""
    duplicates = sorted(name for name, count in Counter(names).items() if count > 1)
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
