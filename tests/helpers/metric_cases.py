"""All metrics, and predictions to measure."""

from typing import Any

from numpy.typing import NDArray

from foldline.metrics.registry import METRICS
from foldline.testing.sample_data import sample_predictions as rows

__all__ = ["MEMBERS", "Array", "rows"]

Array = NDArray[Any]
MEMBERS = [(task, name) for task in METRICS for name in METRICS[task]]
