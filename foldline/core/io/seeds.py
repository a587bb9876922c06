"""Seeds derived by name, so that no draw depends on the order in which things run."""

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """Return a seed in [0, 2**63) for the thing that the names say (a fold, a row, a trial)."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random generator of the thing that the names say."""
    return np.random.default_rng(derive(seed, *names))


def rank_keys(seed: int, names: list[str]) -> np.ndarray:
    """Return each name its own random number, the same whatever stands beside it.

    Sorting by it is a shuffle in which adding a name moves no other one: (n,) uint64.
    """
    prefix = hashlib.sha256(f"{seed}\x1f".encode())
    keys = np.empty(len(names), dtype=np.uint64)
    for index, name in enumerate(names):
        digest = prefix.copy()
        digest.update(name.encode())
        keys[index] = int.from_bytes(digest.digest()[:8], "big")
    return keys
