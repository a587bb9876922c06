"""The agreement report, and the highest score that a model can reach on labels of few annotators.

Scores are against a label made of k judgements an item. Even a perfect model, which knows what
most people would say, misses some of these labels: its expected score is the ceiling. One
annotator's score is not a ceiling; a model may exceed it without being wrong.

Few judgements are a sample of all people's opinions of an item. Two models of those opinions are
fitted, and the likelier one is used (BIC; Schwarz, 1978):

- `ambiguous items`: each item has its own shares of values, Dirichlet around the overall shares,
  with Krippendorff's alpha as the correlation within items (Mosimann, 1962);
- `slips`: each item has one true value, and people err by a confusion table that all of them
  share (Dawid and Skene, 1979, with pooled annotators). It needs three judgements an item.

Both treat annotators as exchangeable. Ambiguous items give a lower ceiling than slips. Where the
judgements are too few to decide, the simpler first model is used.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foldline.annotators.agreement import (
    Floats,
    Measure,
    Ratings,
    bootstrap_intervals,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
    percentile_interval,
    plurality_values,
)
from foldline.annotators.annotator_scores import (
    annotator_measures,
    classification_measures,
    score_against_others,
    self_agreement,
)
from foldline.core.io.seeds import generator

DRAWS = 200
MAX_SAMPLED_VALUES = 100_000_000  # lowers DRAWS where there are many items and classes
MAX_ITERATIONS = 100  # of expectation and maximisation
# From a generator and item numbers (k,) to a sampled majority opinion of each item: (k,).
OpinionSampler = Callable[[np.random.Generator, Any], Any]
Evidence = Callable[[], float]  # -BIC / 2


def agreement_report(
    ratings: Ratings, repeats: pd.DataFrame, scale: str, seed: int
) -> dict[str, Any]:
    """Return agreement, the scores of each annotator, and the label ceiling."""
    measures: dict[str, Measure] = {"alpha": krippendorff_alpha(ratings, scale)}
    if scale != "interval":
        measures |= {
            "percent": percent_agreement(ratings),
            "cohen_kappa": cohen_kappa(ratings),
            "fleiss_kappa": fleiss_kappa(ratings),
        }
    return {
        "scale": scale,
        "items": len(ratings.items),
        "items_judged_twice": int((ratings.sizes > 1).sum()),
        "annotators": len(ratings.annotators),
        "judgements": len(ratings.item),
        "agreement": bootstrap_intervals(measures, len(ratings.items), seed),
        "against_rest": score_against_others(ratings, scale, seed),
        "self_agreement": self_agreement(repeats, scale, seed),
        "ceiling": estimate_ceiling(ratings, scale, seed),
    }


def format_agreement(report: dict[str, Any]) -> list[str]:
    """Return lines for the terminal: alpha, and how one annotator scores against the others."""
    if not report:
        return []
    if not report["items_judged_twice"]:
        return ["no item was judged by two people, so agreement cannot be measured"]
    lines = [
        f"{report['annotators']} annotators, {report['items']} items, {report['judgements']} "
        f"judgements: Krippendorff's alpha ({report['scale']}) "
        f"{_format_interval(report['agreement']['alpha'])}"
    ]
    for name, interval in report["against_rest"].items():
        if name != "annotators":
            lines.append(f"one annotator against the others: {name} {_format_interval(interval)}")
    return lines


def _format_interval(interval: dict[str, float]) -> str:
    return f"{interval['value']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def estimate_ceiling(ratings: Ratings, scale: str, seed: int) -> dict[str, Any]:
    """Return the scores of `one_person` and of a `perfect` model, by metric, with intervals.

    Classes have accuracy and macro-F1, numbers a correlation; an ordinal scale has both, with
    its correlation by mid-ranks. Empty where no item was judged twice.
    """
    if not (ratings.sizes > 1).any() or len(ratings.values) < 2:
        return {}
    items = len(ratings.items)
    ceiling: dict[str, Any] = {
        "one_person": bootstrap_intervals(annotator_measures(ratings, scale), items, seed),
        "perfect": {},
        "judgements_per_item": float(harmonic_mean_size(ratings, np.ones(items))),
        "labels": [] if scale == "interval" else sorted(ratings.values),
    }
    if scale != "interval":
        ceiling["perfect"] |= ceiling_class_scores(ratings, seed)
    if scale != "nominal":
        name = "spearman" if scale == "ordinal" else "pearson"
        measures = {
            "mean": reliability_measure(ratings, scale),
            name: ceiling_correlation(ratings, scale),
        }
        intervals = bootstrap_intervals(measures, items, seed)
        ceiling["reliability"] = intervals.pop("mean")
        ceiling["perfect"] |= intervals
    return ceiling


def reliability_measure(ratings: Ratings, scale: str) -> Measure:
    """Return the reliability of an item's mean judgement, 0 to 1 (Spearman, 1910; Brown, 1910).

    The reliability of one judgement is Krippendorff's alpha. Numbers of judgements may differ, so
    k is their harmonic mean: the error of a mean is proportional to 1/k.
    """
    alpha = krippendorff_alpha(ratings, scale)

    def mean_reliability(weights: Floats) -> Any:
        single, k = np.clip(alpha(weights), 0, 1), harmonic_mean_size(ratings, weights)
        return k * single / (1 + (k - 1) * single)

    return mean_reliability


def ceiling_correlation(ratings: Ratings, scale: str) -> Measure:
    """Return the correlation of the mean judgement with the mean of infinitely many people.

    It is the square root of the mean's reliability, if errors are independent of item and person.
    """
    reliability = reliability_measure(ratings, scale)
    return lambda weights: np.sqrt(reliability(weights))


def harmonic_mean_size(ratings: Ratings, weights: Floats) -> Any:
    """Return the harmonic mean of the items' numbers of judgements."""
    return weights.sum() / (weights @ (1 / ratings.sizes))


