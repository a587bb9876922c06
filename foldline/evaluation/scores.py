"""Scores of predictions with intervals, beside those of members and baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.components import Component
from foldline.core.io.labels import MAIN, Labels
from foldline.core.params import Evaluate
from foldline.ensembling.baselines import predict_baselines
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import read_out_of_fold
from foldline.ensembling.members import read_predictions
from foldline.evaluation.external import Answers
from foldline.metrics.component_metrics import prepare_component_metrics
from foldline.metrics.intervals import bootstrap_intervals, bootstrap_values
from foldline.metrics.registry import measure, score_classes

# The few metrics that DVC shows; reports/evaluation.json has all.
HEADLINE_METRICS = {
    "classification": ("accuracy", "f1_macro", "f1_weighted", "roc_auc", "auprc", "ece"),
    "multilabel": ("accuracy", "f1_macro", "f1_micro", "f1_weighted", "roc_auc", "auprc", "ece"),
    "regression": ("pearson", "spearman", "rmse", "mae", "r2"),
}


@dataclass(frozen=True)
class EvaluationSet:
    """Targets and predictions of a part; rows of one of the `groups` are not independent.

    `external` are the answers of other systems or people.
    """

    labels: Labels
    target: np.ndarray
    groups: np.ndarray
    final: np.ndarray
    members: Mapping[str, np.ndarray]
    baselines: Mapping[str, np.ndarray]
    external: Mapping[str, Answers] = field(default_factory=dict)


def make_evaluation_set(
    rows: pd.DataFrame, labels: Labels, ensemble: Ensemble, members: dict[str, np.ndarray]
) -> EvaluationSet:
    """Return rows with the predictions of the ensemble, its members and the baselines."""
    return EvaluationSet(
        labels=labels,
        target=labels.encode(rows["label"]),
        groups=rows["group"].to_numpy(dtype=str),
        final=ensemble.combine(members, rows, labels.task),
        members=members,
        baselines=predict_baselines(rows),
    )


def make_out_of_fold_set(
    rows: pd.DataFrame, labels: Labels, ensemble: Ensemble, table: pd.DataFrame, seed: int
) -> EvaluationSet:
    """Return training and validation rows with their out-of-fold predictions.

    Each fold is combined by what was fitted to the other folds. Members that do not vote are the
    baselines.
    """
    own = read_out_of_fold(table, rows, ensemble.members, labels, seed, ensemble.revisions)
    others = sorted(set(table["member"]) - set(ensemble.members))
    ids = rows["id"].tolist()
    return EvaluationSet(
        labels=labels,
        target=own.target,
        groups=own.groups,
        final=own.combine(ensemble.method),
        members=own.predictions,
        baselines={
            name: labels.predictions(read_predictions(schemas.OUT_OF_FOLD, table, name, ids))
            for name in others
        },
    )


def score_parts(
    parts: Mapping[str, EvaluationSet],
    options: Evaluate,
    seed: int,
    own_metrics: Sequence[Component] = (),
) -> dict[str, dict[str, Any]]:
    """Return the scores of each part that has rows; see `score`."""
    return {
        name: score(part, options.resamples, options.level, seed, own_metrics)
        for name, part in parts.items()
        if len(part.target)
    }


def score(
    part: EvaluationSet,
    resamples: int,
    level: float,
    seed: int,
    own_metrics: Sequence[Component] = (),
) -> dict[str, Any]:
    """Return all metrics with intervals, by member and baseline, and by class.

    `own_metrics` are those from components/; they stand beside the others.

    Intervals are percentiles of a bootstrap over groups (Efron, 1979): duplicates count once.
    """
    task, target, main = part.labels.task, part.target, MAIN[part.labels.task]

    def score_main_metric(values: np.ndarray) -> dict[str, float]:
        intervals = bootstrap_intervals(
            task, target, values, part.groups, resamples, seed, level, [main]
        )
        own = prepare_component_metrics(own_metrics, task, target, values)(None)
        return measure(task, target, values) | own | intervals[main]._asdict()

    intervals = bootstrap_intervals(task, target, part.final, part.groups, resamples, seed, level)
    compute = prepare_component_metrics(own_metrics, task, target, part.final)
    names = [metric.name for metric in own_metrics]
    intervals |= bootstrap_values(compute, names, len(target), part.groups, resamples, seed, level)
    scores: dict[str, Any] = {
        "metrics": measure(task, target, part.final) | compute(None),
        "interval": {name: interval._asdict() for name, interval in intervals.items()},
        "members": {name: score_main_metric(values) for name, values in part.members.items()},
        "baselines": {name: score_main_metric(values) for name, values in part.baselines.items()},
        "external": {
            name: own.drop_undefined(score_main_metric(own.values))
            for name, own in part.external.items()
        },
    }
    if part.labels.classes:
        scores["classes"] = score_classes(target, part.final, part.labels.classes)
    return scores


def score_predictions(table: pd.DataFrame, labels: Labels) -> dict[str, float]:
    """Return the headline metrics of a table of predictions; none without rows."""
    if table.empty:
        return {}
    scores = measure(labels.task, labels.encode(table["label"]), labels.predictions(table))
    return {name: scores[name] for name in HEADLINE_METRICS[labels.task]}
