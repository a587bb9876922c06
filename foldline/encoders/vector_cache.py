"""A cache of sentence vectors on disk, for each encoder.

Folds share most of their texts, and a stage that runs again shares all of them. The cache lies
outside DVC's outputs; without it, or with a damaged one, vectors are computed again to the same
bytes.
"""

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from zlib import crc32

import numpy as np

from foldline.core.paths import store_root

FOLDER = "embeddings"
LOCK_TIMEOUT = 60  # seconds to wait for a writer
KEYS_PER_QUERY = 500  # limit of SQLite variables
CHECKSUM_BYTES = 4  # before each vector


def get_or_compute(
    identity: str, texts: list[str], make: Callable[[list[str]], np.ndarray]
) -> np.ndarray:
    """Return (n, width) float32 vectors of texts; each text is computed once for an encoder.

    `make` must return the same vector for a text whatever the other texts are.
    """
    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
    first = dict(zip(reversed(keys), reversed(texts), strict=True))
    vectors = _read(identity, list(first))
    missing = [key for key in dict.fromkeys(keys) if key not in vectors]
    if missing or not texts:
        computed = make([first[key] for key in missing])
        if not texts:
            return computed
        new = dict(zip(missing, computed, strict=True))
        _write(identity, new)
        vectors |= new
    return np.stack([vectors[key] for key in keys])


def _read(identity: str, keys: list[bytes]) -> dict[bytes, np.ndarray]:
    path = store_root() / FOLDER / f"{identity}.sqlite"
    vectors: dict[bytes, np.ndarray] = {}
    if not path.exists():
        return vectors
    with suppress(sqlite3.Error, OSError), closing(sqlite3.connect(path, LOCK_TIMEOUT)) as store:
        os.utime(path)
        for start in range(0, len(keys), KEYS_PER_QUERY):
            batch = keys[start : start + KEYS_PER_QUERY]
            marks = ", ".join("?" * len(batch))
            rows = store.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", batch)
            vectors |= {key: vector for key, blob in rows if (vector := _unpack(blob)) is not None}
    return vectors


def _write(identity: str, new: dict[bytes, np.ndarray]) -> None:
    path = store_root() / FOLDER / f"{identity}.sqlite"
    with suppress(sqlite3.Error, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, LOCK_TIMEOUT)) as store, store:
            store.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")
            rows = [(key, _pack(vector)) for key, vector in new.items()]
            store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)


def _pack(vector: np.ndarray) -> bytes:
    content = vector.astype(np.float32).tobytes()
    return crc32(content).to_bytes(CHECKSUM_BYTES) + content


def _unpack(blob: bytes) -> np.ndarray | None:
    """Return the vector of a blob, None if it is damaged."""
    is_intact = (
        isinstance(blob, bytes)
        and crc32(blob[CHECKSUM_BYTES:]).to_bytes(CHECKSUM_BYTES) == blob[:CHECKSUM_BYTES]
    )
    return np.frombuffer(blob[CHECKSUM_BYTES:], dtype=np.float32) if is_intact else None
