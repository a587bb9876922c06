"""The expected score of a model that knows what most people would say of every item.

Few judgements are a sample of all people's opinions of an item. Two models of those opinions are
fitted, and the likelier one is used (BIC; Schwarz, 1978):

- `ambiguous items`: each item has shares of its own, Dirichlet around the values' shares, with a
  correlation within items that is Krippendorff's alpha (Mosimann, 1962);
- `fit_slips`: each item has one true value, and people err by a confusion table that all of them
  share (Dawid and Skene, 1979, with pooled people). It needs three judgements an item.

Both take people as exchangeable. If disagreement is the items', labels of few people miss what
most would say more often than if it is slips, and the ceiling is lower. So it is, too, where the
judgements are too few to tell: then the first model is taken, which is the simpler.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foldline.annotators.agreement import (
    Floats,
    Ratings,
    krippendorff_alpha,
    percentile_interval,
    plurality_values,
)
from foldline.annotators.annotator_scores import classification_measures
from foldline.core.io.seeds import generator

DRAWS = 200
MAX_SAMPLED_VALUES = 100_000_000  # drawn at most, where there are many items and classes
MAX_ITERATIONS = 100  # of expectation and maximisation
# From a generator and items (k,), drawn from all, to what most people would say of each: (k,).
OpinionSampler = Callable[[np.random.Generator, Any], Any]
Evidence = Callable[[], float]  # -BIC / 2


class Patterns(NamedTuple):
    """The different rows of counts (p, c), and which of them each item has (n,).

    Items that are alike are worked out once: few judgements make few patterns.
    """

    counts: Floats
    place: NDArray[np.intp]

    def weigh(self, weights: Floats) -> Floats:
        """Sum the weights of items (n,) by pattern: (p,)."""
        return np.bincount(self.place, weights, minlength=len(self.counts)).astype(np.float64)


def ceiling_class_scores(of: Ratings, seed: int) -> dict[str, Any]:
    """Give `accuracy` and `f1_macro` against the most frequent judgement, and the `model` taken.

    Items with a tie are left out. Intervals are from a bootstrap over items that estimates the
    model's parameters again.
    """
    label = plurality_values(of.cells, len(of.items))
    counts = np.zeros((len(of.items), len(of.values)))
    item, value, count = of.cells
    counts[item, value] = count
    alpha = krippendorff_alpha(of, "nominal")
    ones, everything = np.ones(len(counts)), np.arange(len(counts))
    seen = Patterns(*np.unique(counts, axis=0, return_inverse=True))
    fits: dict[str, Callable[[Floats], tuple[Evidence, OpinionSampler]]] = {
        "ambiguous items": lambda weights: fit_ambiguous_items(seen, weights, alpha(weights)),
        "slips": lambda weights: fit_slips(seen, weights),
    }
    likely = {name: fit(ones) for name, fit in fits.items()}
    name = max(likely, key=lambda one: likely[one][0]())
    rng = generator(seed, "ceiling")
    draws = int(np.clip(MAX_SAMPLED_VALUES / counts.size / 2, 10, DRAWS))

    def scores(opinion: OpinionSampler, items: Any) -> list[Any]:
        known = items[label[items] >= 0]
        one = np.zeros(len(known), dtype=np.int64)
        measured = classification_measures(label[known], opinion(rng, known), one, of)
        return [measure(np.ones(1)) for measure in measured.values()]

    best = likely[name][1]
    value_of = np.mean([scores(best, everything) for _ in range(draws)], axis=0)
    resampled = []
    for _ in range(draws):
        drawn = rng.integers(len(counts), size=len(counts))
        weights = np.bincount(drawn, minlength=len(counts)).astype(np.float64)
        resampled.append(scores(fits[name](weights)[1], drawn))
    return {"model": name} | {
        metric: {"value": float(value_of[place])}
        | percentile_interval(np.array(resampled)[:, place])
        for place, metric in enumerate(("accuracy", "f1_macro"))
    }


def fit_ambiguous_items(
    seen: Patterns, weights: Floats, alpha: float
) -> tuple[Evidence, OpinionSampler]:
    """Give the evidence of Dirichlet shares, and draws of each item's largest."""
    within = float(np.clip(np.nan_to_num(alpha), 1e-6, 1 - 1e-6))
    total = seen.weigh(weights)
    shares = total @ seen.counts / (total @ seen.counts).sum()
    prior = shares * (1 - within) / within

    def evidence() -> float:
        there = prior > 0
        patterns = seen.counts[:, there]
        gamma = np.vectorize(math.lgamma)
        each = (gamma(patterns + prior[there]) - gamma(prior[there])).sum(axis=1)
        each += math.lgamma(prior.sum()) - gamma(patterns.sum(axis=1) + prior.sum())
        return float(total @ each) - _bic_penalty(len(shares), weights)

    def opinion(rng: np.random.Generator, items: Any) -> Any:
        return rng.standard_gamma(seen.counts[seen.place[items]] + prior).argmax(axis=1)

    return evidence, opinion


def fit_slips(seen: Patterns, weights: Floats) -> tuple[Evidence, OpinionSampler]:
    """Give the evidence of true values under slips, and draws of true values.

    Fitted by expectation and maximisation from a table in which nine in ten are right.
    """
    patterns, total = seen.counts, seen.weigh(weights)
    size = patterns.shape[1]
    shares = total @ patterns / (total @ patterns).sum()
    table = np.full((size, size), 0.1 / max(size - 1, 1))
    np.fill_diagonal(table, 0.9)
    before, likelihood = -np.inf, 0.0
    for _ in range(MAX_ITERATIONS):
        truth, each = _true_value_posterior(patterns, shares, table)
        likelihood = float(total @ each)
        if likelihood - before < 1e-6 * abs(likelihood):
            break
        before = likelihood
        weighted = truth * total[:, None]
        shares = weighted.sum(axis=0) / total.sum()
        said = weighted.T @ patterns + 1e-9
        table = said / said.sum(axis=1, keepdims=True)
    up_to = np.cumsum(_true_value_posterior(patterns, shares, table)[0], axis=1)
    most_say = table.argmax(axis=1)

    def opinion(rng: np.random.Generator, items: Any) -> Any:
        below = rng.random(len(items))[:, None] > up_to[seen.place[items], :-1]
        return most_say[below.sum(axis=1)]

    return lambda: likelihood - _bic_penalty(size * size - 1, weights), opinion


def _true_value_posterior(counts: Floats, shares: Floats, table: Floats) -> tuple[Floats, Floats]:
    """Give each pattern's probabilities of true values (p, c), and its log likelihood (p,)."""
    joint = counts @ np.log(table).T + np.log(np.maximum(shares, 1e-300))
    top = joint.max(axis=1, keepdims=True)
    sums = np.exp(joint - top).sum(axis=1, keepdims=True)
    return np.exp(joint - top) / sums, (top + np.log(sums))[:, 0]


def _bic_penalty(parameters: int, weights: Floats) -> float:
    return parameters * math.log(max(float(weights.sum()), 1.0)) / 2
