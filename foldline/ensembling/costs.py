"""The costs of wrong decisions (Elkan, 2001): their matrix, and what decisions by it save.

Probabilities that are calibrated need no tuning: the decision of least expected cost is the best.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from foldline.core.errors import FoldlineError, listing, unknown_name
from foldline.core.io.labels import Labels, decide
from foldline.metrics.intervals import UNBOUNDED, bootstrap_own_metrics

KEY = "ensemble.costs"
WRONG, MISSED = "false_positive", "false_negative"  # of a label of multilabel
Costs = tuple[tuple[float, ...], ...]


def make_costs(given: Mapping[str, Mapping[str, float]], labels: Labels) -> Costs:
    """Return the matrix (c, c) of costs by true and predicted class: 1, or 0 on the diagonal.

    Multilabel: (c, 2), the costs of predicting each label wrongly and of missing it, 1 or as given.

    Raises:
        FoldlineError: for a class that does not exist, with the nearest name, or equal costs of all
            predictions of a class.
    """
    names = (WRONG, MISSED) if labels.task == "multilabel" else labels.classes
    for true, own in given.items():
        _check_name("class", true, labels.classes, "")
        for predicted in own:
            what = "cost" if labels.task == "multilabel" else "class"
            _check_name(what, predicted, names, f".{true}")
    rows = [
        tuple(float(given.get(true, {}).get(name, true != name)) for name in names)
        for true in labels.classes
    ]
    for true, row in zip(labels.classes, rows, strict=True):
        if labels.task == "multilabel" and not all(row):
            raise FoldlineError(
                f"{KEY}.{true}: {WRONG} and {MISSED} must be above 0 (found {listing(row)}): else "
                "the label would be predicted always, or never"
            )
    return tuple(rows)


def _check_name(kind: str, name: str, known: tuple[str, ...], where: str) -> None:
    if name not in known:
        raise FoldlineError(f"{KEY}{where}: {unknown_name(kind, name, known)}")


def compute_row_costs(
    task: str, target: np.ndarray, decided: np.ndarray, costs: Sequence[Sequence[float]]
) -> np.ndarray:
    """Return the cost of each row (n,); multilabel: the sum over its labels."""
    matrix = np.asarray(costs)
    if task == "classification":
        return np.asarray(matrix[target, decided])
    wrong, missed = (decided == 1) & (target == 0), (decided == 0) & (target == 1)
    return np.asarray((wrong * matrix[:, 0] + missed * matrix[:, 1]).sum(axis=1))


def compare_costs(
    task: str,
    target: np.ndarray,
    final: np.ndarray,
    costs: Sequence[Sequence[float]],
    groups: np.ndarray,
    resamples: int,
    seed: int,
    level: float,
) -> dict[str, float]:
    """Return the mean cost of a row decided by costs, and its change against the usual decisions.

    `usual` is the mean cost of the most probable classes; a `difference` below 0 is a gain, with an
    interval by paired bootstrap over groups. Rows of unknown label (-1) are left out.
    """
    if task == "classification":
        known = target >= 0
        target, final, groups = target[known], final[known], groups[known]
    own = compute_row_costs(task, target, decide(task, final, costs=costs), costs)
    usual = compute_row_costs(task, target, decide(task, final), costs)

    def change(weights: np.ndarray | None) -> dict[str, float]:
        return {"cost": float(np.average(own - usual, weights=weights))}

    ends, n = {"cost": UNBOUNDED}, len(target)
    bounds = bootstrap_own_metrics(change, ends, n, groups, resamples, seed, level)["cost"]
    means = {"mean_cost": float(own.mean()), "usual": float(usual.mean())}
    return means | {"difference": change(None)["cost"]} | bounds._asdict() | {"level": level}


def format_costs(found: Mapping[str, Any]) -> list[str]:
    """Return a line on the mean cost, and a note where a gain is not certain."""
    line = (
        f"decisions by cost: mean cost {found['mean_cost']:.4f}, {found['difference']:+.4f} "
        f"[{found['low']:+.4f}, {found['high']:+.4f}] against the most probable classes"
    )
    note = (
        "note: no gain by costs is certain: ensemble.threshold=none does without them; "
        "ensemble.calibration may help, as they trust probabilities"
    )
    return [line] if found["high"] < 0 else [line, note]
