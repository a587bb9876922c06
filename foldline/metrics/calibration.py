"""Calibration: how well probabilities agree with what is observed.

A confidence is the probability of a decision, `correct` says whether it was right. Bins hold equal
numbers of rows, as bins of equal width are nearly empty where a model is seldom unsure. Equal
values share a bin, so the order of rows changes nothing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.core.io.labels import THRESHOLD
from foldline.metrics.classification import ClassRows
from foldline.metrics.multilabel import LabelRows
from foldline.metrics.weighted_sample import Codes, Floats

N_BINS = 10
GRID = 4096  # cells of [0, 1] for the smooth ECE: far narrower than its kernel
SMOOTHING_STEPS = 40  # halvings of [0, 1]


class Bin(NamedTuple):
    """Mean confidence and accuracy of the rows of a bin, and the accuracy's Wilson interval."""

    confidence: float
    accuracy: float
    low: float
    high: float
    rows: int


class BrierParts(NamedTuple):
    """Parts of the Brier score (Murphy, 1973; within bins: Stephenson et al., 2008).

    The score is reliability - resolution + uncertainty + within_bin_variance -
    within_bin_covariance. Reliability is the miscalibration (0 is best), resolution is how much
    outcomes differ between bins (more is better), uncertainty is the score of the base rates.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_bin_variance: float
    within_bin_covariance: float

    @property
    def score(self) -> float:
        """Return the Brier score."""
        within = self.within_bin_variance - self.within_bin_covariance
        return self.reliability - self.resolution + self.uncertainty + within


def compute_confidence(
    task: str, target: np.ndarray, probabilities: np.ndarray
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the confidence of each decision, and whether it is correct.

    Classification has a decision for each row (n,), multilabel one for each label (n * c,). An
    unknown label (-1) is never predicted.
    """
    if task == "classification":
        return probabilities.max(axis=1), probabilities.argmax(axis=1) == target
    decisions = probabilities >= THRESHOLD
    confidence: Floats = np.maximum(probabilities, 1 - probabilities).ravel()
    return confidence, (decisions == target).ravel()


def compute_certainty(task: str, predictions: np.ndarray, decided: np.ndarray) -> Floats:
    """Return the probability of what was decided for each row (n,); numbers have none (NaN).

    Multilabel: of the least sure label.
    """
    if task == "regression":
        return np.full(len(predictions), np.nan)
    if task == "multilabel":
        return np.asarray(np.where(decided == 1, predictions, 1 - predictions).min(axis=1))
    return np.asarray(predictions[np.arange(len(decided)), decided])


def compute_log_losses(task: str, target: np.ndarray, probabilities: np.ndarray) -> Floats:
    """Return the natural log loss of each row (n,); multilabel: the mean over its labels."""
    if task == "multilabel":
        return LabelRows(target, probabilities, None).log_losses
    return ClassRows(target, probabilities, None).log_losses


def equal_mass_bins(values: ArrayLike, n_bins: int = N_BINS) -> Codes:
    """Return the bin (n,) of each value, from 0; bins have about equally many rows.

    Many equal values make a bin larger, and so there are fewer.
    """
    array = np.asarray(values, dtype=np.float64)
    n = len(array)
    if not n:
        return np.zeros(0, dtype=np.intp)
    edges = np.sort(array)[np.arange(1, n_bins) * n // n_bins]
    codes = np.searchsorted(np.unique(edges), array, side="right")
    return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.intp)


def wilson_interval(hits: float, n: float, level: float) -> tuple[float, float]:
    """Return the interval of a share of `n` > 0 rows (Wilson, 1927)."""
    from scipy.special import ndtri

    z = float(ndtri((1 + level) / 2))
    share, scale = hits / n, 1 + z * z / n
    center = (share + z * z / (2 * n)) / scale
    margin = z / scale * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    # Rounding must not exclude the share itself.
    return max(min(center - margin, share), 0.0), min(max(center + margin, share), 1.0)


def reliability_bins(
    confidence: ArrayLike, correct: ArrayLike, level: float = 0.95, n_bins: int = N_BINS
) -> list[Bin]:
    """Return the bins of a reliability diagram, from the lowest confidence on."""
    values, hits = _sort(confidence, correct)
    codes = equal_mass_bins(values, n_bins)
    found = []
    for code in range(int(codes.max(initial=-1)) + 1):
        own = codes == code
        n, right = int(own.sum()), float(hits[own].sum())
        interval = wilson_interval(right, n, level)
        found.append(Bin(float(values[own].mean()), right / n, *interval, n))
    return found