class Patterns(NamedTuple):
    """The distinct rows of counts (p, c), and the row number of each item (n,).

    Items with equal counts are computed once: few judgements make few patterns.
    """

    counts: Floats
    row_of_item: NDArray[np.intp]

    def sum_weights(self, weights: Floats) -> Floats:
        """Return the sum of the item weights (n,) of each pattern: (p,)."""
        sums = np.bincount(self.row_of_item, weights, minlength=len(self.counts))
        return sums.astype(np.float64)


def ceiling_class_scores(ratings: Ratings, seed: int) -> dict[str, Any]:
    """Return `accuracy` and `f1_macro` against the most frequent judgement, and the `model` used.

    Ties are left out. Intervals are from a bootstrap over items that refits the model.
    """
    label = plurality_values(ratings.value_counts, len(ratings.items))
    counts = np.zeros((len(ratings.items), len(ratings.values)))
    item, value, count = ratings.value_counts
    counts[item, value] = count
    alpha = krippendorff_alpha(ratings, "nominal")
    patterns = Patterns(*np.unique(counts, axis=0, return_inverse=True))
    models: dict[str, Callable[[Floats], tuple[Evidence, OpinionSampler]]] = {
        "ambiguous items": lambda weights: fit_ambiguous_items(patterns, weights, alpha(weights)),
        "slips": lambda weights: fit_random_error_model(patterns, weights),
    }
    fitted = {name: fit(np.ones(len(counts))) for name, fit in models.items()}
    best = max(fitted, key=lambda name: fitted[name][0]())
    rng = generator(seed, "ceiling")
    draws = int(np.clip(MAX_SAMPLED_VALUES / counts.size / 2, 10, DRAWS))

    def sample_scores(sample_opinions: OpinionSampler, items: Any) -> list[Any]:
        untied = items[label[items] >= 0]
        opinions = sample_opinions(rng, untied)
        same_item = np.zeros(len(untied), dtype=np.int64)
        measures = classification_measures(label[untied], opinions, same_item, ratings)
        return [measure(np.ones(1)) for measure in measures.values()]

    all_items = np.arange(len(counts))
    values = np.mean([sample_scores(fitted[best][1], all_items) for _ in range(draws)], axis=0)
    resampled = []
    for _ in range(draws):
        items = rng.integers(len(counts), size=len(counts))
        weights = np.bincount(items, minlength=len(counts)).astype(np.float64)
        resampled.append(sample_scores(models[best](weights)[1], items))
    return {"model": best} | {
        metric: {"value": float(values[column])}
        | percentile_interval(np.array(resampled)[:, column])
        for column, metric in enumerate(("accuracy", "f1_macro"))
    }


