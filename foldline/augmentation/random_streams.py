"""Random numbers for many copies at once, each from its own stream."""

from typing import Self

import numpy as np
from pandas.util import hash_array

_STEP = np.uint64(0x9E3779B97F4A7C15)


class RandomStreams:
    """A splitmix64 generator for each row of a batch (Steele, Lea and Flood, 2014).

    The numbers of a row depend on its own stream and its earlier draws, not on other rows, so
    copies can be made in any order and in any chunks.
    """

    def __init__(self, state: np.ndarray) -> None:
        self._state = state

    @classmethod
    def create(cls, seed: int, ids: list[str], numbers: list[int]) -> Self:
        """Return the streams of copies, by the ids of their sources and their own numbers.

        Ids are hashed by SipHash-2-4 with the seed, in [0, 2**64), as its key.
        """
        key = f"{seed:016x}"
        hashed = hash_array(np.array(ids, dtype=object), hash_key=key, categorize=False)
        return cls(_mix(_mix(hashed) + np.array(numbers, dtype=np.uint64)))

    def select(self, rows: np.ndarray) -> Self:
        """Return copies of the streams of some rows, in their current state."""
        return type(self)(self._state[rows])

    def generators(self) -> list[np.random.Generator]:
        """Return NumPy's generator for each row, seeded by the row's own stream."""
        self._state = self._state + _STEP
        return [np.random.default_rng(seed) for seed in _mix(self._state).tolist()]

    def random(self, counts: np.ndarray) -> np.ndarray:
        """Draw counts[i] numbers in [0, 1) for each row i: (sum of counts,), row by row."""
        steps = (concatenate_ranges(counts) + 1).astype(np.uint64) * _STEP
        numbers = _to_unit_interval(np.repeat(self._state, counts) + steps)
        self._state = self._state + counts.astype(np.uint64) * _STEP
        return numbers

    def integers(self, sizes: np.ndarray) -> np.ndarray:
        """Draw one integer in [0, sizes[i]) for each row i; 0 where the size is 0."""
        self._state = self._state + _STEP
        return scale(_to_unit_interval(self._state), sizes)

    def sample(self, sizes: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Draw counts[i] different numbers in [0, sizes[i]) for each row i, in the order drawn.

        (sum of counts,), row by row, by a partial Fisher-Yates shuffle.
        """
        step, first = concatenate_ranges(counts), np.repeat(np.cumsum(sizes) - sizes, counts)
        other = step + scale(self.random(counts), np.repeat(sizes, counts) - step)
        return np.asarray(apply_swaps(sizes, counts, step, other)[first + step] - first)


def apply_swaps(
    sizes: np.ndarray, counts: np.ndarray, ones: np.ndarray, others: np.ndarray
) -> np.ndarray:
    """Return the order (sum of sizes,) after counts[i] swaps of two positions in row i.

    `ones` and `others` (sum of counts,) are positions within their rows, row by row.
    """
    order, first = np.arange(sizes.sum()), np.repeat(np.cumsum(sizes) - sizes, counts)
    ones, others = first + ones, first + others
    start = np.cumsum(counts) - counts
    for step in range(counts.max(initial=0)):  # one swap of every row at a time
        now = start[counts > step] + step
        one, other = ones[now], others[now]
        order[one], order[other] = order[other], order[one]
    return order


def scale(numbers: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return integers in [0, sizes) from numbers in [0, 1), for sizes up to 2**53."""
    return np.asarray(numbers * sizes, dtype=np.int64)


def concatenate_ranges(counts: np.ndarray) -> np.ndarray:
    """Return 0 to counts[i] - 1 for each i, one after another: (sum of counts,)."""
    return np.asarray(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts))


def _mix(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))


def _to_unit_interval(state: np.ndarray) -> np.ndarray:
    return np.asarray((_mix(state) >> np.uint64(11)) * 2.0**-53)
