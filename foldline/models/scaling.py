"""Scaling of features, scores and sample weights."""

import numpy as np


def mean_and_scale(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (f,) of features; 1 for constant features."""
    spreads = features.std(axis=0)
    return features.mean(axis=0), np.where(spreads > 1e-9, spreads, 1.0)


def normalise_rows(features: np.ndarray) -> np.ndarray:
    """Return rows scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(lengths > 0, lengths, 1.0))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return the softmax (n, k) of each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def balance_classes(how: str, codes: np.ndarray, shares: np.ndarray | None) -> np.ndarray | None:
    """Return (n,) sample weights, balanced over the classes unless `how` is "none"."""
    if how == "none":
        return shares
    weights = np.ones(len(codes)) if shares is None else shares
    sums = np.bincount(codes, weights)
    return np.asarray(weights * weights.sum() / ((sums > 0).sum() * sums[codes]))
