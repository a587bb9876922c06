"""A store of finished results outside DVC's outputs, addressed by the hash of their inputs.

DVC removes a stage's outputs before it runs the stage. Entries here stay, so that a killed run
can resume, and so that another experiment does not compute them again. An entry appears complete,
by a rename, or not at all; it is verified when it is read.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.environment import PACKAGES, package_version
from foldline.core.io.files import digest, remove, replace_atomically
from foldline.core.paths import store_root

SEAL = "sealed.json"
SCRATCH = "scratch"
CHUNK_ROWS = 10_000  # hashed at once, so that a table is not copied in memory


def fingerprint(*parts: object) -> str:
    """Hash the inputs of a result: params, tables, arrays, names (sha256, 32 hex digits)."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, pd.DataFrame):
            total.update(_digest_table(part))
            continue
        if isinstance(part, np.ndarray):
            content = str((part.dtype, part.shape)).encode() + np.ascontiguousarray(part).tobytes()
        else:
            content = json.dumps(part, sort_keys=True, ensure_ascii=False, default=str).encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()[:32]


@cache
def code_version(*folders: str) -> str:
    """Hash the source of folders of the library, so that changed code finds no old results."""
    root = Path(__file__).resolve().parents[1]
    sources = [sorted((root / folder).rglob("*.py")) for folder in folders]
    if not all(sources):
        raise ValueError(f"no code in one of {folders}")
    return digest(*(file for files in sources for file in files))


@cache
def library_versions() -> str:
    """Return the versions of the libraries that results depend on, with the project's pins."""
    versions = [f"{name} {package_version(name)}" for name in PACKAGES]
    pins = Path("constraints.txt")
    return ", ".join([*versions, digest(pins)] if pins.exists() else versions)


class Store:
    """Folders of finished results by key."""

    def __init__(self, name: str) -> None:
        self.root = store_root() / name

    def find(self, key: str) -> Path | None:
        """Return the folder of a key, or None; remove one that does not match its seal."""
        folder = self.root / key
        if not folder.exists() or self.remove_damaged(key):
            return None
        os.utime(folder)
        return folder

    def remove_damaged(self, key: str) -> bool:
        """Remove an entry that does not match its seal; return whether it did not."""
        folder = self.root / key
        if is_intact(folder):
            return False
        remove(folder)
        return True

    @contextmanager
    def create(self, key: str, name: str = "", seconds: float | None = None) -> Iterator[Path]:
        """Yield an empty folder to fill; on success seal it and move it to its key.

        `name` says what it holds, for people, and `seconds` how long it took (default: to fill
        it). The key's scratch folder is removed then, as nothing resumes from it.
        """
        start = time.monotonic()
        with replace_atomically(self.root / key) as folder:
            folder.mkdir(parents=True)
            yield folder
            took = time.monotonic() - start if seconds is None else seconds
            seal = {"digest": _digest_folder(folder), "name": name, "seconds": round(took, 3)}
            (folder / SEAL).write_text(json.dumps(seal, ensure_ascii=False), encoding="utf-8")
        remove(store_root() / SCRATCH / key)

    def remove_unfinished(self, key: str) -> None:
        """Remove what killed writers of a key left; no other process may work on it now."""
        for leftover in self.root.glob(f".{key}.*.tmp"):
            remove(leftover)

    def scratch_folder(self, key: str) -> Path:
        """Return the folder for a key's unfinished work (checkpoints), created if missing."""
        folder = store_root() / SCRATCH / key
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        return folder


def is_intact(folder: Path) -> bool:
    """Return whether an entry is as it was written."""
    try:
        seal = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        return bool(seal["digest"] == _digest_folder(folder))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def load_or_compute(key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """Return the array stored under a key; compute and store it if there is none."""
    store = Store("arrays")
    folder = store.find(key)
    if folder is None:
        array = compute()
        with store.create(key, "predictions") as target:
            np.save(target / "array.npy", array, allow_pickle=False)
        return array
    loaded: np.ndarray = np.load(folder / "array.npy", allow_pickle=False)
    return loaded


def _digest_folder(folder: Path) -> str:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != SEAL)
    total = hashlib.sha256()
    for file in files:
        total.update(file.relative_to(folder).as_posix().encode())
        total.update(digest(file).encode())
    return total.hexdigest()


def _digest_table(table: pd.DataFrame) -> bytes:
    """Hash the columns in order, without the index and the dtype of text columns."""
    total = hashlib.sha256(str((len(table), list(table.columns))).encode())
    for name in table.columns:
        column = table[name]
        for start in range(0, len(column), CHUNK_ROWS):
            values = column.iloc[start : start + CHUNK_ROWS].tolist()
            total.update(json.dumps(values, ensure_ascii=False, default=str).encode())
    return total.digest()
