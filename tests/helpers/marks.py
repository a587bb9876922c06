"""Which cases of a test belong to the fast set."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def fast_first(values: Iterable[Any], fast: Collection[Any]) -> list[Any]:
    """Return the cases of a test, all but the `fast` ones marked as slow."""
    return [value if value in fast else _slow(value) for value in values]


def _slow(value: Any) -> Any:
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow)
