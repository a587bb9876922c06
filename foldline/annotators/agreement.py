"""How far people agree who judged the same items, each coefficient with its interval.

A coefficient is a function of weights, one for each item: how often a bootstrap (Efron, 1979) drew
it. Items are drawn, not judgements: those of one item are not independent. A coefficient that is
not defined (one judgement an item, one value in all of them) is NaN.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foldline.core.io.seeds import generator

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
# From weights (items,) to a number, or to several.
Measure = Callable[[Floats], Any]

LEVEL = 0.95
RESAMPLES = 1000


@dataclass(frozen=True)
class Ratings:
    """Judgements (n,) by item, then by annotator: codes of `items`, `annotators` and `values`.

    `numbers` (c,) are the values on their scale; on a nominal one they say nothing.
    """

    item: Codes
    annotator: Codes
    value: Codes
    items: list[str]
    annotators: list[str]
    values: list[str]
    numbers: Floats

    @cached_property
    def sizes(self) -> Codes:
        """Count the judgements of each item: (items,)."""
        return np.bincount(self.item, minlength=len(self.items))

    @cached_property
    def cells(self) -> tuple[Codes, Codes, Codes]:
        """Give item, value and count (k,) of all that occur together."""
        return count_pairs(self.item, self.value, len(self.values))

    @cached_property
    def pairs(self) -> tuple[Codes, Codes]:
        """Number the judgements of all ordered pairs within an item: (p,) and (p,)."""
        sizes = self.sizes[self.item]
        first = np.repeat(np.arange(len(self.item)), sizes)
        starts = np.cumsum(self.sizes) - self.sizes
        place = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        second = np.repeat(starts[self.item], sizes) + place
        apart = first != second
        return first[apart], second[apart]

    @cached_property
    def rest(self) -> Codes:
        """Give the others' most frequent value (n,), -1 where there is a tie or nobody."""
        one, other = self.pairs
        return plurality_values(
            count_pairs(one, self.value[other], len(self.values)), len(self.item)
        )


def encode_ratings(table: pd.DataFrame, scale: str, order: Sequence[str] | None = None) -> Ratings:
    """Give `id`, `annotator` and `label` of single judgements as codes.

    Labels are numbers on an ordinal or interval scale, but where `order` names them from the
    lowest to the highest. A person judges an item once.
    """
    items, item = np.unique(table["id"].to_numpy(dtype=str), return_inverse=True)
    annotators, annotator = np.unique(table["annotator"].to_numpy(dtype=str), return_inverse=True)
    names = table["label"].to_numpy(dtype=str)
    if scale == "nominal" or order:
        found = set(names.tolist())
        values = [name for name in order if name in found] if order else sorted(found)
        places = {name: place for place, name in enumerate(values)}
        value = np.array([places[name] for name in names.tolist()], dtype=np.int64)
        numbers = np.arange(len(values), dtype=np.float64)
    else:
        numbers, value = np.unique(names.astype(np.float64), return_inverse=True)
        values = [f"{number:g}" for number in numbers.tolist()]
    by = np.lexsort((annotator, item))
    return Ratings(
        item[by], annotator[by], value[by], items.tolist(), annotators.tolist(), values, numbers
    )


def count_pairs(group: Codes, value: Codes, values: int) -> tuple[Codes, Codes, Codes]:
    """Count equal pairs: group, value and count (k,), sorted."""
    keys, count = np.unique(group * np.int64(values) + value, return_counts=True)
    return keys // max(values, 1), keys % max(values, 1), count


def plurality_values(cells: tuple[Codes, Codes, Codes], groups: int) -> Codes:
    """Give each group's most frequent value (groups,); -1 where there is a tie, or none."""
    group, value, count = cells
    by = np.lexsort((-count, group))
    group, value, count = group[by], value[by], count[by]
    first = np.append(True, group[1:] != group[:-1])[: len(group)]
    tied = np.append(~first[1:] & (count[1:] == count[:-1]), False)[: len(group)]
    found = np.full(groups, -1, dtype=np.int64)
    found[group[first]] = np.where(tied[first], -1, value[first])
    return found


def percent_agreement(of: Ratings) -> Measure:
    """Give the share of an item's pairs that agree, as a mean over items judged twice or more."""
    item, _, count = of.cells
    agreeing = np.bincount(item, count * (count - 1.0), minlength=len(of.items))
    judged = of.sizes >= 2
    share = agreeing / np.maximum(of.sizes * (of.sizes - 1.0), 1)
    return lambda weights: _ratio(weights @ share, weights @ judged)


