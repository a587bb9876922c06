"""The one interface that all kinds of models share."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
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
        """Return (n, c) float64 probabilities, or (n,) values, in the order of the rows."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into an empty folder."""
        ...


@dataclass(frozen=True)
class TrainingRecord:
    """The history of a training by optimiser step, and its summary.

    `run_info` describes the training on this machine: precision, speed by epoch. `speed` holds the
    speed of each step. `samples` are the predictions of the job's sample rows after each epoch.
    `notes` are warnings for the user.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, float] = field(default_factory=dict)
    run_info: dict[str, Any] = field(default_factory=dict)
    samples: dict[int, np.ndarray] = field(default_factory=dict)
    speed: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FitResult:
    """A trained model, and the record of its training: see TrainingRecord."""

    model: Model
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, float] = field(default_factory=dict)
    run_info: dict[str, Any] = field(default_factory=dict)
    samples: dict[int, np.ndarray] = field(default_factory=dict)
    speed: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def record(self) -> TrainingRecord:
        """Return all but the model."""
        values = {item.name: getattr(self, item.name) for item in fields(TrainingRecord)}
        return TrainingRecord(**values)


def compute_anew(job: "Job", name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """Return what `compute` makes of a job, without a store."""
    return compute()


@dataclass(frozen=True)
class Job:
    """The inputs of a fit: training rows, validation rows for early stopping, and the recipe.

    `checkpoint_folder` lets a killed fit resume. `pretraining_texts` are unlabelled texts (columns
    text, text_pair, part). `sample_ids` are validation rows to predict after each epoch; `tracker`
    receives every step. `remember` returns an array that follows from a job and a name, computed by
    the function that it is given, or stored before.
    """

    train: pd.DataFrame
    valid: pd.DataFrame
    labels: Labels
    recipe: Recipe
    checkpoint_folder: Path
    pretraining_texts: pd.DataFrame = field(default_factory=pd.DataFrame)
    sample_ids: tuple[str, ...] = ()
    tracker: SafeTracker = field(default_factory=SafeTracker)
    remember: Callable[["Job", str, Callable[[], np.ndarray]], np.ndarray] = compute_anew


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    `stops_early` says whether `fit` uses the validation rows, `uses_weights` whether it follows the
    column `weight` of the training rows.
    """

    fit: Callable[[Job], FitResult]
    load: Callable[[Path, Labels], Model]
    stops_early: bool = False
    uses_weights: bool = False