def fit_ambiguous_items(
    patterns: Patterns, weights: Floats, alpha: float
) -> tuple[Evidence, OpinionSampler]:
    """Return the evidence of Dirichlet shares, and a sampler of each item's largest share."""
    within = float(np.clip(np.nan_to_num(alpha), 1e-6, 1 - 1e-6))
    totals = patterns.sum_weights(weights)
    shares = totals @ patterns.counts / (totals @ patterns.counts).sum()
    prior = shares * (1 - within) / within

    def evidence() -> float:
        occurs = prior > 0
        counts = patterns.counts[:, occurs]
        gamma = np.vectorize(math.lgamma)
        likelihoods = (gamma(counts + prior[occurs]) - gamma(prior[occurs])).sum(axis=1)
        likelihoods += math.lgamma(prior.sum()) - gamma(counts.sum(axis=1) + prior.sum())
        return float(totals @ likelihoods) - _bic_penalty(len(shares), weights)

    def sample_opinions(rng: np.random.Generator, items: Any) -> Any:
        counts = patterns.counts[patterns.row_of_item[items]]
        return rng.standard_gamma(counts + prior).argmax(axis=1)

    return evidence, sample_opinions


def fit_random_error_model(patterns: Patterns, weights: Floats) -> tuple[Evidence, OpinionSampler]:
    """Return the evidence of true values under slips, and a sampler of true values.

    Fitted by expectation and maximisation, starting from a table that is right nine times in ten.
    """
    counts, totals = patterns.counts, patterns.sum_weights(weights)
    size = counts.shape[1]
    shares = totals @ counts / (totals @ counts).sum()
    confusion = np.full((size, size), 0.1 / max(size - 1, 1))
    np.fill_diagonal(confusion, 0.9)
    previous, likelihood = -np.inf, 0.0
    for _ in range(MAX_ITERATIONS):
        posterior, likelihoods = _true_value_posterior(counts, shares, confusion)
        likelihood = float(totals @ likelihoods)
        if likelihood - previous < 1e-6 * abs(likelihood):
            break
        previous = likelihood
        weighted = posterior * totals[:, None]
        shares = weighted.sum(axis=0) / totals.sum()
        expected_counts = weighted.T @ counts + 1e-9
        confusion = expected_counts / expected_counts.sum(axis=1, keepdims=True)
    cumulative = np.cumsum(_true_value_posterior(counts, shares, confusion)[0], axis=1)
    most_frequent = confusion.argmax(axis=1)

    def sample_opinions(rng: np.random.Generator, items: Any) -> Any:
        above = rng.random(len(items))[:, None] > cumulative[patterns.row_of_item[items], :-1]
        return most_frequent[above.sum(axis=1)]

    return lambda: likelihood - _bic_penalty(size * size - 1, weights), sample_opinions


def _true_value_posterior(
    counts: Floats, shares: Floats, confusion: Floats
) -> tuple[Floats, Floats]:
    """Return each pattern's probabilities of true values (p, c), and its log likelihood (p,)."""
    joint = counts @ np.log(confusion).T + np.log(np.maximum(shares, 1e-300))
    top = joint.max(axis=1, keepdims=True)
    sums = np.exp(joint - top).sum(axis=1, keepdims=True)
    return np.exp(joint - top) / sums, (top + np.log(sums))[:, 0]


def _bic_penalty(parameters: int, weights: Floats) -> float:
    return parameters * math.log(max(float(weights.sum()), 1.0)) / 2
