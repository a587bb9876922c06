"""Predictions of several members become one; weights are fitted on out-of-fold predictions."""

from collections.abc import Callable, Mapping

import numpy as np

Predictions = Mapping[str, np.ndarray]
# Probabilities below this count as this; a weight above that says no more.
SMALLEST, STRONGEST = 1e-6, 20.0


def soft(members: Predictions, weights: Mapping[str, float]) -> np.ndarray:
    """Average the members: (n, c) probabilities or (n,) numbers."""
    return np.asarray(np.mean(list(members.values()), axis=0))


def hard(members: Predictions, weights: Mapping[str, float]) -> np.ndarray:
    """Give each class its share of the votes; a tie goes to the higher mean probability.

    Numbers: the median.
    """
    stacked = np.stack(list(members.values()))
    if stacked.ndim == 2:
        return np.asarray(np.median(stacked, axis=0))
    votes = np.eye(stacked.shape[2])[stacked.argmax(axis=2)].mean(axis=0)
    # Less than half a vote of any two members can weigh, so it decides ties alone.
    tie = 0.5 / (len(stacked) + 1)
    return np.asarray((votes + tie * stacked.mean(axis=0)) / (1 + tie))


def weighted(members: Predictions, weights: Mapping[str, float]) -> np.ndarray:
    """Pool the members by their weights.

    Classes: probabilities are multiplied, each to the power of its weight (logarithmic opinion
    pool: Heskes, 1998), so a weight also sharpens a member that is too unsure of itself, or the
    reverse. Numbers: a weighted sum.
    """
    names = list(weights)
    powers = np.array([weights[name] for name in names])
    stacked = np.stack([members[name] for name in names])
    if stacked.ndim == 2:
        return np.asarray(powers @ stacked)
    return _normalised(np.tensordot(powers, _logs(stacked), axes=1))


def vote(method: str, members: Predictions, weights: Mapping[str, float], task: str) -> np.ndarray:
    """Combine members by a method's name: (n, c) or (n,).

    Where a row has any number of labels, each is a yes or no of its own.
    """
    if task != "multilabel":
        return VOTES[method](members, weights)
    shape = next(iter(members.values())).shape
    return VOTES[method](_yes_or_no(members), weights)[:, 0].reshape(shape)


def _yes_or_no(members: Predictions) -> dict[str, np.ndarray]:
    """Give each of (n, c) probabilities as the two classes yes and no, (n * c, 2).

    Yes stands first: of two equal shares it is told, as `Labels.decode` does.
    """
    flat = {name: values.ravel() for name, values in members.items()}
    return {name: np.column_stack([values, 1 - values]) for name, values in flat.items()}


def fit_weights(members: Predictions, target: np.ndarray) -> dict[str, float]:
    """Give weights from 0 on that predict the target best, for `weighted`.

    Classes: the least log loss, a convex problem; a target (n, c) of 0 and 1 is as many yes or
    no. Numbers: the least squared error (stacked regressions: Breiman, 1996). Members that
    predict nothing at all get equal weights.
    """
    from scipy.optimize import minimize, nnls

    if target.ndim == 2:
        return fit_weights(_yes_or_no(members), 1 - target.ravel())
    names = list(members)
    stacked = np.stack([members[name] for name in names])
    equal = np.full(len(names), 1 / len(names))
    if stacked.ndim == 2:
        found = nnls(stacked.T, target)[0]
    else:
        logs, rows = _logs(stacked), np.arange(len(target))
        reached = logs[:, rows, target].mean(axis=1)

        def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
            pooled = _normalised(np.tensordot(weights, logs, axes=1))
            slope = (pooled * logs).sum(axis=2).mean(axis=1) - reached
            return -float(np.log(pooled[rows, target]).mean()), np.asarray(slope)

        limits = [(0.0, STRONGEST)] * len(names)
        found = minimize(loss, equal, jac=True, method="L-BFGS-B", bounds=limits).x
    values = found if found.sum() > 0 else equal
    return dict(zip(names, values.tolist(), strict=True))


def _logs(probabilities: np.ndarray) -> np.ndarray:
    # A single certain mistake must not outweigh all the rest.
    return np.asarray(np.log(np.clip(probabilities, SMALLEST, 1.0)))


def _normalised(logs: np.ndarray) -> np.ndarray:
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def out_of_fold(
    method: str, members: Predictions, target: np.ndarray, folds: np.ndarray
) -> np.ndarray:
    """Combine out-of-fold predictions, each fold with weights fitted on the other folds."""
    task = "multilabel" if target.ndim == 2 else ""
    combined = np.zeros_like(next(iter(members.values())))
    for fold in np.unique(folds):
        inside, outside = folds == fold, folds != fold
        weights: Mapping[str, float] = {}
        if method == "weighted":
            rest = {name: values[outside] for name, values in members.items()}
            weights = fit_weights(rest, target[outside])
        held = {name: values[inside] for name, values in members.items()}
        combined[inside] = vote(method, held, weights, task)
    return combined


VOTES: dict[str, Callable[[Predictions, Mapping[str, float]], np.ndarray]] = {
    "soft": soft,
    "hard": hard,
    "weighted": weighted,
}
