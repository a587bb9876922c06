"""Copies of the project that DVC makes for `dvc exp run --temp`, one for each experiment."""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

FOLDER = Path(".dvc/tmp/exps")
STANDALONE = FOLDER / "standalone"
LOCK = Path(".dvc/tmp/foldline-lock")  # within a copy: held by its running stage


def in_copy(folder: Path) -> bool:
    """Return whether the folder lies in a copy for one experiment."""
    return f"/{FOLDER.as_posix()}/" in f"{folder.resolve().as_posix()}/"


def original_root() -> Path:
    """Return the project's folder; within a copy, the folder that it was copied from."""
    here = Path.cwd().resolve()
    return Path(os.environ.get("DVC_ROOT") or here).resolve() if in_copy(here) else here


def hold_copy() -> None:
    """Mark this copy as in use until this process ends, however it ends; nothing elsewhere.

    Processes of another container are invisible here, but their locks are not.
    """
    if in_copy(Path.cwd()) and LOCK.parent.is_dir() and sys.platform != "win32":
        import fcntl

        LOCK.write_text(f"{process_space()}\n", encoding="utf-8")
        file = os.open(LOCK, os.O_RDWR)  # open until the process ends
        fcntl.flock(file, fcntl.LOCK_SH)


def is_held(copy: Path) -> bool:
    """Return whether a stage runs in the copy, or it cannot be known."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        with (copy / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def is_of_this_space(copy: Path) -> bool:
    """Return whether the stages of a copy ran where this process could see them."""
    try:
        return (copy / LOCK).read_text(encoding="utf-8").strip() == process_space()
    except OSError:
        return False


def process_space() -> str:
    """Return the name of the machine, its start and container, which share process numbers."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)
