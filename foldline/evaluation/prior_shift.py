"""Whether the classes of data.predict have other shares than those of the training rows.

Its rows have no labels: only the shares of their classes are estimated, by their predictions.
"""

from typing import Any

import numpy as np

from foldline.core.io.labels import MAIN, Labels
from foldline.ensembling.ensemble_fit import OutOfFold
from foldline.ensembling.priors import Shift, reweight
from foldline.metrics.registry import measure


def make_prior_shift_report(
    labels: Labels, own: OutOfFold, final: np.ndarray, shift: Shift, rows: int
) -> dict[str, Any]:
    """Return the shares of classes in training and new rows, and what the change would do.

    `final` are the final out-of-fold predictions. `expected_change` has accuracy and main metric of
    those rows as they are (`offline`), weighted to the new shares (`online`), and then with
    probabilities that are adapted to them (`adapted`); not for multilabel, whose labels shift
    together.
    """
    names = labels.classes
    predict = {
        name: {
            "share": float(shift.share[k]),
            "low": float(shift.low[k]),
            "high": float(shift.high[k]),
            "by_decisions": float(shift.by_decisions[k]),
            "established": bool(shift.established[k]),
        }
        for k, name in enumerate(names)
    }
    return {
        "rows": rows,
        "train": dict(zip(names, shift.train.tolist(), strict=True)),
        "predict": predict,
        "established": bool(shift.established.any()),
        "expected_change": _expect_scores(labels, own, final, shift),
    }


def _expect_scores(
    labels: Labels, own: OutOfFold, final: np.ndarray, shift: Shift
) -> dict[str, dict[str, float]]:
    task, target = labels.task, own.target
    if task != "classification":
        return {}
    known = target >= 0
    target, final = target[known], final[known]
    weights = (shift.share / shift.train)[target]
    adapted = reweight(final, shift.weights, task)
    names = ["accuracy", MAIN[task]]

    def score(values: np.ndarray, weights: np.ndarray | None) -> dict[str, float]:
        return measure(task, target, values, weights, names, labels.decide(values))

    found = {
        "offline": score(final, None),
        "online": score(final, weights),
        "adapted": score(adapted, weights),
    }
    return {name: {when: own[name] for when, own in found.items()} for name in names}
