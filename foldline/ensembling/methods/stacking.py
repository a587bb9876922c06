"""Stacking: a linear meta-model on the members' out-of-fold predictions (Wolpert, 1992).

Its coefficients are shrunk towards the plain mean of the members, of log-probabilities or numbers:
with few rows stacking is that mean, with many a free regression.
"""

from collections.abc import Callable

import numpy as np

from foldline.ensembling.methods.interface import (
    Context,
    Members,
    Method,
    Number,
    State,
    log_probabilities,
    read_array,
    softmax,
    split_decisions,
    stack_members,
)

# Inverse regularization; the one with the best cross-validated loss is taken.
C_VALUES = (0.01, 0.1, 1.0, 10.0)
# With more classes a class is predicted by the members' log-probabilities of that class alone, and
# one fold decides on the regularization: all of them would take several times as long.
MAX_CROSSED_CLASSES = 20
# Of each member a row for each class with a column for each log-probability, or for many classes
# one row with that of the own class; multilabel: those of log(p) and log(1 - p) for each label.
STATE = {"coefficients": dict[str, list[list[Number]]], "intercept": list[Number]}
Fit = Callable[[np.ndarray, float], np.ndarray]
Loss = Callable[[np.ndarray, np.ndarray], float]


def fit_stacking(members: Members, target: np.ndarray, task: str, context: Context) -> State:
    """Return the coefficients of a meta-model.

    Classes: a multinomial logistic regression on log-probabilities; multilabel: one for each label;
    numbers: ridge regression. The regularization is chosen by cross-validation over the folds.
    """
    names, stacked = stack_members(members)
    if task == "regression":
        coefficients, intercept = _fit_ridge(stacked, target, context)
    elif task == "multilabel":
        coefficients, intercept = _fit_labels(stacked, target, context)
    else:
        coefficients, intercept = _fit_classes(stacked, target, context)
    tables = (table.tolist() for table in coefficients)
    return {
        "coefficients": dict(zip(names, tables, strict=True)),
        "intercept": intercept.tolist(),
    }


def combine_stacking(state: State, members: Members, task: str, context: Context) -> np.ndarray:
    """Return the prediction of the meta-model."""
    parts = _compute_parts(state, members, task)
    total = sum(parts) + read_array(state, "intercept", parts[0].shape[1:] or (1,))
    if task == "regression":
        return np.asarray(total)
    return softmax(total) if task == "classification" else np.asarray(1 / (1 + np.exp(-total)))


def _compute_parts(state: State, members: Members, task: str) -> list[np.ndarray]:
    """Return what each member adds to the logits (n, c), or to the numbers (n,)."""
    names, stacked = stack_members(members)
    c = 1 if task == "regression" else stacked.shape[2]
    crossed = task == "classification" and c <= MAX_CROSSED_CLASSES
    columns = {"regression": 1, "multilabel": 2}.get(task, c)
    shape = (c if crossed or task == "multilabel" else 1, columns)
    coefficients = [read_array(state["coefficients"], name, shape) for name in names]
    if task == "regression":
        return [own[0, 0] * values for own, values in zip(coefficients, stacked, strict=True)]
    pairs = list(zip(log_probabilities(stacked), coefficients, strict=True))
    if task == "multilabel":
        opposite = log_probabilities(1 - stacked)
        return [
            yes * own[:, 0] + no * own[:, 1] for (yes, own), no in zip(pairs, opposite, strict=True)
        ]
    return [logs @ own.T if crossed else logs * own[0] for logs, own in pairs]


