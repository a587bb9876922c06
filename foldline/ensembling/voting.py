"""Combine the predictions of several members; fit weights on out-of-fold predictions."""

from collections.abc import Callable, Mapping

import numpy as np

Predictions = Mapping[str, np.ndarray]
MIN_PROBABILITY = 1e-6  # lower ones are raised to it
MAX_WEIGHT = 20.0


def soft_vote(members: Predictions, weights: Mapping[str, float]) -> np.ndarray:
    """Return the mean of the members: (n, c) probabilities or (n,) numbers."""
    return np.asarray(np.mean(list(members.values()), axis=0))


def hard_vote(members: Predictions, weights: Mapping[str, float]) -> np.ndarray:
    """Return each class's share of the votes; a tie goes to the higher mean probability.

    Numbers: the median.
    """
    stacked = np.stack(list(members.values()))
    if stacked.ndim == 2:
        return np.asarray(np.median(stacked, axis=0))
    votes = np.eye(stacked.shape[2])[stacked.argmax(axis=2)].mean(axis=0)
    # Mean probabilities count for less than half a vote, so they only break ties.
    tie = 0.5 / (len(stacked) + 1)
    return np.asarray((votes + tie * stacked.mean(axis=0)) / (1 + tie))


def weighted_vote(members: Predictions, weights: Mapping[str, float]) -> np.ndarray:
    """Return the weighted combination of the members.

    Classes: the product of the probabilities, each to the power of its weight (logarithmic opinion
    pool: Heskes, 1998), so a weight also corrects an underconfident or overconfident member.
    Numbers: the weighted sum.
    """
    names = list(weights)
    powers = np.array([weights[name] for name in names])
    stacked = np.stack([members[name] for name in names])
    if stacked.ndim == 2:
        return np.asarray(powers @ stacked)
    return _softmax(np.tensordot(powers, _log_probabilities(stacked), axes=1))


def combine(
    method: str, members: Predictions, weights: Mapping[str, float], task: str
) -> np.ndarray:
    """Return the members' combination by a method of METHODS: (n, c) or (n,).

    Multilabel: each label is a decision of its own.
    """
    if task != "multilabel":
        return METHODS[method](members, weights)
    shape = next(iter(members.values())).shape
    return METHODS[method](_split_decisions(members), weights)[:, 0].reshape(shape)


def _split_decisions(members: Predictions) -> dict[str, np.ndarray]:
    """Return each of (n, c) probabilities as the two classes yes and no, (n * c, 2).

    Yes comes first, so that it wins a tie, as in `Labels.decode`.
    """
    flat = {name: values.ravel() for name, values in members.items()}
    return {name: np.column_stack([values, 1 - values]) for name, values in flat.items()}


def fit_weights(members: Predictions, target: np.ndarray) -> dict[str, float]:
    """Return the non-negative weights with which `weighted_vote` predicts the target best.

    Classes: by log loss, a convex problem; a multilabel target (n, c) counts as n * c decisions.
    Numbers: by squared error (stacked regressions: Breiman, 1996). Where all weights would be 0,
    they are equal.
    """
    from scipy.optimize import minimize, nnls

    if target.ndim == 2:
        return fit_weights(_split_decisions(members), 1 - target.ravel())
    names = list(members)
    stacked = np.stack([members[name] for name in names])
    equal = np.full(len(names), 1 / len(names))
    if stacked.ndim == 2:
        fitted = nnls(stacked.T, target)[0]
    else:
        logs, rows = _log_probabilities(stacked), np.arange(len(target))
        target_logs = logs[:, rows, target].mean(axis=1)

        def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
            pooled = _softmax(np.tensordot(weights, logs, axes=1))
            gradient = (pooled * logs).sum(axis=2).mean(axis=1) - target_logs
            return -float(np.log(pooled[rows, target]).mean()), np.asarray(gradient)

        bounds = [(0.0, MAX_WEIGHT)] * len(names)
        fitted = minimize(loss, equal, jac=True, method="L-BFGS-B", bounds=bounds).x
    values = fitted if fitted.sum() > 0 else equal
    return dict(zip(names, values.tolist(), strict=True))


def _log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    # One certain mistake must not outweigh all other rows.
    return np.asarray(np.log(np.clip(probabilities, MIN_PROBABILITY, 1.0)))


def _softmax(logs: np.ndarray) -> np.ndarray:
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def combine_out_of_fold(
    method: str, members: Predictions, target: np.ndarray, folds: np.ndarray
) -> np.ndarray:
    """Return combined out-of-fold predictions, each fold by weights fitted on the other folds."""
    task = "multilabel" if target.ndim == 2 else ""
    combined = np.zeros_like(next(iter(members.values())))
    for fold in np.unique(folds):
        own, others = folds == fold, folds != fold
        weights: Mapping[str, float] = {}
        if method == "weighted":
            training = {name: values[others] for name, values in members.items()}
            weights = fit_weights(training, target[others])
        held_out = {name: values[own] for name, values in members.items()}
        combined[own] = combine(method, held_out, weights, task)
    return combined


METHODS: dict[str, Callable[[Predictions, Mapping[str, float]], np.ndarray]] = {
    "soft": soft_vote,
    "hard": hard_vote,
    "weighted": weighted_vote,
}
