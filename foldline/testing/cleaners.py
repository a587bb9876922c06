"""Checks of text cleaners: functions from a text in normal form to a text."""

from collections.abc import Callable, Mapping
from typing import Any

from foldline.data.normalization import normalize_text
from foldline.testing.contract import get_function, require
from foldline.testing.sample_data import TEXTS


def check_cleaner(part: Any, options: Mapping[str, Any] | None = None) -> None:
    """Check a cleaner: a function `clean(text, **options)`, or a module that defines it.

    Raises:
        ContractError: naming what is wrong and what to change.
    """
    clean = get_function(part, "clean", options)
    texts = [normalize_text(text) for text in TEXTS]
    cleaned = [check_clean_text(clean, text) for text in texts]
    again = [clean(text) for text in reversed(texts)]
    require(
        again[::-1] == cleaned,
        "the same text is cleaned differently at a second call",
        "Use no random numbers, and keep nothing between calls",
    )
    require(any(cleaned), "every text becomes empty", "Keep the words that a model should read")


def check_clean_text(clean: Callable[[str], str], text: str) -> str:
    """Check a text's cleaned form, and return it: it is a str, and cleaning it changes nothing."""
    cleaned = clean(text)
    require(
        isinstance(cleaned, str),
        f"{text[:40]!r} became {type(cleaned).__name__}",
        "Return a str for every text, also for an empty one",
    )
    once = normalize_text(cleaned)
    twice = normalize_text(clean(once))
    require(
        once == twice,
        f"{excerpt(text)} becomes {excerpt(once, twice)}, and cleaned again {excerpt(twice, once)}",
        "Cleaning a clean text must change nothing: apply the rules until none applies, or let no "
        "rule produce what another one changes",
    )
    return cleaned


def excerpt(text: str, other: str = "") -> str:
    """Return a part of a text for a message: where it begins to differ from another one."""
    equal = next((i for i, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), None)
    start = max((min(len(text), len(other)) if equal is None else equal) - 20, 0)
    shown = repr(text[start : start + 40])
    return f"{'...' if start else ''}{shown}{'...' if len(text) > start + 40 else ''}"
