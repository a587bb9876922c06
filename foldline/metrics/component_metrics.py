"""Metrics from components/: functions of target, predictions and the rows' weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foldline.core.io.components import Component, load_component
from foldline.metrics import validation
from foldline.metrics.registry import WeightedMeasure
from foldline.metrics.weighted_sample import Floats


def prepare_component_metrics(
    metrics: Sequence[Component], task: str, target: ArrayLike, predictions: ArrayLike
) -> WeightedMeasure:
    """Return the function from weights (n,), or None for all 1, to the value of each metric.

    Rows of weight 0 are left out. Where nothing is left, or a prediction is not finite, a value is
    NaN, as those of the library's own metrics.
    """
    true, scores = np.asarray(target), np.asarray(predictions, dtype=np.float64)
    n = validation.check_shapes(task, true.shape, scores.shape)

    def values(weights: Floats | None) -> dict[str, float]:
        w = validation.check_weights(weights, n)
        rows = w > 0
        sample = (true[rows], scores[rows], w[rows])
        defined = bool(rows.any()) and bool(np.isfinite(scores[rows]).all())
        return {m.name: _value(m, sample) if defined else float("nan") for m in metrics}

    return values


def read_ends(metric: Component) -> tuple[float, float]:
    """Return the ends of a metric's range, its BEST and WORST; infinite if it does not state them.

    `foldline.testing.metrics.check_metric` asks for both.
    """
    module = load_component(metric.name, "metric")
    try:
        return float(module.BEST), float(module.WORST)
    except (AttributeError, TypeError, ValueError):
        return float("inf"), float("-inf")


def _value(metric: Component, sample: tuple[NDArray[np.generic], Floats, Floats]) -> float:
    with np.errstate(all="ignore"):
        value = metric(*sample)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise metric.result_error(type(value).__name__, "one number") from None