def _fit_classes(
    stacked: np.ndarray, target: np.ndarray, context: Context
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (m, c, c), or (m, 1, c) for many classes, and intercepts (c,)."""
    logs = log_probabilities(stacked)
    m, _, c = logs.shape
    crossed = c <= MAX_CROSSED_CLASSES
    # (1 or c, f, n): the same features for each class, or its own.
    by_class = logs.transpose(0, 2, 1)
    features = by_class.reshape(1, m * c, -1) if crossed else by_class.transpose(1, 0, 2)
    constant = np.ones((len(features), 1, features.shape[2]))
    problem = _Softmax(
        np.concatenate([features, constant], axis=1), by_class.mean(axis=0), target, m
    )
    c_value = _choose_c(problem.score, context.split()[: None if crossed else 1])
    found = problem.fit(c_value, problem.solutions.get(c_value))
    own = found[:, :-1]  # (c, m * c) or (c, m)
    if crossed:
        return own.reshape(c, m, c).transpose(1, 0, 2) + np.eye(c) / m, found[:, -1]
    return own.T[:, None, :] + 1 / m, found[:, -1]


def _fit_labels(
    stacked: np.ndarray, target: np.ndarray, context: Context
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (m, c, 2) of log(p) and log(1 - p), and intercepts (c,)."""
    found = []
    for label in range(target.shape[1]):
        decisions = split_decisions(stacked[:, :, [label]])
        found.append(_fit_classes(decisions, 1 - target[:, label], context))
    coefficients = np.stack([own[:, 0] - own[:, 1] for own, _ in found], axis=1)
    return coefficients, np.array([intercept[0] - intercept[1] for _, intercept in found])


def _fit_ridge(
    stacked: np.ndarray, target: np.ndarray, context: Context
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (m, 1, 1) and an intercept (1,)."""
    m = len(stacked)
    penalty = m * max(float(target.var()), np.finfo(float).tiny)

    def fit(rows: np.ndarray, c_value: float) -> np.ndarray:
        x, residual = stacked[:, rows].T, target[rows] - stacked[:, rows].mean(axis=0)
        center = x.mean(axis=0)
        gram = (x - center).T @ (x - center) + np.eye(m) * penalty / c_value
        change = np.linalg.solve(gram, (x - center).T @ residual)
        return np.append(change + 1 / m, residual.mean() - change @ center)

    def score(training: np.ndarray, held_out: np.ndarray) -> list[float]:
        models = (fit(training, c_value) for c_value in C_VALUES)
        predictions = (own[:-1] @ stacked[:, held_out] + own[-1] for own in models)
        return [float(np.square(target[held_out] - values).sum()) for values in predictions]

    found = fit(np.ones(len(target), dtype=bool), _choose_c(score, context.split()))
    return found[:-1].reshape(m, 1, 1), found[-1:]


def _choose_c(
    score: Callable[[np.ndarray, np.ndarray], list[float]],
    folds: list[tuple[np.ndarray, np.ndarray]],
) -> float:
    """Return the value with the lowest loss over folds, each predicted by the other rows."""
    folds = [(others, own) for others, own in folds if others.any()]
    if not folds:
        return C_VALUES[0]
    losses = np.sum([score(training, held_out) for training, held_out in folds], axis=0)
    return C_VALUES[int(losses.argmin())]


class _Softmax:
    """A multinomial logistic regression around an offset, with L2 on what it adds to that.

    Features (1 or c, f, n), shared or of each class, end with a constant; the offset is (c, n). The
    penalty grows with the number of members, so that copies of a member change nothing. Rows come
    last: sums over classes are then several times as fast.
    """

    def __init__(
        self, features: np.ndarray, offset: np.ndarray, target: np.ndarray, members: int
    ) -> None:
        self.features, self.offset, self.target = features, offset, target
        self.members = members
        self.solutions: dict[float, np.ndarray] = {}  # of the last fold that was scored

    def select(self, rows: np.ndarray) -> "_Softmax":
        """Return the problem of some rows, by a mask (n,)."""
        features = np.ascontiguousarray(self.features[:, :, rows])
        return _Softmax(features, self.offset[:, rows], self.target[rows], self.members)

    def score(self, training: np.ndarray, held_out: np.ndarray) -> list[float]:
        """Return the log loss of held-out rows, summed, for each of C_VALUES."""
        own, others, losses = self.select(training), self.select(held_out), []
        start = None
        for c_value in C_VALUES:
            start = self.solutions[c_value] = own.fit(c_value, start)
            losses.append(others.evaluate(start)[0])
        return losses

    def evaluate(self, values: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log loss, summed over rows, and the probabilities (c, n)."""
        logits = self.offset + _apply(self.features, values)
        logits -= logits.max(axis=0)
        rows = np.arange(len(self.target))
        loss = -float(logits[self.target, rows].sum())
        powers = np.exp(logits, out=logits)
        totals = powers.sum(axis=0)
        powers /= totals
        return loss + float(np.log(totals).sum()), powers

    def fit(self, c_value: float, start: np.ndarray | None = None) -> np.ndarray:
        """Return the coefficients (c, f) by L-BFGS, preconditioned by the curvature of a class."""
        from scipy.optimize import minimize

        x, (c, n) = self.features, self.offset.shape
        penalty = np.full(x.shape[1], self.members / c_value)
        penalty[-1] = 1.0
        initial = np.zeros((c, x.shape[1])) if start is None else start
        roots = _factor_curvature(x, self.evaluate(initial)[1], penalty)

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            values = _multiply(roots, flat.reshape(c, -1))
            total, residuals = self.evaluate(values)
            residuals[self.target, np.arange(n)] -= 1
            total += 0.5 * float((penalty * values * values).sum())
            gradient = _apply_transposed(x, residuals) + penalty * values
            return total / n, (_multiply(roots.transpose(0, 2, 1), gradient) / n).ravel()

        begin = _multiply(np.linalg.inv(roots), initial).ravel()
        options = {"maxiter": 200, "ftol": 1e-10, "gtol": 1e-7}
        found = minimize(loss, begin, jac=True, method="L-BFGS-B", options=options).x
        return _multiply(roots, found.reshape(c, -1))


def _factor_curvature(x: np.ndarray, predicted: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Return (c, f, f) matrices that turn the curvature of each class into that of a sphere."""
    weights = (predicted * (1 - predicted))[:, None]  # (c, 1, n)
    blocks = [
        (x[k if len(x) > 1 else 0] * weights[k]) @ x[k if len(x) > 1 else 0].T
        for k in range(len(weights))
    ]
    roots = np.linalg.cholesky(np.stack(blocks) + np.diag(penalty))
    return np.asarray(np.linalg.inv(roots).transpose(0, 2, 1))


def _multiply(matrices: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.asarray((matrices @ values[:, :, None])[:, :, 0])


def _apply(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return (c, n) logits of features (1 or c, f, n) and coefficients (c, f)."""
    if len(x) == 1:
        return np.asarray(values @ x[0])
    return np.asarray((values[:, None] @ x)[:, 0])


def _apply_transposed(x: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    return np.asarray(residuals @ x[0].T) if len(x) == 1 else _multiply(x, residuals)


def share_spread(state: State, members: Members, task: str, context: Context) -> dict[str, float]:
    """Return each member's share in how much the logits or numbers differ between rows.

    Coefficients alone mislead: those of a member whose probabilities hardly differ are large.
    """
    parts = _compute_parts(state, members, task)
    if task == "classification":  # what is added to all classes of a row changes nothing
        parts = [part - part.mean(axis=1, keepdims=True) for part in parts]
    spread = [float(part.std(axis=0).mean()) for part in parts]
    total = sum(spread)
    shares = [own / total if total else 1 / len(spread) for own in spread]
    return dict(zip(sorted(members), shares, strict=True))


STACKING = Method(STATE, fit_stacking, combine_stacking, share_spread)
