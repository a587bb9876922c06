"""Errors that a user can mend: shown as one message, never as a traceback."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class FoldlineError(Exception):
    """Tell what was found, what is allowed and what to do next."""


def listing(items: Iterable[object], most: int = 8) -> str:
    """Join items for a message, the rest counted: `a, b, c and 12 more`."""
    texts = [_brief(str(item)) for item in items]
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most} more"


def closest_name(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that a misspelt one most likely meant; case does not count."""
    folded: dict[str, str] = {}
    for item in known:
        folded.setdefault(item.casefold(), item)
    found = get_close_matches(name.casefold(), list(folded), n=1, cutoff=cutoff)
    return folded[found[0]] if found else None


def unknown_name(kind: str, name: str, known: Sequence[str]) -> str:
    """Return the message for an unknown name: the closest one, and all there are."""
    close = closest_name(name, known)
    hint = f"; did you mean '{close}'?" if close else "."
    return f"unknown {kind} '{name}'{hint} Known: {', '.join(known)}"


def _brief(text: str, most: int = 60) -> str:
    """Shorten what would fill the screen, and show line breaks as what they are."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."
