"""One weight a member: a logarithmic pool, or a linear pool with weights that sum to 1."""

import numpy as np

from foldline.ensembling.methods.interface import (
    Context,
    Members,
    Method,
    State,
    Weight,
    log_probabilities,
    softmax,
    split_decisions,
    stack_members,
    target_probabilities,
)

MAX_WEIGHT = 20.0


STATE = {"weights": dict[str, Weight]}


def fit_log_pool(members: Members, target: np.ndarray, task: str, context: Context) -> State:
    """Return the non-negative weights with which `combine_log_pool` predicts the target best.

    Classes: by log loss, a convex problem; a multilabel target (n, c) counts as n * c decisions.
    Numbers: by squared error (stacked regressions: Breiman, 1996). Where all weights would be 0,
    they are equal.
    """
    from scipy.optimize import minimize, nnls

    names, stacked = stack_members(members)
    equal = np.full(len(names), 1 / len(names))
    if task == "regression":
        fitted = nnls(stacked.T, target)[0]
    else:
        if task == "multilabel":
            stacked, target = split_decisions(stacked), 1 - target.ravel()
        logs, rows = log_probabilities(stacked), np.arange(len(target))
        target_logs = logs[:, rows, target].mean(axis=1)

        def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
            pooled = softmax(np.tensordot(weights, logs, axes=1))
            gradient = (pooled * logs).sum(axis=2).mean(axis=1) - target_logs
            return -float(np.log(pooled[rows, target]).mean()), np.asarray(gradient)

        bounds = [(0.0, MAX_WEIGHT)] * len(names)
        fitted = minimize(loss, equal, jac=True, method="L-BFGS-B", bounds=bounds).x
    values = fitted if fitted.sum() > 0 else equal
    return {"weights": dict(zip(names, values.tolist(), strict=True))}


def combine_log_pool(state: State, members: Members, task: str, context: Context) -> np.ndarray:
    """Return the weighted combination of the members.

    Classes: the product of the probabilities, each to the power of its weight (logarithmic opinion
    pool: Heskes, 1998), so a weight also corrects an underconfident or overconfident member.
    Numbers: the weighted sum.
    """
    names, stacked = stack_members(members)
    powers = np.array([state["weights"][name] for name in names])
    if task == "regression":
        return np.asarray(powers @ stacked)
    if task == "multilabel":
        shape = stacked.shape[1:]
        return _pool_logs(powers, split_decisions(stacked))[:, 0].reshape(shape)
    return _pool_logs(powers, stacked)


def _pool_logs(powers: np.ndarray, stacked: np.ndarray) -> np.ndarray:
    return softmax(np.tensordot(powers, log_probabilities(stacked), axes=1))


def fit_simplex(members: Members, target: np.ndarray, task: str, context: Context) -> State:
    """Return the weights of `combine_linearly`, from 0 and with the sum 1, that predict best.

    Classes by log loss, numbers by squared error; both are convex.
    """
    names, stacked = stack_members(members)
    if task == "regression":
        fitted = _minimize_squared_error(stacked, target)
    else:
        true = target_probabilities(stacked, target, task)
        fitted = _minimize_log_loss(true.reshape(len(names), -1))
    return {"weights": dict(zip(names, (fitted / fitted.sum()).tolist(), strict=True))}


def _minimize_log_loss(true: np.ndarray) -> np.ndarray:
    """Return the mixture weights of probabilities (m, n) of what is true."""
    from scipy.optimize import minimize

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        # The sum as a penalty: where the gradient is 0 for all positive weights, the sum is 1.
        mixed = weights @ true
        return float(weights.sum() - np.log(mixed).mean()), 1 - (true / mixed).mean(axis=1)

    start, bounds = np.full(len(true), 1 / len(true)), [(1e-12, None)] * len(true)
    options = {"ftol": 1e-13, "gtol": 1e-9, "maxiter": 1000}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return np.where(found > 1e-9, found, 0.0)


def _minimize_squared_error(stacked: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the direction of the weights of numbers (m, n).

    With the sum 1 the error is that of a weighted sum of the members' errors, so its square grows
    with the square of the sum. A row that pulls the sum to 1 leaves the best direction as it is.
    """
    from scipy.optimize import nnls

    errors = (stacked - target) / np.sqrt(len(target))
    scale = max(float(np.abs(errors).max()), np.finfo(float).tiny)
    return np.asarray(nnls(np.vstack([errors.T / scale, np.ones(len(stacked))]), _unit(target))[0])


def _unit(target: np.ndarray) -> np.ndarray:
    return np.append(np.zeros(len(target)), 1.0)


def combine_linearly(state: State, members: Members, task: str, context: Context) -> np.ndarray:
    """Return the weighted mean of the members."""
    names, stacked = stack_members(members)
    weights = np.array([state["weights"][name] for name in names])
    return np.asarray(np.tensordot(weights / weights.sum(), stacked, axes=1))


def share_weights(state: State, members: Members, task: str, context: Context) -> dict[str, float]:
    """Return each weight as a share of their sum."""
    weights = state["weights"]
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


WEIGHTED = Method(STATE, fit_log_pool, combine_log_pool, share_weights)
SIMPLEX = Method(STATE, fit_simplex, combine_linearly, share_weights)
