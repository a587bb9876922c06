"""Agreement between annotators of the same items: coefficients with bootstrap intervals.

A coefficient is a function of item weights: how often a bootstrap (Efron, 1979) sampled each
item. Items are resampled, not judgements, because those of one item are not independent.
Undefined coefficients (one judgement an item, one value in all of them) are NaN.
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
# From item weights (items,) to one number.
Measure = Callable[[Floats], Any]

LEVEL = 0.95
RESAMPLES = 1000


@dataclass(frozen=True)
class Ratings:
    """Judgements (n,) by item, then by annotator: codes of `items`, `annotators` and `values`.

    `numbers` (c,) are the values on their scale; they have no meaning on a nominal one.
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
        """Return the number of judgements of each item: (items,)."""
        return np.bincount(self.item, minlength=len(self.items))

    @cached_property
    def value_counts(self) -> tuple[Codes, Codes, Codes]:
        """Return item, value and count (k,) of each value that an item was given."""
        return count_pairs(self.item, self.value, len(self.values))

    @cached_property
    def judgement_pairs(self) -> tuple[Codes, Codes]:
        """Return judgement numbers of all ordered pairs within an item: (p,) and (p,)."""
        sizes = self.sizes[self.item]
        first = np.repeat(np.arange(len(self.item)), sizes)
        starts = np.cumsum(self.sizes) - self.sizes
        offset = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        second = np.repeat(starts[self.item], sizes) + offset
        different = first != second
        return first[different], second[different]

    @cached_property
    def majority_of_others(self) -> Codes:
        """Return the most frequent value of the item's other annotators (n,); -1: tie or none."""
        first, second = self.judgement_pairs
        counts = count_pairs(first, self.value[second], len(self.values))
        return plurality_values(counts, len(self.item))


def encode_ratings(table: pd.DataFrame, scale: str, order: Sequence[str] | None = None) -> Ratings:
    """Return the codes of single judgements (`id`, `annotator`, `label`).

    Labels are numbers on an ordinal or interval scale, unless `order` names them from the
    lowest to the highest. Each annotator judges an item at most once.
    """
    items, item = np.unique(table["id"].to_numpy(dtype=str), return_inverse=True)
    annotators, annotator = np.unique(table["annotator"].to_numpy(dtype=str), return_inverse=True)
    names = table["label"].to_numpy(dtype=str)
    if scale == "nominal" or order:
        occurring = set(names.tolist())
        values = [name for name in order if name in occurring] if order else sorted(occurring)
        codes = {name: code for code, name in enumerate(values)}
        value = np.array([codes[name] for name in names.tolist()], dtype=np.int64)
        numbers = np.arange(len(values), dtype=np.float64)
    else:
        numbers, value = np.unique(names.astype(np.float64), return_inverse=True)
        values = [f"{number:g}" for number in numbers.tolist()]
    by = np.lexsort((annotator, item))
    return Ratings(
        item[by], annotator[by], value[by], items.tolist(), annotators.tolist(), values, numbers
    )


def count_pairs(group: Codes, value: Codes, values: int) -> tuple[Codes, Codes, Codes]:
    """Return group, value and count (k,) of the pairs that occur, sorted."""
    keys, count = np.unique(group * np.int64(values) + value, return_counts=True)
    return keys // max(values, 1), keys % max(values, 1), count


def plurality_values(value_counts: tuple[Codes, Codes, Codes], groups: int) -> Codes:
    """Return each group's most frequent value (groups,); -1 where there is a tie, or none."""
    group, value, count = value_counts
    by = np.lexsort((-count, group))
    group, value, count = group[by], value[by], count[by]
    first = np.append(True, group[1:] != group[:-1])[: len(group)]
    tied = np.append(~first[1:] & (count[1:] == count[:-1]), False)[: len(group)]
    values = np.full(groups, -1, dtype=np.int64)
    values[group[first]] = np.where(tied[first], -1, value[first])
    return values


def percent_agreement(ratings: Ratings) -> Measure:
    """Return the mean share of agreeing pairs, over items with two judgements or more."""
    item, _, count = ratings.value_counts
    agreeing = np.bincount(item, count * (count - 1.0), minlength=len(ratings.items))
    judged = ratings.sizes >= 2
    share = agreeing / np.maximum(ratings.sizes * (ratings.sizes - 1.0), 1)
    return lambda weights: _ratio(weights @ share, weights @ judged)


