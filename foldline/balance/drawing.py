"""Random numbers of single copies: cheap to begin, and the same on every machine."""

from hashlib import sha256

# Below it the pool is filled again; a draw below n is then biased by less than n / 2**64.
_FLOOR = 1 << 64
_FINE = 1 << 24


class Draw:
    """Draws that are digits of a hash: of the seed and names, then of the hash before.

    A generator of numpy costs 10 us to begin, which is more than most changes of a text. Python's
    own `random` promises the same numbers in later versions for `random()` alone.
    """

    __slots__ = ("_digest", "_pool")

    def __init__(self, seed: int, *names: str | int) -> None:
        # The names are joined as in `seeds.derive`, of which this is the whole digest.
        text = "\x1f".join([str(seed), *map(str, names)])
        self._digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
        self._pool = int.from_bytes(self._digest, "big")

    def below(self, n: int) -> int:
        """Draw a whole number in [0, n), for n up to 2**32."""
        if self._pool < _FLOOR:
            self._fill()
        self._pool, drawn = divmod(self._pool, n)
        return drawn

    def chance(self, share: float) -> bool:
        """Draw True with a probability in [0, 1], in steps of 2**-24."""
        return self.below(_FINE) < share * _FINE

    def places(self, n: int, count: int) -> list[int]:
        """Draw `count` different numbers in [0, n), in the order drawn (Floyd: Bentley, 1987)."""
        drawn: list[int] = []
        for last in range(n - count, n):
            if self._pool < _FLOOR:
                self._fill()
            self._pool, place = divmod(self._pool, last + 1)
            drawn.append(last if place in drawn else place)
        return drawn

    def _fill(self) -> None:
        self._digest = sha256(self._digest).digest()
        self._pool = int.from_bytes(self._digest, "big")
