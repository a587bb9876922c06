"""For whom a model fails: slices of the rows with more errors than the others.

Thousands of slices are tested, so the worst one always looks bad. Only those are claimed that stand
out after a correction for all of them (Benjamini and Hochberg, 1995).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.params import Evaluate
from foldline.evaluation.comparison import get_decisions
from foldline.evaluation.errors import compute_losses
from foldline.evaluation.parts import EvaluationSet
from foldline.evaluation.slice_features import Condition
from foldline.metrics.comparison import compute_errors
from foldline.metrics.multiple_testing import benjamini_hochberg
from foldline.metrics.subgroup_test import Mask, SubgroupTest, shrink
from foldline.metrics.weighted_sample import Floats

MAX_SHARE = 0.5  # of all rows that a slice may have
SAME_ROWS = 0.8  # Jaccard similarity of two slices that are one
MAX_ESTABLISHED, MAX_CLOSEST, MAX_IDS = 20, 5, 20


@dataclass(frozen=True)
class Slice:
    """Rows (n,) that meet one condition, or two on different features.

    `p` is that of having more errors than the other rows and, with two conditions, than the rows
    that meet one of them alone. `q` is corrected for all slices.
    """

    conditions: tuple[Condition, ...]
    rows: Mask
    p: float
    q: float = 1.0
    shrunken: float = 0.0

    @property
    def name(self) -> str:
        """Return the conditions in words."""
        return " & ".join(condition.name for condition in self.conditions)


def make_slices_report(
    part: EvaluationSet,
    ids: "pd.Series[str]",
    conditions: Sequence[Condition],
    options: Evaluate,
) -> dict[str, Any]:
    """Return the slices with more errors than the other rows, under the key `slices`.

    `significant` is the number of those with a `q` of at most 1 - `evaluate.level`. The distinct
    ones are `established`, the largest difference first, at most MAX_ESTABLISHED; `closest` has
    those with the smallest `p` that are not. ids (n,) are those of the rows.
    """
    task = part.labels.task
    order = np.argsort(ids.to_numpy(dtype=str), kind="stable")  # sums are the same in any order
    errors = compute_errors(task, part.target, get_decisions(part))[order]
    sorted_conditions = [replace(own, rows=own.rows[order]) for own in conditions]
    test = SubgroupTest(errors, part.groups[order])
    level = round(1 - options.level, 12)
    found = find_slices(test, sorted_conditions, options.slices.min_rows, level)
    significant = [own for own in found if own.q <= level]
    established = select_distinct(
        sorted(significant, key=lambda own: (-own.shrunken, own.name)), MAX_ESTABLISHED
    )
    others = sorted((own for own in found if own.q > level), key=lambda own: (own.p, own.name))
    closest = select_distinct(others, MAX_CLOSEST)
    losses = compute_losses(task, part.target, part.final)[order]
    names = ids.to_numpy()[order]

    def describe(own: Slice) -> dict[str, Any]:
        return _describe(own, test, options.level, _list_worst(own.rows, errors, losses, names))

    return {
        "slices": {
            "rows": test.n,
            "measure": "absolute_error" if task == "regression" else "error",
            "overall": test.mean,
            "tested": len(found),
            "level": level,
            "significant": len(significant),
            "established": [describe(own) for own in established],
            "closest": [describe(own) for own in closest],
        }
    }


def find_slices(
    test: SubgroupTest, conditions: Sequence[Condition], min_rows: int, level: float
) -> list[Slice]:
    """Return all slices of one or two conditions with their p- and q-values.

    A slice has at least `min_rows` rows, and at most half of all.
    """
    found = list(_test_slices(test, conditions, min_rows, level))
    q = benjamini_hochberg([own.p for own in found])
    differences = np.array([_compare(test, own.rows) for own in found])
    shrunken = shrink(differences, np.array([test.standard_error(own.rows) for own in found]))
    return [
        replace(own, q=float(corrected), shrunken=float(difference))
        for own, corrected, difference in zip(found, q, shrunken, strict=True)
    ]


def _test_slices(
    test: SubgroupTest, conditions: Sequence[Condition], min_rows: int, level: float
) -> Iterator[Slice]:
    """Yield the slices with their p-values, first those of one condition."""

    def fits(rows: Mask) -> bool:
        return min_rows <= int(np.count_nonzero(rows)) <= MAX_SHARE * test.n

    for own in conditions:
        if fits(own.rows):
            yield Slice((own,), own.rows, test.compute_p(own.rows))
    tests_within: dict[Condition, SubgroupTest] = {}
    for pair in combinations(conditions, 2):
        rows = pair[0].rows & pair[1].rows
        if pair[0].feature != pair[1].feature and fits(rows):
            p = test.compute_p(rows)
            if p <= level:  # else it is not claimed in any case
                p = max(p, *(_test_within(test, own, rows, tests_within) for own in pair))
            yield Slice(pair, rows, p)


def _test_within(
    test: SubgroupTest,
    condition: Condition,
    rows: Mask,
    known: dict[Condition, SubgroupTest],
) -> float:
    """Return the p-value against the other rows of a condition, which may explain all."""
    if condition not in known:
        known[condition] = test.select(condition.rows)
    return known[condition].compute_p(rows[condition.rows])


def select_distinct(slices: Sequence[Slice], most: int) -> list[Slice]:
    """Return the first slices without those that have nearly the same rows as one before."""
    kept: list[Slice] = []
    for own in slices:
        if len(kept) == most:
            break
        if all(_jaccard(own.rows, other.rows) < SAME_ROWS for other in kept):
            kept.append(own)
    return kept


def _jaccard(one: Mask, other: Mask) -> float:
    return int(np.count_nonzero(one & other)) / int(np.count_nonzero(one | other))


def _compare(test: SubgroupTest, rows: Mask) -> float:
    return float(test.values[rows].mean() - test.values[~rows].mean())


def _list_worst(rows: Mask, errors: Floats, losses: Floats, ids: np.ndarray) -> list[str]:
    """Return the ids of the rows with errors, those with the highest loss first."""
    wrong = np.flatnonzero(rows & (errors > 0))
    worst = wrong[np.argsort(-losses[wrong], kind="stable")][:MAX_IDS]
    return [str(name) for name in ids[worst]]


def _describe(own: Slice, test: SubgroupTest, level: float, ids: list[str]) -> dict[str, Any]:
    return {
        "name": own.name,
        "conditions": [{"feature": c.feature, "value": c.value} for c in own.conditions],
        "rows": int(np.count_nonzero(own.rows)),
        **test.measure(own.rows, level)._asdict(),
        "shrunken": own.shrunken,
        "p": own.p,
        "q": own.q,
        "ids": ids,
    }


def format_slices_report(report: Mapping[str, Any]) -> list[str]:
    """Return lines on the established slices for the terminal: how many, and the three worst."""
    own = report["slices"]
    if not own["tested"]:
        return []
    name, established = own["measure"].replace("_", " "), own["established"]
    count = f"{own['significant'] or 'none'} of {own['tested']}"
    lines = [f"slices with a higher {name} than the other rows: {count} tested"]
    return lines + [
        f"  {s['name']}: {s['value']:.3f}, others {s['rest']:.3f} ({s['rows']} rows)"
        for s in established[:3]
    ]
