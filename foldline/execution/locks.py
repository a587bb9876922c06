"""Locks between processes: one at a time does a piece of work, the others wait for it."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.core.paths import store_root

POLL = 0.1  # seconds between two looks
TELL = 2.0  # seconds of waiting before the user is told


@contextmanager
def locked(name: str, patience: float | None = None) -> Iterator[None]:
    """Let one process at a time do the work of this name; the others wait, and say so.

    The system frees the lock of a process that dies.

    Raises:
        FoldlineError: where another process still does it after `patience` seconds.
    """
    path = store_root() / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = _wait(path, patience)
    try:
        yield
    finally:
        # Before the lock is freed: a process that waits for this file sees that it is gone and
        # opens the next one. Windows keeps open files, and there the file stays.
        with suppress(OSError):
            path.unlink()
        stream.close()


def _wait(path: Path, patience: float | None) -> Any:
    """Give the open, locked file; opened anew each time, as its holder removes it."""
    begun, told = time.monotonic(), False
    while True:
        stream = path.open("a+b")
        if _take(stream) and _still_there(stream, path):
            return stream
        stream.close()
        waited = time.monotonic() - begun
        if patience is not None and waited > patience:
            raise FoldlineError(
                f"another process is doing this very work ({path} is locked); "
                "wait for it, or end it and run the command again"
            )
        if waited > TELL and not told:
            print(f"waiting for another process that does this work ({path})", file=sys.stderr)
            told = True
        time.sleep(POLL)


def _still_there(stream: Any, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except OSError:
        return False


def _take(stream: Any) -> bool:
    """Lock an open file for this process, if no other one holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
