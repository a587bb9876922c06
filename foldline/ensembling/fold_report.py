"""The report of a cross-validation: each member's scores, how sure they are, and what they show."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.seeds import derive_seed
from foldline.ensembling.chain_gap import format_chain, summarize_chain
from foldline.ensembling.cross_validation import CrossValidation, FoldResult
from foldline.ensembling.fit_verdict import Score, judge_fit, read_score, score_constant
from foldline.metrics.fold_statistics import (
    corrected_interval,
    decompose_error,
    estimate_components,
)
from foldline.metrics.intervals import bootstrap_intervals
from foldline.metrics.registry import measure

RESAMPLES, LEVEL = 1_000, 0.95
# Metrics of all out-of-fold predictions together; those by rank take many times as long.
POOLED = {
    "classification": ("accuracy", "f1_macro", "f1_weighted", "log_loss", "brier"),
    "multilabel": ("accuracy", "f1_macro", "f1_micro", "log_loss", "brier"),
    "regression": ("pearson", "spearman", "rmse", "mae", "r2"),
}


def describe_folds(result: CrossValidation, seed: int) -> dict[str, Any]:
    """Return the report: all metrics of each fold, and what they say about each member."""
    metric, level = MAIN[result.labels.task], {"level": LEVEL}
    folds = [
        numbers | _score_interval(own, derive_seed(seed, "folds", own.fold.number))
        for numbers, own in zip(result.describe()["folds"], result.results, strict=True)
    ]
    members = {name: _describe_member(result, name, seed) for name in result.members}
    return {"metric": metric} | level | {"folds": folds, "members": members}


def _score_interval(result: FoldResult, seed: int) -> dict[str, float]:
    """Return the interval of a fold's main metric."""
    labels, rows = result.fold.labels, result.fold.held_out
    metric, groups = MAIN[labels.task], rows["group"].tolist()
    target, values = labels.encode(rows["label"]), result.fit.predictions
    intervals = bootstrap_intervals(
        labels.task, target, values, groups, RESAMPLES, seed, LEVEL, [metric]
    )
    return intervals[metric]._asdict()


def _describe_member(result: CrossValidation, member: str, seed: int) -> dict[str, Any]:
    task, metric = result.labels.task, MAIN[result.labels.task]
    own = [fold for fold in result.results if fold.fold.member == member]
    scores = _arrange_scores(own, metric)
    by_fold = scores.mean(axis=1).ravel()  # of a fold's trainings, which share their rows
    interval = corrected_interval(by_fold, 1 / (scores.shape[2] - 1), LEVEL)
    target, pooled = _score_pooled(result, member, seed)
    report: dict[str, Any] = {
        "mean": float(scores.mean()),
        "std": float(np.std(scores, ddof=1)),
        "worst": float(scores.min()),
        "corrected": interval._asdict(),
        "pooled": pooled,
        "train": _average_training_score(own, metric),
        "components": estimate_components(scores)._asdict(),
        "decomposition": _decompose(own, result.labels),
    }
    details = [fold.fit.details for fold in own]
    if chained := summarize_chain(details, 1 / (scores.shape[2] - 1), LEVEL):
        report["chain"] = chained
    verdict = judge_fit(
        task,
        metric,
        read_score(report["train"], metric, "train"),
        Score(**pooled[metric], where="out of fold"),
        score_constant(task, target, metric),
        own[0].fold.recipe,
        [fold.fit.training.history for fold in own],
    )
    return report | {"verdict": asdict(verdict) if verdict else None}


def _arrange_scores(results: list[FoldResult], metric: str) -> np.ndarray:
    """Return a metric of each fold: (divisions, seeds, folds)."""
    cells = _group_results(results)
    scores = np.full(np.max(list(cells), axis=0) + 1, np.nan)
    for cell, own in cells.items():
        labels, rows = own[0].fold.labels, own[0].fold.held_out
        values = np.mean([result.fit.predictions for result in own], axis=0)
        target = labels.encode(rows["label"])
        scores[cell] = measure(labels.task, target, values, names=[metric])[metric]
    return scores


