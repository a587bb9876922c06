"""Averages of the weights during training: exponential moving (EMA) or of the last steps (SWA)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import TrainerCallback

from foldline.core.params import Train

FILE = "averages.pt"


class WeightAverage(TrainerCallback):
    """EMA (Polyak and Juditsky, 1992) or SWA (Izmailov et al., 2018), each step, by torch.

    Averaging begins after step `start_step`; before it the weights themselves are used.
    """

    def __init__(self, model: Any, options: Train) -> None:
        self.model = model
        self.start_step = 0
        ema: Any = get_ema_multi_avg_fn  # not typed
        averaging = ema(options.ema) if options.ema else None
        self.average = AveragedModel(model, multi_avg_fn=averaging)

    @property
    def started(self) -> bool:
        """Return whether there is an average yet."""
        return bool(self.average.n_averaged)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Add the weights after an optimiser step."""
        if state.global_step > self.start_step:
            self.average.update_parameters(self.model)

    @torch.no_grad()
    def apply(self) -> None:
        """Replace the model's weights by the average."""
        if self.started:
            for parameter, mean in zip(*self._parameter_pairs(), strict=True):
                parameter.copy_(mean)

    @contextmanager
    def applied_temporarily(self) -> Iterator[None]:
        """Use the average in the model inside the block."""
        originals = (
            [parameter.detach().clone() for parameter in self._parameter_pairs()[0]]
            if self.started
            else []
        )
        self.apply()
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, original in zip(
                    self._parameter_pairs()[0], originals, strict=self.started
                ):
                    parameter.copy_(original)

    def save(self, folder: Path) -> None:
        """Write the average into a checkpoint."""
        torch.save(self.average.state_dict(), folder / FILE)

    def load(self, folder: Path) -> None:
        """Read the average of a checkpoint."""
        self.average.load_state_dict(torch.load(folder / FILE, weights_only=True))

    def _parameter_pairs(self) -> tuple[list[Any], list[Any]]:
        return list(self.model.parameters()), list(self.average.module.parameters())
