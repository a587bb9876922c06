"""Scores of predictions with intervals, beside those of members and baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from foldline.metrics.component_metrics import prepare_component_metrics, read_ends
from foldline.metrics.intervals import Interval, bootstrap_intervals, bootstrap_values
from foldline.metrics.registry import METRICS, measure, score_classes
from foldline.metrics.undefined import explain_undefined

# The few metrics that DVC shows; reports/evaluation.json has all.
HEADLINE_METRICS = {
    "classification": ("accuracy", "f1_macro", "f1_weighted", "roc_auc", "auprc", "ece"),
    "multilabel": ("accuracy", "f1_macro", "f1_micro", "f1_weighted", "roc_auc", "auprc", "ece"),
    "regression": ("pearson", "spearman", "rmse", "mae", "r2"),
}
# Resampled rows times outputs of a metric of probabilities or numbers: some seconds at most.
ROW_BUDGET, FEWEST = 10**8, 200


@dataclass(frozen=True)
class EvaluationSet:
    """Targets and predictions of a part; rows of one of the `groups` are not independent."""

    labels: Labels
    target: np.ndarray
    groups: np.ndarray
    final: np.ndarray
    members: Mapping[str, np.ndarray]
    baselines: Mapping[str, np.ndarray]


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

    `own_metrics` are those from components/; they stand beside the others. `undefined` has the
    reason for each metric that is NaN, `resamples` their number by metric: see `limit_resamples`.
    """
    task, target, main = part.labels.task, part.target, MAIN[part.labels.task]
    classes, fewer = part.labels.classes, limit_resamples(part.final, resamples)
    n_resamples = {
        name: resamples if metric.of_labels else fewer for name, metric in METRICS[task].items()
    } | {metric.name: fewer for metric in own_metrics}

    def find_intervals(values: np.ndarray, names: Sequence[str]) -> dict[str, Interval]:
        found: dict[str, Interval] = {}
        for number in {n_resamples[name]: None for name in names}:
            same = [name for name in names if n_resamples[name] == number]
            found |= bootstrap_intervals(
                task, target, values, part.groups, number, seed, level, same, classes=classes
            )
        return found

    def score_main_metric(values: np.ndarray) -> dict[str, Any]:
        interval = find_intervals(values, [main])[main]._asdict()
        return score_all(values) | interval | {"undefined": explain(values)}

    def score_all(values: np.ndarray) -> dict[str, float]:
        own = prepare_component_metrics(own_metrics, task, target, values)(None)
        return measure(task, target, values, classes=classes) | own

    def explain(values: np.ndarray) -> dict[str, str]:
        return explain_undefined(task, target, values, classes=classes)

    intervals = find_intervals(part.final, list(METRICS[task]))
    compute = prepare_component_metrics(own_metrics, task, target, part.final)
    ends = {metric.name: read_ends(metric) for metric in own_metrics}
    intervals |= bootstrap_values(compute, ends, len(target), part.groups, fewer, seed, level)
    scores: dict[str, Any] = {
        "metrics": score_all(part.final),
        "undefined": explain(part.final),
        "interval": {name: interval._asdict() for name, interval in intervals.items()},
        "resamples": n_resamples,
        "members": {name: score_main_metric(values) for name, values in part.members.items()},
        "baselines": {name: score_main_metric(values) for name, values in part.baselines.items()},
    }
    if part.labels.classes:
        scores["classes"] = score_classes(target, part.final, part.labels.classes)
    return scores


def limit_resamples(predictions: np.ndarray, resamples: int) -> int:
    """Return the number of resamples of metrics that need every row's probabilities or number.

    It falls from `resamples` to FEWEST with rows times outputs. Metrics of labels alone cost their
    confusion table, whatever the number of rows.
    """
    return min(resamples, max(FEWEST, ROW_BUDGET // max(1, predictions.size)))


def score_predictions(table: pd.DataFrame, labels: Labels) -> dict[str, float]:
    """Return the headline metrics of a table of predictions; none without rows."""
    if table.empty:
        return {}
    scores = measure(labels.task, labels.encode(table["label"]), labels.predictions(table))
    return {name: scores[name] for name in HEADLINE_METRICS[labels.task]}
