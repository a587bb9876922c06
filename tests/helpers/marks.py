"""Selection of the test cases that belong to the fast set."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def mark_slow_except(values: Iterable[Any], fast: Collection[Any]) -> list[Any]:
    """Return the cases of a test, with all but the `fast` ones marked as slow."""
    return [value if value in fast else _mark_slow(value) for value in values]


def _mark_slow(value: Any) -> Any:
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow)
