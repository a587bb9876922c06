"""Seeds derived by name, so that results do not depend on the order of execution."""

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a seed in [0, 2**63) for the names, such as those of a fold, a row or a trial."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return a random generator with the seed derived for the names."""
    return np.random.default_rng(derive_seed(seed, *names))


def rank_keys(seed: int, names: list[str]) -> np.ndarray:
    """Return a random number for each name, independent of the other names, (n,) uint64.

    Sorting by it is a shuffle in which a new name does not move any other.
    """
    prefix = hashlib.sha256(f"{seed}\x1f".encode())
    keys = np.empty(len(names), dtype=np.uint64)
    for index, name in enumerate(names):
        digest = prefix.copy()
        digest.update(name.encode())
        keys[index] = int.from_bytes(digest.digest()[:8], "big")
    return keys
