"""How often 95 % intervals cover the true value: simulated data sets with duplicates in groups.

    python -m benchmarks.coverage [--sets N] [--resamples N]

A fifth of the rows are in groups of two to four near-duplicates, which share label and, for the
most part, the error. The true value is that of 4,000,000 rows of the same process.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foldline.core.io.seeds import derive_seed
from foldline.metrics.intervals import Interval, bootstrap_intervals
from foldline.metrics.registry import measure

Array = NDArray[np.float64]
Sample = tuple[NDArray[np.generic], Array]
SIZES, SEED = (240, 2_000), 0
LARGE = 4_000_000
SHARES = (0.7, 0.2, 0.1)  # of the three classes
ALIKE = 0.9  # share of the noise's variance that duplicates have in common


class Process(NamedTuple):
    """Draws targets and predictions of groups (n,), and what is measured of them."""

    task: str
    metric: str
    draw: Callable[[NDArray[np.intp], np.random.Generator], Sample]


def draw_groups(n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return groups (n,): a fifth of the rows in groups of 2 to 4, the others alone."""
    sizes: list[int] = []
    while sum(sizes) < n // 5:
        sizes.append(int(rng.integers(2, 5)))
    return np.repeat(np.arange(len(sizes) + n - sum(sizes)), sizes + [1] * (n - sum(sizes)))


def draw_noise(groups: NDArray[np.intp], columns: int, rng: np.random.Generator) -> Array:
    """Return normal noise (n, columns) that rows of a group largely share."""
    common = rng.normal(size=(int(groups.max()) + 1, columns))[groups]
    own = rng.normal(size=(len(groups), columns))
    noise: Array = np.sqrt(ALIKE) * common + np.sqrt(1 - ALIKE) * own
    return noise


def draw_three_classes(groups: NDArray[np.intp], rng: np.random.Generator) -> Sample:
    """Return codes (n,) of three imbalanced classes and probabilities (n, 3)."""
    target = rng.choice(3, size=int(groups.max()) + 1, p=SHARES)[groups]
    scores = 1.5 * np.eye(3)[target] + np.log(SHARES) + draw_noise(groups, 3, rng)
    odds = np.exp(scores)
    return target, odds / odds.sum(axis=1, keepdims=True)


def draw_two_classes(groups: NDArray[np.intp], rng: np.random.Generator) -> Sample:
    """Return codes (n,), of which a fifth are positive, and probabilities (n, 2)."""
    target = (rng.random(int(groups.max()) + 1) < 0.2).astype(np.intp)[groups]
    p = 1 / (1 + np.exp(1.5 - 2 * target - draw_noise(groups, 1, rng)[:, 0]))
    return target, np.column_stack([1 - p, p])


def draw_numbers(groups: NDArray[np.intp], rng: np.random.Generator) -> Sample:
    """Return ratings (n,) from 0 to 5, and predictions with a correlation of about 0.8."""
    target = rng.uniform(0, 5, size=int(groups.max()) + 1)[groups]
    return target, target + 1.1 * draw_noise(groups, 1, rng)[:, 0]


PROCESSES = (
    Process("classification", "f1_macro", draw_three_classes),
    Process("classification", "auprc", draw_two_classes),
    Process("regression", "pearson", draw_numbers),
)


def compute_truth(process: Process) -> float:
    """Return the metric of a very large sample."""
    rng = np.random.default_rng(derive_seed(SEED, "truth", process.metric))
    target, predictions = process.draw(np.arange(LARGE), rng)
    return measure(process.task, target, predictions, names=[process.metric])[process.metric]


def make_intervals(
    process: Process, n: int, sets: int, resamples: int, grouped: bool = True
) -> Iterator[Interval]:
    """Yield the interval of each simulated data set; not grouped: as if rows were independent."""
    for number in range(sets):
        rng = np.random.default_rng(derive_seed(SEED, process.metric, n, number))
        groups = draw_groups(n, rng)
        target, predictions = process.draw(groups, rng)
        known = groups if grouped else None
        yield bootstrap_intervals(
            process.task, target, predictions, known, resamples, number, names=[process.metric]
        )[process.metric]


def compute_coverage(intervals: list[Interval], truth: float) -> float:
    """Return the share of the intervals that have the true value."""
    return float(np.mean([low <= truth <= high for low, high in intervals]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1_000)
    parser.add_argument("--resamples", type=int, default=1_000)
    options = parser.parse_args()
    print("| metric | rows | true value | mean width | coverage | without groups |")
    print("|---|---|---|---|---|---|")
    for process in PROCESSES:
        truth = compute_truth(process)
        for n in SIZES:
            given = (process, n, options.sets, options.resamples)
            found, alone = list(make_intervals(*given)), list(make_intervals(*given, grouped=False))
            width = np.mean([high - low for low, high in found])
            print(
                f"| `{process.metric}` | {n:,} | {truth:.3f} | {width:.3f} | "
                f"{compute_coverage(found, truth):.1%} | {compute_coverage(alone, truth):.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
