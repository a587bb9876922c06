"""Locks between processes: one does the work, the others wait."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.core.paths import store_root

POLL_SECONDS = 0.1
NOTICE_SECONDS = 2.0  # waiting time before the user sees a message


@contextmanager
def hold_lock(name: str, patience: float | None = None) -> Iterator[None]:
    """Hold the lock of this name; wait, with a message, while another process holds it.

    The operating system frees the lock of a process that dies.

    Raises:
        FoldlineError: if another process still holds it after `patience` seconds.
    """
    path = store_root() / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = _acquire(path, patience)
    try:
        yield
    finally:
        # Before the lock is freed: a waiting process then sees that the file is gone and opens
        # a new one. Windows cannot remove open files, so there the file stays.
        with suppress(OSError):
            path.unlink()
        stream.close()


def _acquire(path: Path, patience: float | None) -> Any:
    """Return the open, locked file; it is reopened each time, as the holder removes it."""
    start, notified = time.monotonic(), False
    while True:
        stream = path.open("a+b")
        if try_lock(stream) and _is_current(stream, path):
            return stream
        stream.close()
        waited = time.monotonic() - start
        if patience is not None and waited > patience:
            raise FoldlineError(
                f"another process is doing this work ({path} is locked); "
                "wait for it, or end it and run the command again"
            )
        if waited > NOTICE_SECONDS and not notified:
            print(f"waiting for another process that is doing this work ({path})", file=sys.stderr)
            notified = True
        time.sleep(POLL_SECONDS)


def _is_current(stream: Any, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except OSError:
        return False


def try_lock(stream: Any) -> bool:
    """Lock an open file unless another process holds it; return whether that worked."""
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
