"""Console output of commands."""

import os
import re
import sys

_COMMAND = re.compile(r"\b(dvc|foldline) [a-z]")


def say(message: str) -> None:
    """Print a line and flush it."""
    print(message, flush=True)


def print_error(error: Exception) -> None:
    """Print a foreseen error on stderr."""
    print(f"\nerror: {add_launcher(str(error))}\n", file=sys.stderr)


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
