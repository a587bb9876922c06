"""The metric of the validation rows that is told after each epoch, and may be stopped by."""

from collections.abc import Callable
from typing import Any

import numpy as np

from foldline.models.neural.dataset import TokenizedRows
from foldline.models.neural.long_text import LongTextReader

HIGHER = ("accuracy", "f1_macro", "pearson", "spearman")


def make_compute_metrics(
    metric: str, rows: TokenizedRows, reading: LongTextReader, task: str
) -> Callable[[Any], dict[str, float]]:
    """Give Trainer's `compute_metrics` of a metric, over texts and not pieces."""
    measure = (LABELS if task == "multilabel" else METRICS)[metric]

    def score(found: Any) -> dict[str, float]:
        logits = found.predictions[0] if isinstance(found.predictions, tuple) else found.predictions
        pooled = reading.pool(np.asarray(logits, dtype=np.float64), rows.piece_rows, len(rows.ids))
        target = np.zeros((len(rows.ids), *rows.target.shape[1:]))
        target[rows.piece_rows] = rows.target
        return {metric: measure(target, pooled)}

    return score


def first_output(outputs: Any, labels: Any) -> Any:
    """Give the outputs alone: decoders come with their keys and values."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


def _classes(values: np.ndarray) -> np.ndarray:
    return values.argmax(axis=1) if values.ndim == 2 else values.astype(np.int64)


def _accuracy(target: np.ndarray, logits: np.ndarray) -> float:
    return float((_classes(target) == _classes(logits)).mean())


def _f1_macro(target: np.ndarray, logits: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    every = np.arange(logits.shape[1])
    true, found = _classes(target), _classes(logits)
    return float(f1_score(true, found, labels=every, average="macro", zero_division=0.0))


def _correlation(target: np.ndarray, found: np.ndarray) -> float:
    if not (np.ptp(target) and np.ptp(found)):  # it has no value of constants
        return 0.0
    return float(np.corrcoef(target, found)[0, 1])


def _spearman(target: np.ndarray, logits: np.ndarray) -> float:
    from scipy.stats import rankdata

    return _correlation(rankdata(target), rankdata(logits[:, 0]))


def _f1_of_labels(target: np.ndarray, logits: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(target == 1, logits >= 0, average="macro", zero_division=0.0))


# Several labels a row: one is predicted from a probability of .5, a logit of 0.
LABELS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": lambda target, logits: float(((logits >= 0) == (target == 1)).all(axis=1).mean()),
    "f1_macro": _f1_of_labels,
}
METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": _accuracy,
    "f1_macro": _f1_macro,
    "pearson": lambda target, logits: _correlation(target, logits[:, 0]),
    "spearman": _spearman,
}
