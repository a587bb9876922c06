"""Numbers are learnt in standard units, which the head gives back in the label's own."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from foldline.models.neural.layers import head_of


@dataclass(frozen=True)
class Units:
    """The mean and the spread of the training rows' numbers; 0 and 1 for classes."""

    head: Any
    mean: float
    spread: float

    @classmethod
    def of(cls, model: Any, target: np.ndarray, task: str) -> "Units":
        """Give what the head puts back; without a bias, no mean (LLaMA)."""
        head = head_of(model) if task == "regression" else None
        if head is None:
            return cls(None, 0.0, 1.0)
        if head.bias is None:
            return cls(head, 0.0, float(np.sqrt((target**2).mean())) or 1.0)
        return cls(head, float(target.mean()), float(target.std()) or 1.0)

    def of_loss(self, loss: str) -> float:
        """Give by what a loss in standard units becomes one in the label's."""
        return self.spread if loss == "mae" else self.spread**2

    @torch.no_grad()
    def put_into(self, model: Any) -> None:
        """Put the units of the label into the head: y = spread * z + mean."""
        if self.head is not None:
            self.head.weight.mul_(self.spread)
            if self.head.bias is not None:
                self.head.bias.mul_(self.spread).add_(self.mean)