def _group_results(results: list[FoldResult]) -> dict[tuple[int, int, int], list[FoldResult]]:
    """Return the results by division, training and fold; their mean is the member's prediction."""
    cells: dict[tuple[int, int, int], list[FoldResult]] = {}
    for result in results:
        cell = (result.fold.repeat, result.fold.training, result.fold.number)
        cells.setdefault(cell, []).append(result)
    return cells


def _score_pooled(
    result: CrossValidation, member: str, seed: int
) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """Return the target, and metrics with intervals of a member's out-of-fold predictions."""
    labels, table = result.labels, result.make_table()
    table = table[table["member"] == member]
    groups = result.results[0].fold.rows.set_index("id")["group"].loc[table["id"]].tolist()
    target, values = labels.encode(table["label"]), labels.predictions(table)
    names = POOLED[labels.task]
    intervals = bootstrap_intervals(
        labels.task, target, values, groups, RESAMPLES, derive_seed(seed, "folds"), LEVEL, names
    )
    scores = measure(labels.task, target, values, names=names)
    return target, {name: {"value": scores[name]} | intervals[name]._asdict() for name in names}


def _average_training_score(results: list[FoldResult], metric: str) -> dict[str, float] | None:
    """Return the mean over folds of the score of learnt rows, and of its bounds."""
    found = [result.fit.details.get("train") for result in results]
    if not all(found):
        return None
    return {
        name: float(np.mean([np.nan if own[name] is None else own[name] for own in found if own]))
        for name in (metric, "low", "high")
    }


def _decompose(results: list[FoldResult], labels: Labels) -> dict[str, float] | None:
    """Return bias and variance by several trainings of the same rows; None for one training."""
    trainings: dict[tuple[int, int], dict[str, Any]] = {}
    for (repeat, training, _), own in _group_results(results).items():
        averaged = np.mean([result.fit.predictions for result in own], axis=0)
        ids = own[0].fold.held_out["id"].tolist()
        trainings.setdefault((repeat, training), {}).update(zip(ids, averaged, strict=True))
    if len(trainings) < 2:
        return None
    rows = results[0].fold.rows
    target = labels.encode(rows["label"])
    if labels.task == "classification":
        target = np.eye(len(labels.classes))[target]
    predictions = [[values[name] for name in rows["id"]] for values in trainings.values()]
    return decompose_error(target.astype(np.float64), np.array(predictions))._asdict()


def format_folds(report: Mapping[str, Any], task: str) -> list[str]:
    """Return the report as lines for the terminal."""
    metric, level, members = report["metric"], report["level"], report["members"]
    width = max(map(len, members))
    counts = {name: sum(own["member"] == name for own in report["folds"]) for name in members}
    lines = [f"{metric} out of fold [{level:.0%} interval], mean of folds [corrected interval]"]
    for name, own in members.items():
        pooled, interval = own["pooled"][metric], own["corrected"]
        lines.append(
            f"{name:<{width}}  {pooled['value']:.4f} [{pooled['low']:.4f}, {pooled['high']:.4f}]"
            f"  {own['mean']:.4f} +- {own['std']:.4f} of {counts[name]} "
            f"[{interval['low']:.4f}, {interval['high']:.4f}]"
        )
    for name, own in members.items():
        lines += [f"{name}: {line}" for line in _explain(own, task)]
        if "chain" in own:
            lines.append(f"{name}: {format_chain(own['chain'], metric)}")
    return lines


def _explain(member: Mapping[str, Any], task: str) -> list[str]:
    lines = [member["verdict"]["line"]] if member["verdict"] else []
    parts, squares = member["components"], member["decomposition"]
    words = {"seeds": "another seed", "divisions": "another division into folds"}
    known = [f"{parts[k]:.4f} by {words[k]}" for k in words if np.isfinite(parts[k])]
    if known:
        lines.append(
            f"standard deviation of one fold {parts['folds']:.4f}; of the mean of all folds "
            + ", ".join(known)
        )
    if squares:
        name = "mean squared error" if task == "regression" else "Brier score"
        lines.append(
            f"{name} of one model {squares['error']:.4f} = {squares['bias']:.4f} bias and noise + "
            f"{squares['variance']:.4f} variance, which averaging models removes"
        )
    return lines
