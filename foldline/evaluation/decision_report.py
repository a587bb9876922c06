"""What `evaluate` reports on decisions: their costs, shares of classes, rows out of scope."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from foldline.core.errors import listing
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Evaluate
from foldline.ensembling.costs import compare_costs
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold
from foldline.ensembling.label_shift import find_shift, predict_unlabelled
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.prior_shift import make_prior_shift_report
from foldline.evaluation.scope import fit_scope, make_scope_report

PREDICT = "predict"


def make_decision_report(
    ensemble: Ensemble,
    labels: Labels,
    own: OutOfFold,
    parts: Mapping[str, EvaluationSet],
    rows: Mapping[str, pd.DataFrame],
    options: Evaluate,
    seed: int,
) -> dict[str, Any]:
    """Return `costs`, `prior_shift` and `in_scope`; each is empty where there is nothing to say.

    `own` are the members' out-of-fold predictions, `rows` those of the parts and, without labels,
    those of data.predict (`predict`); `seed` is that of params.yaml.
    """
    unlabelled, task = rows[PREDICT], labels.task
    new = {"test": (rows["test"], parts["test"].final)}
    final = own.combine(ensemble.method, ensemble.calibration_method)
    shift: dict[str, Any] = {}
    if len(unlabelled):
        predicted = predict_unlabelled(ensemble, unlabelled, labels)
        new[PREDICT] = (unlabelled, predicted)
        if task != "regression":
            found = find_shift(own, final, unlabelled, predicted, options.level)
            shift = make_prior_shift_report(labels, own, final, found, len(unlabelled))
    scope_seed = derive_seed(seed, "scope")
    scope = (
        fit_scope(rows["out_of_fold"], final, labels, scope_seed)
        if any(len(own) for own, _ in new.values())
        else None
    )
    return {
        "costs": _make_cost_report(labels, parts, options, derive_seed(seed, "costs")),
        "prior_shift": shift,
        "in_scope": make_scope_report(scope, new, labels, options.level),
    }


def _make_cost_report(
    labels: Labels, parts: Mapping[str, EvaluationSet], options: Evaluate, seed: int
) -> dict[str, Any]:
    """Return the mean cost of each part that has rows, where costs decide."""
    return {
        name: compare_costs(
            labels.task,
            part.target,
            part.final,
            labels.costs,
            part.groups,
            options.resamples,
            seed,
            options.level,
        )
        for name, part in parts.items()
        if labels.costs and len(part.target)
    }


def format_decision_report(report: Mapping[str, Any]) -> list[str]:
    """Return a line for each finding: costs, classes of other shares, rows out of scope."""
    lines = [
        f"{name}: mean cost {own['mean_cost']:.4f}, {own['difference']:+.4f} [{own['low']:+.4f}, "
        f"{own['high']:+.4f}] against the most probable classes"
        for name, own in report["costs"].items()
    ]
    shift = report["prior_shift"]
    if shift and shift["established"]:
        moved = [
            f"{name} {shift['train'][name]:.3f} -> {own['share']:.3f} [{own['low']:.3f}, "
            f"{own['high']:.3f}]"
            for name, own in shift["predict"].items()
            if own["established"]
        ]
        lines.append(
            f"note: data.predict has other shares of classes than the training rows: "
            f"{listing(moved, 3)}; ensemble.prior=predict adapts to them"
        )
    for name, own in report["in_scope"].items():
        if isinstance(own, dict) and own["out_of_scope"]:
            lines.append(
                f"note: {own['out_of_scope']} of {own['rows']} {name} rows are unlike all training "
                "rows (in_scope in reports/evaluation.json)"
            )
    return lines
