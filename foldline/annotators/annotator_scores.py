"""Scores of each annotator against the others, and against their own earlier judgements."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from foldline.annotators.agreement import (
    Codes,
    Floats,
    Measure,
    Ratings,
    bootstrap_intervals,
    mid_ranks,
)

MAX_ANNOTATORS = 50  # listed: those with the most judgements


def score_against_others(ratings: Ratings, scale: str, seed: int) -> dict[str, Any]:
    """Return scores of judgements against the others' on the same item, overall and by annotator.

    Nominal and ordinal scales: accuracy and macro-F1 against the majority of at least two others,
    without ties (of one other, where nobody has two). Ordinal and interval scales: the
    correlation with the mean of the others, in values or, if ordinal, in mid-ranks.
    """
    overall = annotator_measures(ratings, scale)
    if not overall:
        return {}
    listed = np.argsort(-np.bincount(ratings.annotator), kind="stable")[:MAX_ANNOTATORS].tolist()
    measures = dict(overall)
    for annotator in listed:
        own = annotator_measures(ratings, scale, ratings.annotator == annotator)
        measures |= {f"{annotator}/{name}": measure for name, measure in own.items()}
    intervals = bootstrap_intervals(measures, len(ratings.items), seed)
    annotators = [
        {
            "annotator": ratings.annotators[annotator],
            "judgements": int((ratings.annotator == annotator).sum()),
        }
        | {
            name: intervals[f"{annotator}/{name}"]
            for name in overall
            if f"{annotator}/{name}" in intervals
        }
        for annotator in listed
    ]
    return {name: intervals[name] for name in overall} | {"annotators": annotators}


def annotator_measures(ratings: Ratings, scale: str, selected: Any = None) -> dict[str, Measure]:
    """Return the measures of `score_against_others` over `selected` judgements, (n,) bool."""
    selected = np.ones(len(ratings.item), dtype=bool) if selected is None else selected
    measures: dict[str, Measure] = {}
    if scale != "interval":
        others = ratings.sizes[ratings.item] - 1
        majority = ratings.majority_of_others
        scored = (majority >= 0) & selected & (others >= min(2, others.max(initial=0)))
        if scored.any():
            measures |= classification_measures(
                majority[scored], ratings.value[scored], ratings.item[scored], ratings
            )
    if scale != "nominal":
        scored = selected & (ratings.sizes[ratings.item] > 1)
        if scored.any():
            name = "spearman" if scale == "ordinal" else "pearson"
            numbers = scale_numbers(ratings, scale)[ratings.value]
            mean = _mean_of_others(ratings, numbers)
            measures[name] = correlation_measure(
                numbers[scored], mean[scored], ratings.item[scored]
            )
    return measures


def scale_numbers(ratings: Ratings, scale: str) -> Floats:
    """Return the number of each value (c,): its mid-rank on an ordinal scale."""
    if scale != "ordinal":
        return ratings.numbers
    return mid_ranks(np.bincount(ratings.value, minlength=len(ratings.values)).astype(np.float64))


def classification_measures(
    truth: Codes, predicted: Codes, item: Codes, ratings: Ratings
) -> dict[str, Measure]:
    """Return accuracy and macro-F1 (over the classes that occur) of codes (k,) on `item` (k,)."""
    size = len(ratings.values)

    def f1_macro(weights: Floats) -> Any:
        weight = weights[item]
        hits = np.bincount(truth, weight * (truth == predicted), minlength=size)
        total = np.bincount(truth, weight, minlength=size)
        total = total + np.bincount(predicted, weight, minlength=size)
        occurs = total > 0
        return (2 * hits[occurs] / total[occurs]).mean() if occurs.any() else float("nan")

    def accuracy(weights: Floats) -> Any:
        weight = weights[item]
        return weight @ (truth == predicted) / weight.sum() if weight.any() else float("nan")

    return {"accuracy": accuracy, "f1_macro": f1_macro}


def correlation_measure(first: Floats, second: Floats, item: Codes) -> Measure:
    """Return Pearson's correlation of numbers (k,) on `item` (k,)."""

    def pearson(weights: Floats) -> Any:
        weight = weights[item]
        total = weight.sum()
        if not total:
            return float("nan")
        a, b = first - weight @ first / total, second - weight @ second / total
        scale = np.sqrt((weight @ a**2) * (weight @ b**2))
        return weight @ (a * b) / scale if scale > 1e-12 else float("nan")

    return pearson


def self_agreement(repeats: pd.DataFrame, scale: str, seed: int) -> dict[str, Any]:
    """Return how often repeats (`id`, `annotator`, `first`, `label`) equal the first judgement.

    Interval scales also have the correlation; every scale has each annotator's share and count.
    """
    if repeats.empty:
        return {}
    items, item = np.unique(repeats["id"].to_numpy(dtype=str), return_inverse=True)
    dtype = np.dtype(str) if scale == "nominal" else np.dtype(np.float64)
    first, repeated = (_typed_values(repeats[name], dtype) for name in ("first", "label"))
    same = first == repeated
    annotators = repeats["annotator"].to_numpy(dtype=str)
    measures = {"agreement": _agreement_measure(same, item)}
    if scale == "interval":
        measures["pearson"] = correlation_measure(first, repeated, item)
    counts = Counter(annotators.tolist())
    listed = sorted(counts, key=lambda name: (-counts[name], name))[:MAX_ANNOTATORS]
    for name in listed:
        own = annotators == name
        measures[f"/{name}"] = _agreement_measure(same[own], item[own])
    intervals = bootstrap_intervals(measures, len(items), seed)
    totals = {name: value for name, value in intervals.items() if not name.startswith("/")}
    each = [{"annotator": name, "repeats": counts[name]} | intervals[f"/{name}"] for name in listed]
    return {"repeats": len(repeats)} | totals | {"annotators": each}


def _typed_values(column: "pd.Series[Any]", dtype: np.dtype[Any]) -> Any:
    try:
        return column.to_numpy(dtype=str).astype(dtype)
    except ValueError:  # labels of an ordinal scale may be words
        return column.to_numpy(dtype=str)


def _agreement_measure(same: Any, item: Codes) -> Measure:
    def share(weights: Floats) -> Any:
        weight = weights[item]
        return weight @ same / weight.sum() if weight.any() else float("nan")

    return share


def _mean_of_others(ratings: Ratings, numbers: Floats) -> Floats:
    total = np.bincount(ratings.item, numbers, minlength=len(ratings.items))
    others = ratings.sizes[ratings.item] - 1
    means: Floats = (total[ratings.item] - numbers) / np.maximum(others, 1)
    return means
