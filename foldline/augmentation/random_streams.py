"""Random numbers of many copies at once, of which each has a stream of its own."""

from typing import Self

import numpy as np
from pandas.util import hash_array

_STEP = np.uint64(0x9E3779B97F4A7C15)


class Draws:
    """A splitmix64 generator for each row of a batch (Steele, Lea and Flood, 2014).

    What a row draws depends on its own stream and on what it drew before, and on no other row:
    so copies may be made in any order and in any parts.
    """

    def __init__(self, state: np.ndarray) -> None:
        self._state = state

    @classmethod
    def of(cls, seed: int, names: list[str], numbers: list[int]) -> Self:
        """Begin the streams of copies by the names of their sources and their own numbers.

        A name is hashed by SipHash-2-4, of which the seed, in [0, 2**64), is the key.
        """
        key = f"{seed:016x}"
        hashed = hash_array(np.array(names, dtype=object), hash_key=key, categorize=False)
        return cls(_mixed(_mixed(hashed) + np.array(numbers, dtype=np.uint64)))

    def part(self, rows: np.ndarray) -> Self:
        """Give the streams of some rows from where they stand, and leave these as they are."""
        return type(self)(self._state[rows])

    def generators(self) -> list[np.random.Generator]:
        """Return numpy's generator for each row, seeded by the row's own stream."""
        self._state = self._state + _STEP
        return [np.random.default_rng(seed) for seed in _mixed(self._state).tolist()]

    def shares(self, counts: np.ndarray) -> np.ndarray:
        """Draw counts[i] numbers in [0, 1) for each row i: (sum of counts,), row by row."""
        steps = (ranges(counts) + 1).astype(np.uint64) * _STEP
        found = _shares(np.repeat(self._state, counts) + steps)
        self._state = self._state + counts.astype(np.uint64) * _STEP
        return found

    def below(self, sizes: np.ndarray) -> np.ndarray:
        """Draw one whole number in [0, sizes[i]) for each row i; 0 where the size is 0."""
        self._state = self._state + _STEP
        return scaled(_shares(self._state), sizes)

    def places(self, sizes: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Draw counts[i] different numbers in [0, sizes[i]) for each row i, in the order drawn.

        (sum of counts,), row by row: the shuffle of Fisher and Yates as far as it is needed.
        """
        step, first = ranges(counts), np.repeat(np.cumsum(sizes) - sizes, counts)
        other = step + scaled(self.shares(counts), np.repeat(sizes, counts) - step)
        return np.asarray(exchanged(sizes, counts, step, other)[first + step] - first)


def exchanged(
    sizes: np.ndarray, counts: np.ndarray, ones: np.ndarray, others: np.ndarray
) -> np.ndarray:
    """Exchange two places of row i counts[i] times: the order (sum of sizes,) that comes of it.

    `ones` and `others` (sum of counts,) are the places within their rows, row by row.
    """
    order, first = np.arange(sizes.sum()), np.repeat(np.cumsum(sizes) - sizes, counts)
    ones, others = first + ones, first + others
    begin = np.cumsum(counts) - counts
    for step in range(counts.max(initial=0)):  # all rows at once, one exchange after another
        now = begin[counts > step] + step
        one, other = ones[now], others[now]
        order[one], order[other] = order[other], order[one]
    return order


def scaled(shares: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Give whole numbers in [0, sizes) of shares in [0, 1), for sizes up to 2**53."""
    return np.asarray(shares * sizes, dtype=np.int64)


def ranges(counts: np.ndarray) -> np.ndarray:
    """Give 0 to counts[i] - 1 for each i, one after another: (sum of counts,)."""
    return np.asarray(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts))


def _mixed(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))


def _shares(state: np.ndarray) -> np.ndarray:
    return np.asarray((_mixed(state) >> np.uint64(11)) * 2.0**-53)
