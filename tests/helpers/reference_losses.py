"""Losses of single rows, from the outputs of a model, by the formulas of their papers."""

from collections.abc import Callable
from typing import Any

import numpy as np

ROWS = 12  # of a table that the weights of classes and labels are those of


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def cross_entropy(logits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return -log_softmax(logits)[np.arange(len(codes)), codes]


def focal(logits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    lost = cross_entropy(logits, codes)
    return (1 - np.exp(-lost)) ** 1.5 * lost


def ordinal(logits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    apart = np.exp(log_softmax(logits)) - np.eye(3)[codes]
    return (apart.cumsum(axis=1) ** 2).sum(axis=1)


def balanced_cross_entropy(logits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return cross_entropy(logits, codes) * np.array([12 / 21, 12 / 9, 12 / 6])[codes]


def smoothed_cross_entropy(logits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return 0.7 * cross_entropy(logits, codes) - 0.3 * log_softmax(logits).mean(axis=1)


def huber(logits: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    far = np.abs(logits[:, 0] - numbers)
    return np.where(far < 0.5, far**2 / 2, 0.5 * (far - 0.25))


def binary_cross_entropy(logits: np.ndarray, held: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(-logits * (2 * held - 1)))


def positive_weights(held: np.ndarray) -> np.ndarray:
    return np.where(held > 0, (ROWS - held.sum(axis=0)) / held.sum(axis=0), 1)


def weighted_binary_cross_entropy(logits: np.ndarray, held: np.ndarray) -> np.ndarray:
    return (binary_cross_entropy(logits, held) * positive_weights(held)).mean(axis=1)


def binary_focal(logits: np.ndarray, held: np.ndarray) -> np.ndarray:
    lost = binary_cross_entropy(logits, held)
    return ((1 - np.exp(-lost)) ** 1.5 * lost).mean(axis=1)


def mean_smoothed_binary_cross_entropy(logits: np.ndarray, held: np.ndarray) -> np.ndarray:
    return smoothed_binary_cross_entropy(logits, held).mean(axis=1)


def smoothed_binary_cross_entropy(
    logits: np.ndarray, held: np.ndarray, gamma: float = 0.0
) -> np.ndarray:
    """Each label's yes and its no, by their shares and each by its own probability."""
    yes, no = (
        binary_cross_entropy(logits, np.ones_like(held)),
        binary_cross_entropy(logits, np.zeros_like(held)),
    )
    yes, no = ((1 - np.exp(-lost)) ** gamma * lost for lost in (yes, no))
    share = 0.7 * held + 0.15
    return share * yes + (1 - share) * no


BALANCED, SMOOTHED = {"class_weights": "balanced"}, {"label_smoothing": 0.3}
FOCAL = {"loss": "focal", "focal_gamma": 1.5}
# A task, options, and the loss of each row that they mean.
LOSSES: dict[str, tuple[str, dict[str, Any], Callable[..., np.ndarray]]] = {
    "cross_entropy": ("classification", {"loss": "cross_entropy"}, cross_entropy),
    "focal": ("classification", FOCAL, focal),
    "ordinal": ("classification", {"loss": "ordinal"}, ordinal),
    "balanced": ("classification", BALANCED, balanced_cross_entropy),
    "smoothing": ("classification", SMOOTHED, smoothed_cross_entropy),
    "labels": ("multilabel", {}, lambda z, y: binary_cross_entropy(z, y).mean(axis=1)),
    "labels, focal": ("multilabel", FOCAL, binary_focal),
    "labels, balanced": ("multilabel", BALANCED, weighted_binary_cross_entropy),
    "labels, smoothing": ("multilabel", SMOOTHED, mean_smoothed_binary_cross_entropy),
    "labels, balanced and smoothing": (
        "multilabel",
        BALANCED | SMOOTHED,
        lambda z, y: (smoothed_binary_cross_entropy(z, y) * positive_weights(y)).mean(axis=1),
    ),
    "labels, focal and smoothing": (
        "multilabel",
        FOCAL | SMOOTHED,
        lambda z, y: smoothed_binary_cross_entropy(z, y, 1.5).mean(axis=1),
    ),
    "mse": ("regression", {"loss": "mse"}, lambda z, y: (z[:, 0] - y) ** 2),
    "mae": ("regression", {"loss": "mae"}, lambda z, y: np.abs(z[:, 0] - y)),
    "huber": ("regression", {"loss": "huber", "huber_delta": 0.5}, huber),
}
