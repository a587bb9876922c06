"""Scores of predictions with intervals, beside those of members and baselines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.components import Component
from foldline.core.io.labels import MAIN, Labels
from foldline.core.params import Evaluate
from foldline.evaluation.parts import EvaluationSet
from foldline.metrics.component_metrics import prepare_component_metrics, read_ends
from foldline.metrics.intervals import Interval, bootstrap_intervals, bootstrap_own_metrics
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

    `own_metrics` are those from components/; they stand beside the others. Among the baselines are
    the bounds, with `bound` and the number of `rows` whose label they have seen. `undefined` has
    the reason for each metric that is NaN, `resamples` their number by metric: see
    `limit_resamples`.
    """
    task, main = part.labels.task, MAIN[part.labels.task]
    fewer = limit_resamples(part.final, resamples)
    n_resamples = {
        name: resamples if metric.of_labels else fewer for name, metric in METRICS[task].items()
    }

    def score_main_metric(values: np.ndarray) -> dict[str, Any]:
        interval = _find_intervals(part, values, {main: n_resamples[main]}, seed, level)[main]
        reasons = {"undefined": _explain(part, values)}
        return _score_all(part, values, own_metrics) | interval._asdict() | reasons

    decided = part.decided
    intervals = _find_intervals(part, part.final, n_resamples, seed, level, decided)
    if own_metrics:
        compute = prepare_component_metrics(own_metrics, task, part.target, part.final)
        ends = {metric.name: read_ends(metric) for metric in own_metrics}
        n_resamples |= dict.fromkeys(ends, fewer)
        n = len(part.target)
        intervals |= bootstrap_own_metrics(compute, ends, n, part.groups, fewer, seed, level)
    scores: dict[str, Any] = {
        "metrics": _score_all(part, part.final, own_metrics, decided),
        "undefined": _explain(part, part.final),
        "interval": {name: interval._asdict() for name, interval in intervals.items()},
        "resamples": n_resamples,
        "members": {name: score_main_metric(values) for name, values in part.members.items()},
        "baselines": {name: score_main_metric(values) for name, values in part.baselines.items()}
        | {
            name: score_main_metric(own.values) | {"bound": True, "rows": own.rows}
            for name, own in part.bounds.items()
        },
        "external": {
            name: own.drop_undefined(score_main_metric(own.values))
            for name, own in part.external.items()
        },
    }
    if part.labels.classes:
        codes = part.final if decided is None else decided
        scores["classes"] = score_classes(part.target, codes, part.labels.classes)
    return scores


def _score_all(
    part: EvaluationSet,
    values: np.ndarray,
    own_metrics: Sequence[Component],
    decided: np.ndarray | None = None,
) -> dict[str, float]:
    labels, target = part.labels, part.target
    own = prepare_component_metrics(own_metrics, labels.task, target, values)(None)
    scores = measure(labels.task, target, values, predicted=decided, classes=labels.classes)
    return scores | own


def _explain(part: EvaluationSet, values: np.ndarray) -> dict[str, str]:
    labels = part.labels
    return explain_undefined(labels.task, part.target, values, classes=labels.classes)


def _find_intervals(
    part: EvaluationSet,
    values: np.ndarray,
    n_resamples: Mapping[str, int],
    seed: int,
    level: float,
    decided: np.ndarray | None = None,
) -> dict[str, Interval]:
    """Return the intervals of the metrics named, each of its number of resamples."""
    found: dict[str, Interval] = {}
    for number in dict.fromkeys(n_resamples.values()):
        found |= bootstrap_intervals(
            part.labels.task,
            part.target,
            values,
            part.groups,
            number,
            seed,
            level,
            [name for name, own in n_resamples.items() if own == number],
            decided,
            classes=part.labels.classes,
        )
    return found


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
