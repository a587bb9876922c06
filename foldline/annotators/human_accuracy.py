"""What a person reaches, and the most that any model can: labels of few people are not certain.

Both are scores against a label made of k judgements an item. A model that knows what everybody
would say on average still misses such labels, so its expected score is the ceiling, and one
person's score is not: a model may pass it without being wrong.
"""

from typing import Any

import numpy as np
import pandas as pd

from foldline.annotators.agreement import (
    Floats,
    Measure,
    Ratings,
    bootstrap_intervals,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from foldline.annotators.annotator_scores import (
    annotator_measures,
    score_against_others,
    self_agreement,
)
from foldline.annotators.label_ceiling import ceiling_class_scores


def agreement_report(of: Ratings, repeats: pd.DataFrame, scale: str, seed: int) -> dict[str, Any]:
    """Give all that is known of the people who judged: agreement, each of them, the ceiling."""
    measures: dict[str, Measure] = {"alpha": krippendorff_alpha(of, scale)}
    if scale != "interval":
        measures |= {
            "percent": percent_agreement(of),
            "cohen_kappa": cohen_kappa(of),
            "fleiss_kappa": fleiss_kappa(of),
        }
    return {
        "scale": scale,
        "items": len(of.items),
        "items_judged_twice": int((of.sizes > 1).sum()),
        "annotators": len(of.annotators),
        "judgements": len(of.item),
        "agreement": bootstrap_intervals(measures, len(of.items), seed),
        "against_rest": score_against_others(of, scale, seed),
        "self_agreement": self_agreement(repeats, scale, seed),
        "ceiling": estimate_ceiling(of, scale, seed),
    }


def estimate_ceiling(of: Ratings, scale: str, seed: int) -> dict[str, Any]:
    """Give the scores of `one_person` and of a `perfect` model, by metric, with their intervals.

    Classes have accuracy and macro-F1, numbers a correlation; an ordinal scale has both, its
    correlation by mid-ranks. Empty where no item was judged twice.
    """
    if not (of.sizes > 1).any() or len(of.values) < 2:
        return {}
    found: dict[str, Any] = {
        "one_person": bootstrap_intervals(annotator_measures(of, scale), len(of.items), seed),
        "perfect": {},
        "judgements_per_item": float(harmonic_mean_size(of, np.ones(len(of.items)))),
        "labels": [] if scale == "interval" else sorted(of.values),
    }
    if scale != "interval":
        found["perfect"] |= ceiling_class_scores(of, seed)
    if scale != "nominal":
        name = "spearman" if scale == "ordinal" else "pearson"
        measures = {"mean": reliability_measure(of, scale), name: ceiling_correlation(of, scale)}
        both = bootstrap_intervals(measures, len(of.items), seed)
        found["reliability"] = both.pop("mean")
        found["perfect"] |= both
    return found


def reliability_measure(of: Ratings, scale: str) -> Measure:
    """Give the reliability of an item's mean judgement, 0 to 1 (Spearman, 1910; Brown, 1910).

    One judgement's reliability is Krippendorff's alpha. Numbers of judgements may differ, so k is
    their harmonic mean: the error of a mean goes with 1/k.
    """
    alpha = krippendorff_alpha(of, scale)

    def mean(weights: Floats) -> Any:
        one, k = np.clip(alpha(weights), 0, 1), harmonic_mean_size(of, weights)
        return k * one / (1 + (k - 1) * one)

    return mean


def ceiling_correlation(of: Ratings, scale: str) -> Measure:
    """Give the correlation of the mean judgement with what it would be of infinitely many people.

    It is the root of the mean's reliability, if errors are independent of item and person.
    """
    mean = reliability_measure(of, scale)
    return lambda weights: np.sqrt(mean(weights))


def harmonic_mean_size(of: Ratings, weights: Floats) -> Any:
    """Give the harmonic mean of the items' numbers of judgements."""
    return weights.sum() / (weights @ (1 / of.sizes))


def format_agreement(found: dict[str, Any]) -> list[str]:
    """Say in lines for the terminal how far people agree, and what one of them reaches."""
    if not found:
        return []
    lines = [
        f"{found['annotators']} annotators, {found['items']} items, {found['judgements']} "
        f"judgements: Krippendorff's alpha ({found['scale']}) "
        f"{_format_interval(found['agreement']['alpha'])}"
    ]
    if not found["items_judged_twice"]:
        return ["no item was judged by two people, so their agreement cannot be told"]
    rest = {k: v for k, v in found["against_rest"].items() if k != "annotators"}
    for name, value in rest.items():
        lines.append(f"one annotator against the others: {name} {_format_interval(value)}")
    return lines


def _format_interval(found: dict[str, float]) -> str:
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
