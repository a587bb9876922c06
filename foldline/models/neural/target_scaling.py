"""Standardised regression targets: trained in standard units, predicted in the label's own."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from foldline.models.neural.layers import find_head


@dataclass(frozen=True)
class TargetScaling:
    """Mean and standard deviation of the training targets; 0 and 1 for classes."""

    head: Any
    mean: float
    std: float

    @classmethod
    def fit(cls, model: Any, target: np.ndarray, task: str) -> "TargetScaling":
        """Fit the scaling to the targets; without a bias in the head (LLaMA) there is no mean."""
        head = find_head(model) if task == "regression" else None
        if head is None:
            return cls(None, 0.0, 1.0)
        if head.bias is None:
            return cls(head, 0.0, float(np.sqrt((target**2).mean())) or 1.0)
        return cls(head, float(target.mean()), float(target.std()) or 1.0)

    def loss_unit(self, loss: str) -> float:
        """Return the factor that turns a loss in standard units into one in the label's."""
        return self.std if loss == "mae" else self.std**2

    @torch.no_grad()
    def fold_into_head(self) -> None:
        """Fold the scaling into the head: y = std * z + mean."""
        if self.head is not None:
            self.head.weight.mul_(self.std)
            if self.head.bias is not None:
                self.head.bias.mul_(self.std).add_(self.mean)
