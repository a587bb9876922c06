"""How often a slice is claimed although errors have nothing to do with any: simulated data sets.

    python -m benchmarks.slices [--sets N]

Rows have four numeric features, of which three are correlated, two yes-or-no features and a column
of five values: about 190 slices of 50 rows or more. Near-duplicates share all features, and mostly
their error.
"""

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage import draw_groups
from foldline.evaluation.slice_features import Condition
from foldline.evaluation.slices import find_slices
from foldline.metrics.subgroup_test import SubgroupTest

Array = NDArray[np.float64]
SETS, SEED, LEVEL, MIN_ROWS = 1_000, 0, 0.05, 50
ALIKE = 0.9  # share of the duplicates' rows whose error is that of their group


class Case(NamedTuple):
    """Data sets of rows with this rate of errors; None: absolute errors of a regression."""

    rows: int
    rate: float | None
    grouped: bool


CASES = [Case(1_000, 0.2, False), *(Case(1_000, rate, True) for rate in (0.2, 0.05, None))]


def count_claims(case: Case, sets: int) -> int:
    """Return in how many of the simulated sets a slice is claimed."""
    return sum(claim_any(case, np.random.default_rng([SEED, number])) for number in range(sets))


def claim_any(case: Case, rng: np.random.Generator) -> bool:
    """Return whether a slice is claimed in one simulated set."""
    groups = draw_groups(case.rows, rng) if case.grouped else np.arange(case.rows)
    test = SubgroupTest(draw_errors(case, groups, rng), groups)
    return any(
        own.q <= LEVEL for own in find_slices(test, draw_conditions(groups, rng), MIN_ROWS, LEVEL)
    )


def draw_errors(case: Case, groups: NDArray[np.intp], rng: np.random.Generator) -> Array:
    """Return errors (n,) that no feature explains."""
    size = int(groups.max()) + 1
    shared, own = rng.normal(size=size)[groups], rng.normal(size=case.rows)
    values = np.where(rng.random(case.rows) < ALIKE, shared, own)
    if case.rate is None:
        return np.asarray(np.abs(values))
    return np.asarray(values < np.quantile(values, case.rate), dtype=np.float64)


def draw_conditions(groups: NDArray[np.intp], rng: np.random.Generator) -> list[Condition]:
    """Return the conditions on the features, which rows of a group share."""
    size = int(groups.max()) + 1
    numbers = rng.normal(size=(size, 4))
    numbers[:, 1] += numbers[:, 0]
    numbers[:, 2] -= numbers[:, 0]
    codes = {
        f"x{i}": np.searchsorted(np.quantile(own, [0.25, 0.5, 0.75]), own)
        for i, own in enumerate(numbers.T)
    }
    codes |= {f"b{i}": (rng.random(size) < p).astype(int) for i, p in enumerate((0.1, 0.3))}
    codes["c"] = rng.choice(5, size=size, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    found = [
        Condition(name, str(value), f"{name} {value}", (own == value)[groups])
        for name, own in codes.items()
        for value in np.unique(own)
    ]
    return [own for own in found if np.count_nonzero(own.rows) >= MIN_ROWS]


def main() -> None:
    """Print the table of docs/slices.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=SETS)
    sets = parser.parse_args().sets
    print("| rows | errors | groups of duplicates | a slice is claimed |\n|---|---|---|---|")
    for case in CASES:
        errors = "absolute" if case.rate is None else f"{case.rate:.0%}"
        grouped = "a fifth of the rows" if case.grouped else "none"
        share = count_claims(case, sets) / sets
        print(f"| {case.rows:,} | {errors} | {grouped} | {share:.1%} |", flush=True)


if __name__ == "__main__":
    main()