def cohen_kappa(of: Ratings) -> Measure:
    """Give Cohen's kappa (1960) of two people, as a mean over pairs weighted by their overlap."""
    one, other = of.pairs
    upward = of.annotator[one] < of.annotator[other]
    one, other = one[upward], other[upward]
    keys = of.annotator[one] * len(of.annotators) + of.annotator[other]
    names, pair = np.unique(keys, return_inverse=True)
    item, same = of.item[one], of.value[one] == of.value[other]
    spread = len(of.values)
    sides = [pair * spread + of.value[one], pair * spread + of.value[other]]
    cells, places = np.unique(np.concatenate(sides), return_inverse=True)
    first, second = np.split(places, 2)

    def kappa(weights: Floats) -> Any:
        weight = weights[item]
        total = np.bincount(pair, weight, minlength=len(names))
        shares = [np.bincount(side, weight, minlength=len(cells)) for side in (first, second)]
        with np.errstate(divide="ignore", invalid="ignore"):
            observed = np.bincount(pair, weight * same, minlength=len(names)) / total
            product = shares[0] * shares[1]
            expected = np.bincount(cells // spread, product, minlength=len(names)) / total**2
            each = np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)
        known = ~np.isnan(each)
        return _ratio(total[known] @ each[known], total[known].sum())

    return kappa


def fleiss_kappa(of: Ratings) -> Measure:
    """Give Fleiss' kappa (1971), generalised to numbers of judgements that differ.

    Agreement is the mean over items with two judgements or more; chance agreement is that of the
    value shares among all of their judgements. With equal numbers it is Fleiss' own.
    """
    agreed = percent_agreement(of)
    item, value, count = of.cells
    judged = of.sizes[item] >= 2
    item, value, count = item[judged], value[judged], count[judged]

    def kappa(weights: Floats) -> Any:
        counts = np.bincount(value, weights[item] * count)
        chance = _ratio((counts**2).sum(), counts.sum() ** 2)
        return _ratio(agreed(weights) - chance, 1 - chance)

    return kappa


def krippendorff_alpha(of: Ratings, scale: str) -> Measure:
    """Give Krippendorff's alpha (2011) on a nominal, ordinal or interval scale.

    Missing judgements are allowed: what counts are values of items with two judgements or more.
    """
    item, value, count = of.cells
    paired = of.sizes[item] >= 2
    item, value, count = item[paired], value[paired], count[paired]
    each = of.sizes / np.maximum(of.sizes - 1.0, 1)  # m / (m - 1)

    def nominal(weights: Floats) -> Any:
        counts = np.bincount(value, weights[item] * count)
        total = counts.sum()
        differing = weights[item] * count * (of.sizes[item] - count) / (of.sizes[item] - 1.0)
        by_chance = _ratio((counts * (total - counts)).sum(), total - 1)
        return 1 - _ratio(differing.sum(), by_chance)

    def metric(weights: Floats) -> Any:
        weight = weights[item] * count
        total = weight.sum()
        numbers = of.numbers / (np.ptp(of.numbers) or 1.0)  # alpha has no unit
        if scale == "ordinal":  # its metric is the distance of the values' mid-ranks, squared
            numbers = mid_ranks(_weighted_counts(value, weight, len(of.values)))
        centred = numbers[value] - _ratio(weight @ numbers[value], total)
        mean = _weighted_counts(item, count * centred, len(of.items)) / np.maximum(of.sizes, 1)
        within = weight * each[item] * (centred - mean[item]) ** 2
        by_chance = _ratio(total * (weight @ centred**2), total - 1)
        return 1 - _ratio(within.sum(), by_chance)

    return nominal if scale == "nominal" else metric


def mid_ranks(counts: Floats) -> Floats:
    """Give the middle of each value's ranks, from the counts of values in order: (c,)."""
    ranks: Floats = np.cumsum(counts) - counts / 2
    return ranks


def bootstrap_intervals(measures: Mapping[str, Measure], items: int, seed: int) -> dict[str, Any]:
    """Give `value`, `low` and `high` of each measure: 95 % percentile intervals over items.

    Resamples in which a measure is not defined are left out; where they are more than half, so
    is its interval (NaN).
    """
    rng = generator(seed, "agreement")
    drawn: dict[str, list[Any]] = {name: [] for name in measures}
    for _ in range(RESAMPLES):
        weights = np.bincount(rng.integers(items, size=items), minlength=items).astype(np.float64)
        for name, measure in measures.items():
            drawn[name].append(measure(weights))
    ones = np.ones(items)
    return {
        name: {"value": float(measure(ones))} | percentile_interval(np.array(drawn[name]))
        for name, measure in measures.items()
    }


def percentile_interval(draws: Floats) -> dict[str, float]:
    """Give `low` and `high` of a measure's resamples."""
    defined = draws[~np.isnan(draws)]
    if 2 * len(defined) < max(len(draws), 1):
        return {"low": float("nan"), "high": float("nan")}
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"low": float(low), "high": float(high)}


def _weighted_counts(codes: Codes, weights: Floats, size: int) -> Floats:
    found: Floats = np.bincount(codes, weights, minlength=size).astype(np.float64)
    return found


def _ratio(part: Any, whole: Any) -> Any:
    """Divide, with NaN for a share of nothing."""
    return part / whole if abs(whole) > 1e-12 else float("nan")
