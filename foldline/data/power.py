"""Power of an evaluation set: the precision of its scores, and the difference it can detect.

Duplicates are one observation, so groups are counted, not rows. Everything is computed before
any model exists, for plausible scores.
"""

from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.seeds import generator
from foldline.data.multilabel import explode_labels

SCORES = (0.7, 0.8, 0.9)
TYPICAL_SCORE = 0.8
SIMULATIONS = 400
Z_LEVEL, Z_POWER = 1.959964, 0.841621  # two-sided .05, power .8
# Share of rows on which only one of two good models is right: .08 to .12 is usual.
DISCORDANT_SHARE = 0.1
# Correlation between the predictions of two good models.
PREDICTION_CORRELATION = 0.9


def estimate_power(table: pd.DataFrame, task: str, seed: int) -> dict[str, Any]:
    """Return the half-widths of intervals and the detectable difference on the table's rows.

    `half_width` is half of the 95 % interval for accuracies (or Pearson correlations) of .7, .8
    and .9; `half_width_f1_macro` the same for macro-F1 with a recall of .8. `visible` is the
    smallest difference between two models that is detected with power .8. The accuracy of
    multilabel rows is subset accuracy.
    """
    groups = int(table["group"].nunique())
    if task == "regression":
        widths = {f"{score:g}": correlation_half_width(score, groups) for score in SCORES}
        visible = detectable_correlation_difference(groups)
        return {"groups": groups, "half_width": widths, "visible": visible}
    widths = {f"{score:g}": accuracy_half_width(score, groups) for score in SCORES}
    counts = explode_labels(table, task).groupby("label")["group"].nunique().to_numpy()
    if task == "classification":
        # A group of several classes is one observation all the same.
        counts = np.maximum(np.round(counts * (groups / counts.sum())), 1).astype(np.int64)
    return {
        "groups": groups,
        "half_width": widths,
        "half_width_f1_macro": f1_half_width(counts, seed),
        "visible": detectable_accuracy_difference(groups),
    }


def accuracy_half_width(score: float, groups: int) -> float:
    """Return half of the 95 % interval of an accuracy (normal approximation)."""
    return float(Z_LEVEL * np.sqrt(score * (1 - score) / groups))


def f1_half_width(counts: np.ndarray, seed: int) -> float:
    """Return half of the central 95 % of simulated macro-F1, given the groups of each class (k,).

    Each group is right with probability .8; errors go to classes in proportion to their size.
    """
    rng = generator(seed, "size")
    hits = rng.binomial(counts, TYPICAL_SCORE, size=(SIMULATIONS, len(counts)))
    misses = counts - hits
    wrong = rng.multinomial(misses.sum(axis=1), counts / counts.sum())
    scores = (2 * hits / np.maximum(2 * hits + misses + wrong, 1)).mean(axis=1)
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(high - low) / 2


def correlation_half_width(score: float, groups: int) -> float:
    """Return half of the 95 % interval of a Pearson correlation (Fisher's z, 1921)."""
    if groups < 4:
        return 1.0
    z, margin = np.arctanh(score), Z_LEVEL / np.sqrt(groups - 3)
    return float(np.tanh(z + margin) - np.tanh(z - margin)) / 2


def detectable_accuracy_difference(groups: int) -> float:
    """Return the smallest difference of two accuracies that McNemar's test detects with power .8.

    A tenth of the groups is assumed to be discordant (right in one model only), or as many as the
    difference needs (Connor, 1987).
    """
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        discordant = max(DISCORDANT_SHARE, middle)
        spread = Z_LEVEL * np.sqrt(discordant)
        spread += Z_POWER * np.sqrt(discordant - middle**2)
        low, high = (low, middle) if spread**2 <= groups * middle**2 else (middle, high)
    return high


def detectable_correlation_difference(groups: int) -> float:
    """Return the smallest difference of two Pearson correlations near .8 detected with power .8.

    The two models share the rows, and their predictions correlate by .9 (Dunn and Clark, 1969).
    """
    if groups < 4:
        return 1.0
    own, between = TYPICAL_SCORE**2, PREDICTION_CORRELATION
    shared = between * (1 - 2 * own) - own * (1 - 2 * own - between**2) / 2
    shared /= (1 - own) ** 2
    error = np.sqrt(2 * (1 - shared) / (groups - 3))
    return float(min((Z_LEVEL + Z_POWER) * error * (1 - own), 1.0))


def power_note(part: str, rows: int, size: dict[str, Any], task: str) -> str:
    """Return the results of `estimate_power` for a part as a note."""
    groups = f" in {size['groups']} groups" if size["groups"] < rows else ""
    score = "a Pearson correlation" if task == "regression" else "an accuracy"
    f1 = size.get("half_width_f1_macro")
    macro = f", macro-F1 to +-{f1:.3f}" if f1 is not None else ""
    width = size["half_width"][f"{TYPICAL_SCORE:g}"]
    return (
        f"{part}: {rows} rows{groups}: {score} of {TYPICAL_SCORE:.2f} is known to "
        f"+-{width:.3f}{macro}; a difference between two models below {size['visible']:.3f} "
        "cannot be detected"
    )
