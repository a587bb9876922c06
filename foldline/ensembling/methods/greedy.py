"""Ensemble selection: members are added one by one, with replacement (Caruana et al., 2004)."""

from collections.abc import Callable

import numpy as np

from foldline.core.io.labels import MAIN
from foldline.core.io.seeds import generator
from foldline.ensembling.methods.interface import Context, Members, Method, State, stack_members
from foldline.ensembling.methods.weights import STATE, combine_linearly, share_weights
from foldline.metrics.registry import METRICS, measure

ROUNDS = 30  # additions to a bag
BAGS, BAG_SHARE, MIN_BAG = 20, 0.5, 3
Score = Callable[[tuple[int, ...]], float]


def fit_greedy(members: Members, target: np.ndarray, task: str, context: Context) -> State:
    """Return weights: the share of each member in what was selected for the main metric.

    Each of BAGS bags selects from a random half of the members, but at least three. With three
    members or fewer there is one bag.
    """
    names, stacked = stack_members(members)
    score = _make_score(stacked, target, task)
    bags = _draw_bags(len(names), context.seed)
    shares = [np.array(c) / sum(c) for c in (_select(bag, len(names), score) for bag in bags)]
    weights = np.mean(shares, axis=0)
    return {"weights": dict(zip(names, weights.tolist(), strict=True))}


def _draw_bags(n: int, seed: int) -> list[list[int]]:
    size = max(MIN_BAG, round(n * BAG_SHARE))
    if size >= n:
        return [list(range(n))]
    rng = generator(seed, "greedy")
    return [sorted(rng.choice(n, size, replace=False).tolist()) for _ in range(BAGS)]


def _make_score(stacked: np.ndarray, target: np.ndarray, task: str) -> Score:
    """Return the main metric of a mean of members by their counts, higher is better."""
    metric = METRICS[task][MAIN[task]]
    known: dict[tuple[int, ...], float] = {}

    def score(counts: tuple[int, ...]) -> float:
        if counts not in known:
            mean = np.tensordot(np.array(counts) / sum(counts), stacked, axes=1)
            value = measure(task, target, mean, names=[metric.name])[metric.name]
            value = value if metric.greater_is_better else -value
            known[counts] = value if np.isfinite(value) else -np.inf
        return known[counts]

    return score


def _select(bag: list[int], n: int, score: Score) -> tuple[int, ...]:
    """Return how often each of n members was selected, up to the best round."""
    alone = {m: _add((0,) * n, m) for m in bag}
    ranked = sorted(bag, key=lambda m: -score(alone[m]))
    starts = [_count(ranked[:size], n) for size in range(1, len(bag) + 1)]
    best = counts = max(starts, key=score)
    for _ in range(ROUNDS):
        counts = max((_add(counts, m) for m in bag), key=score)
        if score(counts) > score(best):
            best = counts
    return best


def _count(chosen: list[int], n: int) -> tuple[int, ...]:
    return tuple(int(m in chosen) for m in range(n))


def _add(counts: tuple[int, ...], member: int) -> tuple[int, ...]:
    return tuple(count + (m == member) for m, count in enumerate(counts))


GREEDY = Method(STATE, fit_greedy, combine_linearly, share_weights)
