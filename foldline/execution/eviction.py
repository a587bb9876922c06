"""Keep the store below its size limit: what was used longest ago is removed first."""

import json
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldline.core.io.files import DAY, remove
from foldline.core.paths import store_root
from foldline.execution.locks import try_lock
from foldline.execution.store import SCRATCH, SEAL

GB = 1e9
LEASES = "leases"
_leases: list[Any] = []  # locked until this process ends


@dataclass(frozen=True)
class Entry:
    """A result, or the checkpoints of an unfinished task."""

    folder: Path
    size: int  # bytes
    used: float  # seconds since the epoch

    @property
    def is_unfinished(self) -> bool:
        """Return whether it holds checkpoints."""
        return self.folder.parent.name == SCRATCH

    def read_seal(self) -> dict[str, Any]:
        """Return what the entry says of itself: its name, and the seconds that it took."""
        with suppress(OSError, ValueError):
            return dict(json.loads((self.folder / SEAL).read_text(encoding="utf-8")))
        return {}


def list_entries() -> list[Entry]:
    """Return the entries of the store, the least recently used first."""
    found = []
    for folder in store_root().glob("*/*/"):
        with suppress(OSError):  # another process may remove it
            if (folder / SEAL).exists() or folder.parent.name == SCRATCH:
                size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                found.append(Entry(folder, size, folder.stat().st_mtime))
    return sorted(found, key=lambda entry: (entry.used, entry.folder.name))


def evict(limit_gb: float) -> list[Entry]:
    """Remove entries that no process needs until the others take up `limit_gb`; return them.

    The least recently used go first.
    """
    entries, needed = list_entries(), _read_leases()
    _remove_half_written(needed)
    total = sum(entry.size for entry in entries)
    removed = []
    for entry in entries:
        if total <= limit_gb * GB:
            break
        if entry.folder.name in needed:
            continue
        remove(entry.folder)
        removed.append(entry)
        total -= entry.size
    return removed


def _remove_half_written(needed: set[str]) -> None:
    """Remove what killed processes were writing, if it is older than a day."""
    for folder in store_root().glob("*/.*.tmp"):
        with suppress(OSError):
            key = folder.name[1:].split(".")[0]
            if key not in needed and time.time() - folder.stat().st_mtime > DAY:
                remove(folder)


def hold_entries(keys: Iterable[str]) -> None:
    """Keep entries from being removed by any process, as long as this one lives."""
    path = store_root() / LEASES / uuid.uuid4().hex
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("a+b")
    try_lock(stream)
    stream.write("\n".join(keys).encode())
    stream.flush()
    _leases.append(stream)


def _read_leases() -> set[str]:
    """Return the keys that living processes hold; forget those of dead ones."""
    return {key for path in (store_root() / LEASES).glob("*") for key in _read_lease(path)}


def _read_lease(path: Path) -> Iterator[str]:
    with suppress(OSError), path.open("a+b") as stream:
        is_own = os.fspath(path) in {os.fspath(lease.name) for lease in _leases}
        if path.stat().st_size and not is_own and try_lock(stream):
            path.unlink()  # its process has ended
            return
        stream.seek(0)
        yield from stream.read().decode().split()
