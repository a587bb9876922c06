"""Lists of different lengths in one flat array: 4 bytes a number instead of 36 in a list."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np


@dataclass(frozen=True)
class RaggedArray:
    """n lists of integers: list i is `flat` (t,) from `bounds[i]` to `bounds[i + 1]`.

    If all numbers are equal, as in unpadded attention masks, they take no memory.
    """

    flat: np.ndarray
    bounds: np.ndarray

    @classmethod
    def from_lists(cls, lists: Collection[Sequence[int] | np.ndarray]) -> "RaggedArray":
        """Build it from lists of integers below 2**31."""
        bounds = _to_bounds(np.fromiter(map(len, lists), np.int64, len(lists)))
        flat = np.fromiter(chain.from_iterable(lists), np.int32, int(bounds[-1]))
        return cls(_compress(flat), bounds)

    @classmethod
    def concatenate(cls, parts: Sequence["RaggedArray"]) -> "RaggedArray":
        """Concatenate the lists of one or more arrays."""
        flat = np.concatenate([part.flat for part in parts])
        return cls(_compress(flat), _to_bounds(np.concatenate([part.lengths for part in parts])))

    @property
    def lengths(self) -> np.ndarray:
        """Return the length of each list: (n,)."""
        return np.diff(self.bounds)

    def take(self, indices: np.ndarray) -> "RaggedArray":
        """Return the lists at indices (k,), in their order."""
        lengths = self.lengths[indices]
        bounds = _to_bounds(lengths)
        shift = np.repeat(self.bounds[indices] - bounds[:-1], lengths)
        return RaggedArray(_compress(self.flat[shift + np.arange(len(shift))]), bounds)

    def __len__(self) -> int:
        """Return the number of lists."""
        return len(self.bounds) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        """Return a list as a view of the flat array."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.flat[self.bounds[index] : self.bounds[index + 1]]


def _to_bounds(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def _compress(flat: np.ndarray) -> np.ndarray:
    """Store a single number if all are equal."""
    if len(flat) and (flat == flat[0]).all():
        return np.broadcast_to(flat[0].copy(), flat.shape)
    return flat
