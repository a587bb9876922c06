"""Cells that a spreadsheet would run as a formula (CSV injection, OWASP)."""

from typing import Any

import pandas as pd

# Excel also takes the full-width signs, and skips tabs and line breaks before any of them.
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def escape_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts, column names included, no spreadsheet runs.

    A text that would be run gets an apostrophe in front; numbers stay numbers.
    """
    columns = {
        _escape(name): column
        if pd.api.types.is_numeric_dtype(column)
        else [_escape(value) for value in column]
        for name, column in table.items()
    }
    return pd.DataFrame(columns)


def _escape(value: Any) -> Any:
    """Return a text with an apostrophe in front if a spreadsheet would run it."""
    if isinstance(value, str) and value.startswith(STARTS) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text[0] in "+-"
