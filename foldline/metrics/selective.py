"""Selective prediction: how accurate a model is on the part of the rows that it is most sure of."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from foldline.metrics.calibration import wilson_interval
from foldline.metrics.weighted_sample import Floats


class Curve(NamedTuple):
    """Coverage, the share of rows that are answered, and risk, the share of them that is wrong."""

    coverage: Floats
    risk: Floats


class Answers(NamedTuple):
    """The share of rows that are answered, and their accuracy with its Wilson interval.

    Without such rows accuracy and interval are NaN.
    """

    coverage: float
    accuracy: float
    low: float
    high: float


def risk_coverage_curve(confidence: ArrayLike, correct: ArrayLike) -> Curve:
    """Return the risk at each number of rows answered, the most confident first.

    Rows of equal confidence come in no order: the risk is its mean over all of theirs.
    """
    values, wrong = np.asarray(confidence, dtype=np.float64), ~np.asarray(correct, dtype=bool)
    n = len(values)
    counts = np.arange(1, n + 1)
    _, block, sizes = np.unique(-values, return_inverse=True, return_counts=True)
    ends = np.append(0, np.cumsum(sizes))
    errors = np.append(0.0, np.cumsum(np.bincount(block, wrong, len(sizes))))
    return Curve(counts / max(n, 1), np.interp(counts, ends, errors) / counts)


def aurc(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the area under the risk-coverage curve (Geifman and El-Yaniv, 2017); NaN for no rows.

    It is the mean risk over all coverages: 0 is best, the error rate is what chance reaches.
    """
    risk = risk_coverage_curve(confidence, correct).risk
    return float(risk.mean()) if len(risk) else float("nan")


def find_threshold(confidence: ArrayLike, correct: ArrayLike, accuracy: float) -> float | None:
    """Return the lowest confidence from which on rows have this accuracy; None if there is none.

    It is that of the largest coverage: accuracy may also be reached, and lost again, above it.
    """
    values = np.asarray(confidence, dtype=np.float64)
    levels, block, sizes = np.unique(-values, return_inverse=True, return_counts=True)
    hits = np.cumsum(np.bincount(block, np.asarray(correct, dtype=np.float64), len(sizes)))
    reached = np.flatnonzero(hits >= accuracy * np.cumsum(sizes))
    return float(-levels[reached[-1]]) if len(reached) else None


def summarize_answers(answered: ArrayLike, correct: ArrayLike, level: float = 0.95) -> Answers:
    """Return coverage and accuracy of the answered rows; masks (n,)."""
    mask = np.asarray(answered, dtype=bool)
    n, hits = int(mask.sum()), int(np.asarray(correct, dtype=bool)[mask].sum())
    if not n:
        return Answers(0.0, float("nan"), float("nan"), float("nan"))
    return Answers(n / len(mask), hits / n, *wilson_interval(hits, n, level))
