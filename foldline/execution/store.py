"""A store of finished work outside DVC's outputs, addressed by what went into it.

DVC removes a stage's outputs before it runs the stage; what is here stays, so a run that was
killed goes on. An entry appears whole, by a rename, or not at all.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.environment import PACKAGES, version
from foldline.core.io.files import digest, remove, replacing
from foldline.core.paths import store_root

SEAL = "sealed.json"
OLD_DAYS = 14
CHUNK = 10_000  # rows hashed at once: a table need not stand in memory twice


def fingerprint(*parts: object) -> str:
    """Hash what a piece of work depends on: params, tables, arrays, names (sha256, 32 hex)."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, pd.DataFrame):
            total.update(_table_digest(part))
            continue
        if isinstance(part, np.ndarray):
            content = str((part.dtype, part.shape)).encode() + np.ascontiguousarray(part).tobytes()
        else:
            content = json.dumps(part, sort_keys=True, ensure_ascii=False, default=str).encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()[:32]


@cache
def code_version(*folders: str) -> str:
    """Hash the source of folders of the library: changed code must not find old results."""
    root = Path(__file__).resolve().parents[1]
    found = [sorted((root / folder).rglob("*.py")) for folder in folders]
    if not all(found):
        raise ValueError(f"no code in one of {folders}")
    return digest(*(file for files in found for file in files))


@cache
def libraries() -> str:
    """Name the versions of the libraries that results depend on."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)


class Store:
    """Finished folders by key."""

    def __init__(self, name: str) -> None:
        self.root = store_root() / name

    def find(self, key: str) -> Path | None:
        """Give a finished folder, or None; one that does not match its seal is removed."""
        folder = self.root / key
        if not folder.exists():
            return None
        try:
            content = json.loads((folder / SEAL).read_text(encoding="utf-8"))
            whole = content["digest"] == _content(folder)
            os.utime(folder)
        except (OSError, ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            remove(folder)
            return None
        return folder

    @contextmanager
    def making(self, key: str) -> Iterator[Path]:
        """Give an empty folder to fill; it is sealed and appears under its key on success.

        The key's unfinished work is removed then: nobody goes on from it any more.
        """
        with replacing(self.root / key) as folder:
            folder.mkdir(parents=True)
            yield folder
            seal = {"digest": _content(folder)}
            (folder / SEAL).write_text(json.dumps(seal), encoding="utf-8")
        remove(store_root() / "scratch" / key)

    def scratch(self, key: str) -> Path:
        """Give the folder for unfinished work of a key (checkpoints)."""
        folder = store_root() / "scratch" / key
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        return folder

    def forget(self, key: str) -> None:
        """Remove a key's results, its unfinished work and what a killed writer left of it.

        The caller is the only one who works on this key.
        """
        for folder in (self.root / key, *self.root.glob(f".{key}.*.tmp")):
            remove(folder)
        remove(store_root() / "scratch" / key)


def remembered(key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Give an array made before under this key, or make it and keep it."""
    store = Store("arrays")
    folder = store.find(key)
    if folder is None:
        array = make()
        with store.making(key) as fresh:
            np.save(fresh / "array.npy", array, allow_pickle=False)
        return array
    loaded: np.ndarray = np.load(folder / "array.npy", allow_pickle=False)
    return loaded


def tidy() -> None:
    """Remove what nobody asked for in two weeks: results, locks, checkpoints of dead runs."""
    limit = time.time() - OLD_DAYS * 86400
    for path in [*store_root().glob("*/*"), *store_root().glob("*.lock")]:
        # Another process may be tidying, too.
        with suppress(OSError):
            if path.stat().st_mtime >= limit:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _content(folder: Path) -> str:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != SEAL)
    total = hashlib.sha256()
    for file in files:
        total.update(file.relative_to(folder).as_posix().encode())
        total.update(digest(file).encode())
    return total.hexdigest()


def _table_digest(table: pd.DataFrame) -> bytes:
    """Hash columns one after another; the index and the kind of text column do not count."""
    total = hashlib.sha256(str((len(table), list(table.columns))).encode())
    for name in table.columns:
        column = table[name]
        for start in range(0, len(column), CHUNK):
            values = column.iloc[start : start + CHUNK].tolist()
            total.update(json.dumps(values, ensure_ascii=False, default=str).encode())
    return total.digest()
