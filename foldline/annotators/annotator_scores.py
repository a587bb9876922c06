"""How each person judges against the others, and against their own earlier judgement."""

from collections.abc import Mapping
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

MAX_ANNOTATORS = 50  # people, those with the most judgements


def score_against_others(of: Ratings, scale: str, seed: int) -> dict[str, Any]:
    """Score every judgement against those of the others on its item, for all people and for each.

    On a nominal or ordinal scale: accuracy and macro-F1 against the majority of at least two
    others, ties left out (of one other, where nobody has two). On an ordinal or interval scale:
    the correlation with the mean of the others, in values or, if ordinal, in mid-ranks.
    """
    total = annotator_measures(of, scale)
    if not total:
        return {}
    shown = np.argsort(-np.bincount(of.annotator), kind="stable")[:MAX_ANNOTATORS]
    measures = dict(total)
    for person in shown.tolist():
        own = annotator_measures(of, scale, of.annotator == person)
        measures |= {f"{person}/{name}": measure for name, measure in own.items()}
    found = bootstrap_intervals(measures, len(of.items), seed)
    people = [
        {"annotator": of.annotators[person], "judgements": int((of.annotator == person).sum())}
        | {name: found[f"{person}/{name}"] for name in total if f"{person}/{name}" in found}
        for person in shown.tolist()
    ]
    return {name: found[name] for name in total} | {"annotators": people}


def annotator_measures(of: Ratings, scale: str, chosen: Any = None) -> dict[str, Measure]:
    """Give the measures of `score_against_others` over chosen judgements (n,), all by default."""
    own = np.ones(len(of.item), dtype=bool) if chosen is None else chosen
    measures: dict[str, Measure] = {}
    if scale != "interval":
        others = of.sizes[of.item] - 1
        truth = of.rest
        known = (truth >= 0) & own & (others >= min(2, others.max(initial=0)))
        if known.any():
            measures |= classification_measures(truth[known], of.value[known], of.item[known], of)
    if scale != "nominal":
        known = own & (of.sizes[of.item] > 1)
        if known.any():
            name = "spearman" if scale == "ordinal" else "pearson"
            numbers = scale_numbers(of, scale)[of.value]
            mean = _mean_of_others(of, numbers)
            measures[name] = correlation_measure(numbers[known], mean[known], of.item[known])
    return measures


def scale_numbers(of: Ratings, scale: str) -> Floats:
    """Give each value's number (c,): its mid-rank on an ordinal scale."""
    if scale != "ordinal":
        return of.numbers
    return mid_ranks(np.bincount(of.value, minlength=len(of.values)).astype(np.float64))


def classification_measures(
    truth: Codes, said: Codes, item: Codes, of: Ratings
) -> dict[str, Measure]:
    """Give accuracy and macro-F1 (over classes that occur) of codes (k,) on these items."""
    size = len(of.values)

    def f1_macro(weights: Floats) -> Any:
        weight = weights[item]
        hits = np.bincount(truth, weight * (truth == said), minlength=size)
        total = np.bincount(truth, weight, minlength=size)
        total = total + np.bincount(said, weight, minlength=size)
        there = total > 0
        return (2 * hits[there] / total[there]).mean() if there.any() else float("nan")

    def accuracy(weights: Floats) -> Any:
        weight = weights[item]
        return weight @ (truth == said) / weight.sum() if weight.any() else float("nan")

    return {"accuracy": accuracy, "f1_macro": f1_macro}


def correlation_measure(one: Floats, other: Floats, item: Codes) -> Measure:
    """Give Pearson's correlation of numbers (k,) on these items."""

    def pearson(weights: Floats) -> Any:
        weight = weights[item]
        total = weight.sum()
        if not total:
            return float("nan")
        a, b = one - weight @ one / total, other - weight @ other / total
        scale = np.sqrt((weight @ a**2) * (weight @ b**2))
        return weight @ (a * b) / scale if scale > 1e-12 else float("nan")

    return pearson


def self_agreement(repeats: pd.DataFrame, scale: str, seed: int) -> dict[str, Any]:
    """Give the share of repeats (`id`, `annotator`, `first`, `label`) that say the same again.

    On an interval scale the correlation, too; on any, each person's share and count.
    """
    if repeats.empty:
        return {}
    items, item = np.unique(repeats["id"].to_numpy(dtype=str), return_inverse=True)
    kind = np.dtype(str) if scale == "nominal" else np.dtype(np.float64)
    first, again = (_typed_values(repeats[name], kind) for name in ("first", "label"))
    same = first == again
    people = repeats["annotator"].to_numpy(dtype=str)
    measures = {"agreement": _agreement_measure(same, item)}
    if scale == "interval":
        measures["pearson"] = correlation_measure(first, again, item)
    names = sorted(set(people.tolist()), key=lambda name: (-int((people == name).sum()), name))
    for name in names[:MAX_ANNOTATORS]:
        own = people == name
        measures[f"/{name}"] = _agreement_measure(same[own], item[own])
    found = bootstrap_intervals(measures, len(items), seed)
    each = [
        {"annotator": name, "repeats": int((people == name).sum())} | found[f"/{name}"]
        for name in names[:MAX_ANNOTATORS]
    ]
    totals: Mapping[str, Any] = {k: v for k, v in found.items() if not k.startswith("/")}
    return {"repeats": len(repeats)} | dict(totals) | {"annotators": each}


def _typed_values(column: "pd.Series[Any]", kind: np.dtype[Any]) -> Any:
    try:
        return column.to_numpy(dtype=str).astype(kind)
    except ValueError:  # an ordinal scale may be one of words
        return column.to_numpy(dtype=str)


def _agreement_measure(same: Any, item: Codes) -> Measure:
    def share(weights: Floats) -> Any:
        weight = weights[item]
        return weight @ same / weight.sum() if weight.any() else float("nan")

    return share


def _mean_of_others(of: Ratings, numbers: Floats) -> Floats:
    total = np.bincount(of.item, numbers, minlength=len(of.items))
    others = of.sizes[of.item] - 1
    found: Floats = (total[of.item] - numbers) / np.maximum(others, 1)
    return found
