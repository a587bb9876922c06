"""What the text of a cell says: a number, or a moment in time."""

import math
import re
from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 2024-1-31, 2024/01/31 and 2024.1.31. are one day, with or without a time behind.
_DAY = re.compile(r"(\d{4})([-./])\s?(\d{1,2})\2\s?(\d{1,2})\.?(?!\d)[T ]?\s*(.*)", re.DOTALL)


def is_number(text: str) -> bool:
    """Tell whether a text is a finite number; Python's `1_000` is not meant as one."""
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def parse_time(text: str) -> float | None:
    """Give an ISO 8601 date or time as seconds from 1970, None where it is neither.

    A time without a zone is taken as UTC: the machine's own zone must not move a split.
    """
    text = text.strip()
    day = _DAY.fullmatch(text)
    if day:
        year, _, month, number, rest = day.groups()
        text = f"{year}-{int(month):02}-{int(number):02}" + (f"T{rest}" if rest else "")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((found if found.tzinfo else found.replace(tzinfo=UTC)) - _EPOCH).total_seconds()


def label_sort_key(label: str) -> tuple[int, float, str]:
    """Sort numbers by value, before words."""
    return (0, float(label), label) if is_number(label) else (1, 0.0, label)
