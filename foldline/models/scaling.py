"""Numbers of rows brought to one measure: spreads, lengths, shares, weights."""

import numpy as np


def mean_and_scale(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give mean and spread (f,) of features; what never varies has a spread of 1."""
    spreads = features.std(axis=0)
    return features.mean(axis=0), np.where(spreads > 1e-9, spreads, 1.0)


def normalise_rows(features: np.ndarray) -> np.ndarray:
    """Give rows of length 1; one of zeros stays."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(lengths > 0, lengths, 1.0))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Give (n, k) shares of (n, k) scores."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def balance_classes(how: str, codes: np.ndarray, shares: np.ndarray | None) -> np.ndarray | None:
    """Give (n,) weights: the shares, times what lets classes weigh the same if `how` says so."""
    if how == "none":
        return shares
    weights = np.ones(len(codes)) if shares is None else shares
    sums = np.bincount(codes, weights)
    return np.asarray(weights * weights.sum() / ((sums > 0).sum() * sums[codes]))
