"""Predictions that differ from row to row: else any two ways to make them would seem equal."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from foldline.models.neural.layers import find_head
from foldline.models.neural.transformer import Transformer

MIN_SPREAD = 0.1  # of a spread; predictions are compared to 1e-5
WEIGHT_STD = (
    0.5  # the weights' standard deviation that tells texts apart, in a model hardly trained
)


def are_distinct(predictions: np.ndarray) -> bool:
    """Return whether rows are told apart by far more than a comparison tolerates."""
    return bool(np.ptp(predictions, axis=0).max() > MIN_SPREAD)


@torch.no_grad()
def make_distinct(fitted: Any, table: pd.DataFrame) -> Any:
    """Let a transformer that was hardly trained tell these rows apart, about the same mean.

    All of its matrices are multiplied: of the head alone, rounding would grow by as much.
    """
    own = fitted.model
    if not isinstance(own, Transformer):
        return fitted
    before, times = _mean_output(own, table), WEIGHT_STD / own.model.config.initializer_range
    for parameter in own.model.parameters():
        if parameter.ndim > 1:
            parameter.mul_(times)
    bias = find_head(own.model).bias
    bias.add_(torch.from_numpy(before - _mean_output(own, table)).to(bias))
    return fitted


def _mean_output(own: Transformer, table: pd.DataFrame) -> np.ndarray:
    """Return the mean output: of numbers themselves, of chances their logarithms or log odds."""
    found = own.predict(table)
    if own.labels.task == "regression":
        return np.asarray([found.mean()])
    odds = found / (1 - found) if own.labels.task == "multilabel" else found
    return np.asarray(np.log(odds).mean(axis=0))
