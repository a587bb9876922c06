"""Checks of metrics: functions of target, predictions and the rows' weights."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foldline.testing.contract import ContractError, get_function, require
from foldline.testing.sample_data import sample_predictions

# Values by name, of target, predictions and weights (None: 1 each).
Measure = Callable[[NDArray[Any], NDArray[Any], NDArray[Any] | None], Mapping[str, float]]
Ends = Mapping[str, tuple[float, float]]  # best and worst value by name
RELATIVE, ABSOLUTE = 1e-9, 1e-12
ROUNDS = 20


def check_metric(part: Any, task: str, options: Mapping[str, Any] | None = None) -> None:
    """Check a metric: a module with `metric(target, predictions, weights, **options)`.

    The module states its range as BEST and WORST.

    Raises:
        ContractError: naming what is wrong and what to change.
    """
    function = get_function(part, "metric", options)
    ends = {"metric": _range(part)}

    def measure(
        target: NDArray[Any], predictions: NDArray[Any], weights: NDArray[Any] | None
    ) -> dict[str, float]:
        given = np.ones(len(target)) if weights is None else np.asarray(weights, dtype=np.float64)
        rows = given > 0
        arrays = [target[rows].copy(), predictions[rows].copy(), given[rows]]
        before = [array.copy() for array in arrays]
        with np.errstate(all="ignore"):
            value = function(*arrays)
        require(
            np.ndim(value) == 0 and isinstance(value, (int, float, np.number)),
            f"the metric returned {type(value).__name__}",
            "Return one number: float(...)",
        )
        require(
            all(map(np.array_equal, arrays, before)),
            "the metric changed its inputs",
            "Work on copies of target, predictions and weights",
        )
        return {"metric": float(value)}

    check_best_value(measure, task, ends)
    for seed in range(ROUNDS):
        n = 5 + seed
        target, predictions = sample_predictions(task, seed, n)
        rng = np.random.default_rng(seed)
        check_repetitions(measure, target, predictions, rng.integers(1, 4, size=n))
        check_row_order(measure, target, predictions, rng.permutation(n))
        check_range(measure, target, predictions, ends)
    for n in (1, 2):
        check_range(measure, *sample_predictions(task, 0, n), ends)


def check_best_value(measure: Measure, task: str, ends: Ends) -> None:
    """Check that perfect predictions have the best value."""
    target, _ = sample_predictions(task, 0)
    perfect = np.eye(3)[target.astype(int)] if task == "classification" else target.astype(float)
    for name, value in measure(target, perfect, None).items():
        require(
            _close(value, ends[name][0]),
            f"perfect predictions have the value {value:g}, and the best one is {ends[name][0]:g}",
            "Correct BEST, or the metric",
        )


def check_repetitions(
    measure: Measure,
    target: NDArray[Any],
    predictions: NDArray[Any],
    counts: NDArray[Any],
) -> None:
    """Check that a weight of k counts as k equal rows: intervals are made by weights."""
    weighted = measure(target, predictions, counts)
    repeated = measure(
        np.repeat(target, counts, axis=0), np.repeat(predictions, counts, axis=0), None
    )
    for name, value in weighted.items():
        require(
            _close(value, repeated[name]),
            f"rows with weights have the value {value:g}, the same rows repeated "
            f"{repeated[name]:g}",
            "Use `weights`: `np.average(values, weights=weights)`, or `sample_weight=weights` in "
            "scikit-learn. Without it the interval of the metric is wrong",
        )


def check_row_order(
    measure: Measure,
    target: NDArray[Any],
    predictions: NDArray[Any],
    order: NDArray[Any],
) -> None:
    """Check that the order of the rows does not matter."""
    straight = measure(target, predictions, None)
    shuffled = measure(target[order], predictions[order], None)
    for name, value in straight.items():
        require(
            _close(value, shuffled[name]),
            f"rows in another order have the value {shuffled[name]:g}, not {value:g}",
            "Do not rely on the order of the rows",
        )


def check_range(
    measure: Measure, target: NDArray[Any], predictions: NDArray[Any], ends: Ends
) -> None:
    """Check that values lie between the worst and the best one, or are NaN."""
    for name, value in measure(target, predictions, None).items():
        low, high = sorted(ends[name])
        require(
            np.isnan(value) or low - ABSOLUTE <= value <= high + ABSOLUTE,
            f"the value {value:g} lies outside of {low:g} to {high:g}",
            "Correct BEST and WORST, or the metric",
        )


def _range(part: Any) -> tuple[float, float]:
    try:
        return float(part.BEST), float(part.WORST)
    except (AttributeError, TypeError, ValueError):
        raise ContractError(
            f"{getattr(part, '__name__', part)} does not state BEST and WORST as numbers. Add the "
            "values of perfect and of the worst predictions, such as `BEST, WORST = 1.0, 0.0`; an "
            "end that does not exist is `float('inf')`"
        ) from None


def _close(value: float, other: float) -> bool:
    return bool(np.isclose(value, other, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
