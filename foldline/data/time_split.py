"""Divide rows by time: the oldest to the first part, the newest to the last, groups whole."""

import numpy as np


def split_by_time(times: np.ndarray, groups: list[str], shares: list[float]) -> np.ndarray:
    """Return a part for each row, (n,) int: the oldest rows train, the newest test.

    A group stands where its newest row stands, so no part holds a row newer than the next
    part's oldest group. Rows of one moment stay together.
    """
    shares = [share / sum(shares) for share in shares]
    newest: dict[str, float] = {}
    for time, group in zip(times, groups, strict=True):
        newest[group] = max(newest.get(group, -np.inf), float(time))
    moments = np.array([newest[group] for group in groups])
    ordered = np.sort(moments)
    parts = np.zeros(len(moments), dtype=np.int64)
    for part in range(1, len(shares)):
        if shares[part]:
            start = _find_cut(ordered, round(sum(shares[:part]) * len(ordered)))
            parts[moments >= start] = part
    return parts


def _find_cut(ordered: np.ndarray, at: int) -> float:
    """Return the moment at which a part starts: the one nearest to row `at` that splits no tie."""
    moment = ordered[min(at, len(ordered) - 1)]
    first, after = np.searchsorted(ordered, moment), np.searchsorted(ordered, moment, "right")
    nearest = after if first == 0 or after - at < at - first else first
    return float(ordered[nearest if nearest < len(ordered) else first])
