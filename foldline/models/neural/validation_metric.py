"""The validation metric that is reported after each epoch, and may stop the training."""

from collections.abc import Callable
from typing import Any

import numpy as np

from foldline.metrics.registry import METRICS, measure
from foldline.models.neural.dataset import TokenizedRows
from foldline.models.neural.long_text import LongTextReader
from foldline.models.neural.transformer import to_predictions


def make_compute_metrics(
    metric: str, rows: TokenizedRows, reader: LongTextReader, task: str
) -> Callable[[Any], dict[str, float]]:
    """Return Trainer's `compute_metrics` for one metric, over texts rather than their pieces."""

    def compute_metrics(output: Any) -> dict[str, float]:
        logits = output.predictions
        logits = logits[0] if isinstance(logits, tuple) else logits
        pooled = reader.pool(np.asarray(logits, np.float64), rows.piece_rows, len(rows.ids))
        target = np.zeros((len(rows.ids), *rows.target.shape[1:]), dtype=rows.target.dtype)
        target[rows.piece_rows] = rows.target
        value = measure_validation(metric, target, pooled, task)
        return {metric: value}

    return compute_metrics


def measure_validation(metric: str, target: np.ndarray, logits: np.ndarray, task: str) -> float:
    """Return a metric of (n, c) logits; 0 where it is undefined, so that epochs can be compared.

    `target` holds codes (n,) or their shares (n, c), labels (n, c) of 0 and 1, or values (n,).
    """
    if task == "classification" and target.ndim == 2:
        target = target.argmax(axis=1)
    if task == "multilabel":
        target = target == 1
    with np.errstate(invalid="ignore"):  # logits of a diverged model
        predictions = to_predictions(logits, task)
    value = measure(task, target, predictions, names=[metric])[metric]
    return float(np.nan_to_num(value))


def greater_is_better(metric: str, task: str) -> bool:
    """Return whether a higher value of `train.metric` is better; it is for all but the loss."""
    return metric != "loss" and METRICS[task][metric].greater_is_better


def first_output(outputs: Any, labels: Any) -> Any:
    """Return the logits alone: decoders return their keys and values with them."""
    return outputs[0] if isinstance(outputs, tuple) else outputs