def cohen_kappa(ratings: Ratings) -> Measure:
    """Return Cohen's kappa (1960): the mean over pairs of annotators, weighted by overlap."""
    left, right = ratings.judgement_pairs
    upward = ratings.annotator[left] < ratings.annotator[right]
    left, right = left[upward], right[upward]
    keys = ratings.annotator[left] * len(ratings.annotators) + ratings.annotator[right]
    names, pair = np.unique(keys, return_inverse=True)
    item, same = ratings.item[left], ratings.value[left] == ratings.value[right]
    spread = len(ratings.values)
    sides = [pair * spread + ratings.value[left], pair * spread + ratings.value[right]]
    cells, cell_of_side = np.unique(np.concatenate(sides), return_inverse=True)
    first, second = np.split(cell_of_side, 2)

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


def fleiss_kappa(ratings: Ratings) -> Measure:
    """Return Fleiss' kappa (1971), generalised to different numbers of judgements an item.

    Agreement is the mean over items with two judgements or more; chance agreement is that of
    the value shares among all their judgements. With equal numbers it is Fleiss' own.
    """
    agreed = percent_agreement(ratings)
    item, value, count = ratings.value_counts
    judged = ratings.sizes[item] >= 2
    item, value, count = item[judged], value[judged], count[judged]

    def kappa(weights: Floats) -> Any:
        counts = np.bincount(value, weights[item] * count)
        chance = _ratio((counts**2).sum(), counts.sum() ** 2)
        return _ratio(agreed(weights) - chance, 1 - chance)

    return kappa


def krippendorff_alpha(ratings: Ratings, scale: str) -> Measure:
    """Return Krippendorff's alpha (2011) on a nominal, ordinal or interval scale.

    Judgements may be missing: only items with two judgements or more count.
    """
    item, value, count = ratings.value_counts
    paired = ratings.sizes[item] >= 2
    item, value, count = item[paired], value[paired], count[paired]
    each = ratings.sizes / np.maximum(ratings.sizes - 1.0, 1)  # m / (m - 1)

    def nominal(weights: Floats) -> Any:
        counts = np.bincount(value, weights[item] * count)
        total = counts.sum()
        differing = (
            weights[item] * count * (ratings.sizes[item] - count) / (ratings.sizes[item] - 1.0)
        )
        by_chance = _ratio((counts * (total - counts)).sum(), total - 1)
        return 1 - _ratio(differing.sum(), by_chance)

    def metric(weights: Floats) -> Any:
        weight = weights[item] * count
        total = weight.sum()
        numbers = ratings.numbers / (np.ptp(ratings.numbers) or 1.0)  # alpha has no unit
        if scale == "ordinal":  # its metric is the distance of the values' mid-ranks, squared
            numbers = mid_ranks(_weighted_counts(value, weight, len(ratings.values)))
        centred = numbers[value] - _ratio(weight @ numbers[value], total)
        mean = _weighted_counts(item, count * centred, len(ratings.items)) / np.maximum(
            ratings.sizes, 1
        )
        within = weight * each[item] * (centred - mean[item]) ** 2
        by_chance = _ratio(total * (weight @ centred**2), total - 1)
        return 1 - _ratio(within.sum(), by_chance)

    return nominal if scale == "nominal" else metric


def mid_ranks(counts: Floats) -> Floats:
    """Return the middle rank of each value (c,), from the counts of ordered values."""
    ranks: Floats = np.cumsum(counts) - counts / 2
    return ranks


def bootstrap_intervals(measures: Mapping[str, Measure], items: int, seed: int) -> dict[str, Any]:
    """Return `value`, `low` and `high` of each measure: 95 % percentile intervals over items.

    Resamples with an undefined measure are left out; where they are more than half, the interval
    is NaN.
    """
    rng = generator(seed, "agreement")
    resampled: dict[str, list[Any]] = {name: [] for name in measures}
    for _ in range(RESAMPLES):
        weights = np.bincount(rng.integers(items, size=items), minlength=items).astype(np.float64)
        for name, measure in measures.items():
            resampled[name].append(measure(weights))
    ones = np.ones(items)
    return {
        name: {"value": float(measure(ones))} | percentile_interval(np.array(resampled[name]))
        for name, measure in measures.items()
    }


def percentile_interval(resampled: Floats) -> dict[str, float]:
    """Return `low` and `high` of a measure's resampled values."""
    defined = resampled[~np.isnan(resampled)]
    if 2 * len(defined) < max(len(resampled), 1):
        return {"low": float("nan"), "high": float("nan")}
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"low": float(low), "high": float(high)}


def _weighted_counts(codes: Codes, weights: Floats, size: int) -> Floats:
    counts: Floats = np.bincount(codes, weights, minlength=size).astype(np.float64)
    return counts


def _ratio(part: Any, whole: Any) -> Any:
    """Return part / whole; NaN where the whole is 0."""
    return part / whole if abs(whole) > 1e-12 else float("nan")
