"""Losses that stay the same however a batch is cut up.

Trainer's default divides each small batch by its own size, though not under gradient
accumulation or several processes, where the loss comes out too large (transformers #47688). Here
every loss is a sum over rows divided by the number of rows of the whole optimiser step.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from foldline.frame.labels import Labels
from foldline.frame.params import Train

Loss = Callable[..., Any]


def loss_for(labels: Labels, target: np.ndarray, options: Train) -> Loss:
    """Give the `compute_loss_func` of Trainer for a task.

    `target` are the training rows' class codes (n,), shares of classes (n, c), or numbers:
    balanced weights come from them.
    """
    if labels.task == "regression":
        return squared_error
    weights = None
    if options.class_weights == "balanced":
        weights = balanced_weights(target, len(labels.classes))
    return cross_entropy(weights, options.label_smoothing)


def balanced_weights(target: np.ndarray, classes: int) -> np.ndarray:
    """Give (c,) weights by inverse frequency whose mean over the training rows is 1."""
    soft = target.ndim == 2
    counts = target.sum(axis=0) if soft else np.bincount(target, minlength=classes)
    return len(target) / (classes * np.maximum(counts, 1.0))


def cross_entropy(weights: np.ndarray | None, smoothing: float) -> Loss:
    """Give cross-entropy with class weights and label smoothing (Szegedy et al., 2016).

    Labels are codes (n,), or shares of classes (n, c): a row's weight is then their weighted mean.
    """

    def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        import torch

        logits = outputs.logits.float()
        rows = torch.nn.functional.cross_entropy(
            logits, labels, reduction="none", label_smoothing=smoothing
        )
        soft = labels.ndim == 2
        if weights is not None:
            each = torch.as_tensor(weights, dtype=rows.dtype, device=rows.device)
            rows = rows * (labels @ each if soft else each[labels])
        # Trainer counts the numbers in a batch's labels, and a soft one has c of them.
        count = num_items_in_batch / labels.shape[1] if soft and num_items_in_batch else None
        return rows.sum() / (count or num_items_in_batch or len(rows))

    return loss


def squared_error(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
    """Give the mean squared error of one output."""
    rows = (outputs.logits.float().squeeze(-1) - labels.float()) ** 2
    return rows.sum() / (num_items_in_batch or len(rows))
