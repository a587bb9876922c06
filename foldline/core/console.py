"""Console output of commands."""

import sys


def say(message: str) -> None:
    """Print a line and flush it."""
    print(message, flush=True)


def replace_unprintable() -> None:
    """Print `?` for characters that the console's encoding lacks, such as cp949."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