def equal_mass_ece(confidence: ArrayLike, correct: ArrayLike, n_bins: int = N_BINS) -> float:
    """Return the expected calibration error over bins of equal mass, in [0, 1]; NaN for no rows.

    It is the mean distance of confidence and accuracy (Guo et al., 2017, with other bins).
    """
    values, hits = _sort(confidence, correct)
    if not len(values):
        return float("nan")
    sums = np.bincount(equal_mass_bins(values, n_bins), hits - values)
    return float(np.abs(sums).sum() / len(values))


def smooth_ece(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the smooth calibration error (Blasiok and Nakkiran, 2023), in [0, 1]; NaN for no rows.

    The differences of outcome and confidence are smoothed over the confidence by a Gaussian kernel
    that is reflected at 0 and 1, and the mean absolute height is taken. The kernel is as wide as
    the error that results: no bins are chosen.
    """
    from scipy.fft import dct, idct

    values, hits = _sort(confidence, correct)
    if not len(values):
        return float("nan")
    # In the cosine basis, a reflected Gaussian is a factor for each frequency.
    frequencies = dct(_spread(values, (hits - values) / len(values)), norm="ortho")
    rates = np.square(np.pi * np.arange(GRID)) / 2

    def error(width: float) -> float:
        smoothed = idct(frequencies * np.exp(-rates * width * width), norm="ortho")
        return float(np.abs(smoothed).sum())

    low, high = 0.0, 1.0
    for _ in range(SMOOTHING_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if error(middle) > middle else (low, middle)
    return (low + high) / 2


def _spread(positions: Floats, masses: Floats) -> Floats:
    """Return masses (GRID,) at cells of [0, 1], each divided between the two nearest centres."""
    places = np.clip(positions * GRID - 0.5, 0.0, GRID - 1.0)
    left = np.minimum(places.astype(np.intp), GRID - 2)
    right_share = places - left
    grid = np.bincount(left, masses * (1 - right_share), GRID)
    return np.asarray(grid + np.bincount(left + 1, masses * right_share, GRID))


def decompose_brier_of_event(
    probability: ArrayLike, outcome: ArrayLike, n_bins: int = N_BINS
) -> BrierParts:
    """Return the parts of the Brier score of one event: probabilities and outcomes (n,), n > 0."""
    values, hits = _sort(probability, outcome)
    codes, n = equal_mass_bins(values, n_bins), len(values)
    sizes = np.bincount(codes)
    forecast, observed = np.bincount(codes, values) / sizes, np.bincount(codes, hits) / sizes
    base = hits.mean()
    spread, rest = values - forecast[codes], hits - observed[codes]
    return BrierParts(
        reliability=float((sizes * np.square(forecast - observed)).sum() / n),
        resolution=float((sizes * np.square(observed - base)).sum() / n),
        uncertainty=float(base * (1 - base)),
        within_bin_variance=float(np.square(spread).sum() / n),
        within_bin_covariance=float(2 * (spread * rest).sum() / n),
    )


def decompose_brier(
    task: str, target: np.ndarray, probabilities: np.ndarray, n_bins: int = N_BINS
) -> BrierParts | None:
    """Return the parts of a task's Brier score, which they sum to; None without rows.

    Two classes: of the second; more: the sum over classes; multilabel: the mean over labels. Rows
    of unknown label (-1) are left out: no probability of theirs could be right.
    """
    known = target >= 0 if task == "classification" else np.ones(len(target), dtype=bool)
    target, probabilities = target[known], probabilities[known]
    if not len(target):
        return None
    c = probabilities.shape[1]
    columns = [1] if task == "classification" and c == 2 else range(c)
    outcomes = target if task == "multilabel" else target[:, None] == np.arange(c)
    parts = [decompose_brier_of_event(probabilities[:, k], outcomes[:, k], n_bins) for k in columns]
    divisor = c if task == "multilabel" else 1
    return BrierParts(*(float(sum(own) / divisor) for own in zip(*parts, strict=True)))


def _sort(values: ArrayLike, outcomes: ArrayLike) -> tuple[Floats, Floats]:
    """Return both (n,) in ascending order, so that sums do not depend on the order of rows.

    Raises:
        ValueError: if shapes differ, or a value is not in [0, 1].
    """
    first = np.asarray(values, dtype=np.float64)
    second = np.asarray(outcomes, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"shapes {first.shape} and {second.shape}; allowed: (n,) twice")
    if len(first) and not (first.min() >= 0 and first.max() <= 1 + 1e-9):
        raise ValueError(f"probabilities [{first.min()}, {first.max()}]; allowed: 0 to 1")
    order = np.lexsort((second, first))
    return np.minimum(first[order], 1.0), second[order]
