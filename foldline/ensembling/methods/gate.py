"""A mixture of experts on predictions: a gate weights the members row by row (Jacobs, 1991)."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from pydantic import Field

from foldline.ensembling.methods.interface import (
    MIN_PROBABILITY,
    Context,
    Members,
    Method,
    Number,
    State,
    read_array,
    softmax,
    stack_members,
    target_probabilities,
)

PENALTY = 0.01  # L2 of the gate's coefficients, beside the mean loss of a row
MAX_ITERATIONS = 100
Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]


# A softmax over members: coefficients of the standardised features, and intercepts.
STATE = {
    "coefficients": dict[str, list[Number]],
    "intercept": dict[str, Number],
    "mean": list[Number],
    "scale": list[Annotated[float, Field(gt=0, allow_inf_nan=False)]],
}


def fit_gate(members: Members, target: np.ndarray, task: str, context: Context) -> State:
    """Return the gate that minimises the loss of the mixture, with L2 on its coefficients.

    Classes by log loss, numbers by squared error. It starts from equal weights.
    """
    from scipy.optimize import minimize

    names, stacked = stack_members(members)
    features = make_gate_features(stacked, task, context.surface)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < 1e-9] = 1.0
    x, shape = (features - mean) / scale, (len(names), features.shape[1] + 1)
    measure_loss = _make_loss(stacked, target, task)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        values = flat.reshape(shape)
        gate = softmax(x @ values[:, :-1].T + values[:, -1])
        total, slope = measure_loss(gate)
        gradient = np.column_stack([slope.T @ x, slope.sum(axis=0)])
        gradient[:, :-1] += PENALTY * values[:, :-1]
        return total + 0.5 * PENALTY * float(np.square(values[:, :-1]).sum()), gradient.ravel()

    options = {"maxiter": MAX_ITERATIONS}
    start = np.zeros(shape).ravel()
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x.reshape(shape)
    return {
        "coefficients": dict(zip(names, found[:, :-1].tolist(), strict=True)),
        "intercept": dict(zip(names, found[:, -1].tolist(), strict=True)),
        "mean": mean.tolist(),
        "scale": scale.tolist(),
    }


def _make_loss(stacked: np.ndarray, target: np.ndarray, task: str) -> Loss:
    """Return the mean loss of gate weights (n, m), and its slope in the gate's logits (n, m)."""
    n = len(target)
    if task == "regression":
        values = stacked.T
        variance = max(float(target.var()), np.finfo(float).tiny)

        def squared_error(gate: np.ndarray) -> tuple[float, np.ndarray]:
            mixed = (gate * values).sum(axis=1)
            error = (mixed - target) / variance
            slope = error[:, None] * gate * (values - mixed[:, None]) / n
            return 0.5 * float((error * (mixed - target)).mean()), slope

        return squared_error
    true = target_probabilities(stacked, target, task).transpose(1, 0, 2)  # (n, m, d)

    def log_loss(gate: np.ndarray) -> tuple[float, np.ndarray]:
        weighted = gate[:, :, None] * true
        mixed = weighted.sum(axis=1, keepdims=True)
        slope = (gate - (weighted / mixed).mean(axis=2)) / n
        return -float(np.log(mixed).mean()), slope

    return log_loss


def make_gate_features(stacked: np.ndarray, task: str, surface: np.ndarray | None) -> np.ndarray:
    """Return (n, f): of each member confidence, entropy and agreement; features of the text.

    Agreement is the share of the other members that decide alike. Multilabel: means over labels.
    Numbers: each member's prediction, and its distance from the mean of all.
    """
    if task == "regression":
        own = np.concatenate([stacked, np.abs(stacked - stacked.mean(axis=0))])
    elif task == "multilabel":
        own = np.concatenate(_describe_labels(stacked))
    else:
        own = np.concatenate(_describe_classes(stacked))
    return own.T if surface is None else np.column_stack([own.T, surface])


def _describe_classes(stacked: np.ndarray) -> list[np.ndarray]:
    decisions = stacked.argmax(axis=2)
    return [stacked.max(axis=2), _entropy(stacked).sum(axis=2), _agreement(decisions)]


def _describe_labels(stacked: np.ndarray) -> list[np.ndarray]:
    confidence = np.maximum(stacked, 1 - stacked).mean(axis=2)
    entropy = (_entropy(stacked) + _entropy(1 - stacked)).mean(axis=2)
    return [confidence, entropy, _agreement(stacked >= 0.5).mean(axis=2)]


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(-probabilities * np.log(np.maximum(probabilities, MIN_PROBABILITY)))


def _agreement(decisions: np.ndarray) -> np.ndarray:
    """Return the share of the other members that decide as each member does (m, ...)."""
    alike = [(decisions == own).sum(axis=0) - 1 for own in decisions]
    return np.asarray(np.stack(alike) / max(1, len(decisions) - 1))


def combine_gate(state: State, members: Members, task: str, context: Context) -> np.ndarray:
    """Return the mean of the members, weighted row by row."""
    stacked = stack_members(members)[1]
    gate = _weight_rows(state, members, task, context).T
    return np.asarray((gate.reshape(gate.shape + (1,) * (stacked.ndim - 2)) * stacked).sum(axis=0))


def _weight_rows(state: State, members: Members, task: str, context: Context) -> np.ndarray:
    """Return the gate's weights (n, m)."""
    names, stacked = stack_members(members)
    features = make_gate_features(stacked, task, context.surface)
    shape = (features.shape[1],)
    mean, scale = (read_array(state, key, shape) for key in ("mean", "scale"))
    coefficients = np.stack([read_array(state["coefficients"], name, shape) for name in names])
    intercept = np.array([state["intercept"][name] for name in names])
    return softmax((features - mean) / scale @ coefficients.T + intercept)


def share_gate(state: State, members: Members, task: str, context: Context) -> dict[str, float]:
    """Return the mean weight that the gate gives to each member on these rows."""
    weights = _weight_rows(state, members, task, context).mean(axis=0)
    return dict(zip(sorted(members), weights.tolist(), strict=True))


GATE = Method(STATE, fit_gate, combine_gate, share_gate, reads_texts=True)
