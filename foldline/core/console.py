"""What a command prints: at once, and on any console."""

import sys


def say(message: str) -> None:
    """Print a line at once, also into a pipe."""
    print(message, flush=True)


def replace_unprintable() -> None:
    """Print `?` for a character that the console cannot show, as a cp949 one may not."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
