"""Errors that a user can fix: shown as one message, without a traceback."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class FoldlineError(Exception):
    """An error whose message says what is wrong, what is allowed and what to do next."""


def listing(items: Iterable[object], limit: int = 8) -> str:
    """Return items joined for a message, with the rest counted: `a, b, c and 12 more`."""
    texts = [_shorten(str(item)) for item in items]
    text = ", ".join(texts[:limit])
    return text if len(texts) <= limit else f"{text} and {len(texts) - limit} more"


def closest_name(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name closest to a misspelt one, ignoring case; None if none is close."""
    folded: dict[str, str] = {}
    for item in known:
        folded.setdefault(item.casefold(), item)
    matches = get_close_matches(name.casefold(), list(folded), n=1, cutoff=cutoff)
    return folded[matches[0]] if matches else None


def unknown_name(kind: str, name: str, known: Sequence[str]) -> str:
    """Return the message for an unknown name, with the closest and all known ones."""
    close = closest_name(name, known)
    hint = f"; did you mean '{close}'?" if close else "."
    return f"unknown {kind} '{name}'{hint} Known: {', '.join(known)}"


def _shorten(text: str, limit: int = 60) -> str:
    """Return text cut to `limit` characters, with line breaks escaped."""
    printable = text if text.isprintable() else repr(text)[1:-1]
    return printable if len(printable) <= limit else f"{printable[: limit - 3]}..."
