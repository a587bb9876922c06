"""The one interface that all kinds of models share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.params import Recipe
from foldline.models.tracking import SafeTracker


class Model(Protocol):
    """A trained model; rows are tables with `text` and `text_pair`."""

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Give (n, c) float64 probabilities, or (n,) numbers, in the order of the rows."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder."""
        ...


@dataclass(frozen=True)
class FitResult:
    """A trained model, its history by optimiser step, and a few numbers about the training.

    `ran` tells how the training ran on this machine: its precision, its speed by epoch; `speed`
    is that of each step. `samples` are the predictions of the rows that the job shows, after each
    epoch.
    """

    model: Model
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, float] = field(default_factory=dict)
    run_info: dict[str, Any] = field(default_factory=dict)
    samples: dict[int, np.ndarray] = field(default_factory=dict)
    speed: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """What a model is fitted to: rows to learn from, rows to stop by, and the recipe.

    `scratch` is a folder for checkpoints: a fit that is killed goes on from there. `further` are
    texts without labels (columns text, text_pair, part), to pre-train on. `shown` are the ids of
    validation rows that are predicted after each epoch, and `tracker` hears of each step.
    """

    train: pd.DataFrame
    valid: pd.DataFrame
    labels: Labels
    recipe: Recipe
    checkpoint_folder: Path
    pretraining_texts: pd.DataFrame = field(default_factory=pd.DataFrame)
    sample_ids: tuple[str, ...] = ()
    tracker: SafeTracker = field(default_factory=SafeTracker)


@dataclass(frozen=True)
class Kind:
    """A kind of model; `stops_early` says whether `fit` looks at the validation rows."""

    fit: Callable[[Job], FitResult]
    load: Callable[[Path, Labels], Model]
    stops_early: bool = False
