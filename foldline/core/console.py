"""Console output of commands."""

import os
import re
import sys
from typing import TextIO

# Control characters and marks that change the direction of text. Those of a user's ids or texts
# must not move the cursor, colour the terminal or hide what follows.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_COMMAND = re.compile(r"\b(dvc|foldline) [a-z]")


def say(message: str, stream: TextIO | None = None) -> None:
    """Print a line with control characters escaped, and flush it."""
    print(escape_controls(message), file=stream or sys.stdout, flush=True)


def escape_controls(text: str) -> str:
    """Return text with each control character as its escape; line breaks and tabs stay."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def print_error(error: Exception) -> None:
    """Print a foreseen error on stderr."""
    say(f"\nerror: {add_launcher(str(error))}\n", sys.stderr)


def add_launcher(message: str) -> str:
    """Return the message, with how to type its commands where no environment is activated."""
    launcher = os.environ.get("FOLDLINE_LAUNCHER")  # set by run.py
    command = _COMMAND.search(message)
    if not launcher or not command:
        return message
    return f"{message}\n(no environment is activated: type `{launcher} {command[1]} ...`)"


def replace_unprintable() -> None:
    """Print `?` for characters that the console's encoding lacks, such as cp949."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
