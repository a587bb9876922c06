"""Standardised regression targets: trained in standard units, predicted in the label's own."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from foldline.models.neural.layers import find_head


@dataclass(frozen=True)
class TargetScaling:
    """Mean and standard deviation of the training targets; 0 and 1 for classes."""

    mean: float
    std: float
    is_on: bool

    @classmethod
    def fit(cls, model: Any, target: np.ndarray, task: str) -> "TargetScaling":
        """Fit the scaling to the targets; without a bias in the head (LLaMA) there is no mean."""
        head = find_head(model) if task == "regression" else None
        if head is None:
            return cls(0.0, 1.0, is_on=False)
        if head.bias is None:
            return cls(0.0, float(np.sqrt((target**2).mean())) or 1.0, is_on=True)
        return cls(float(target.mean()), float(target.std()) or 1.0, is_on=True)

    def loss_unit(self, loss: str) -> float:
        """Return the factor that turns a loss in standard units into one in the label's."""
        return self.std if loss == "mae" else self.std**2

    @torch.no_grad()
    def fold_into_head(self, model: Any) -> None:
        """Fold the scaling into the head of a model: y = std * z + mean."""
        if self.is_on:
            head = find_head(model)
            head.weight.mul_(self.std)
            if head.bias is not None:
                head.bias.mul_(self.std).add_(self.mean)
