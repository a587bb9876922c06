"""Baselines that ignore the text: every other model must beat them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed, rank_keys
from foldline.models.interface import FitResult, Job
from foldline.models.soft_labels import sample_weights

FILE = "baseline.json"


@dataclass(frozen=True)
class PriorBaseline:
    """Majority baseline: predict the training rows' class shares, or their mean, for every row."""

    task: str
    values: tuple[float, ...]

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) shares or (n,) means."""
        shape = len(rows) if self.task == "regression" else (len(rows), 1)
        return np.tile(np.array(self.values), shape)

    def save(self, folder: Path) -> None:
        """Write the values."""
        write_json(folder / FILE, {"values": self.values, "seed": None})


@dataclass(frozen=True)
class RandomBaseline:
    """Random baseline: sample each prediction from a distribution, as that of the training rows.

    A prediction depends only on the row's id and text, not on the other rows.
    """

    task: str
    values: tuple[float, ...]
    seed: int

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) one-hot predictions or (n,) values."""
        texts = zip(rows["id"].tolist(), rows["text"].tolist(), strict=True)
        draws = rank_keys(self.seed, [f"random\x1f{id_}\x1f{text}" for id_, text in texts]) / 2**64
        if self.task == "regression":
            return np.asarray(np.quantile(np.array(self.values), draws))
        if self.task == "multilabel":
            return self._predict_labels(rows)
        edges = np.cumsum(self.values)[:-1]
        return np.eye(len(self.values))[np.searchsorted(edges, draws, side="right")]

    def _predict_labels(self, rows: pd.DataFrame) -> np.ndarray:
        texts = list(zip(rows["id"].tolist(), rows["text"].tolist(), strict=True))
        keys = [
            rank_keys(self.seed, [f"random\x1f{column}\x1f{id_}\x1f{text}" for id_, text in texts])
            for column in range(len(self.values))
        ]
        return (np.column_stack(keys) / 2**64 < np.array(self.values)).astype(np.float64)

    def save(self, folder: Path) -> None:
        """Write shares (or quantiles) and seed."""
        write_json(folder / FILE, {"values": self.values, "seed": self.seed})


def fit_majority(job: Job) -> FitResult:
    """Fit the class shares, or the mean."""
    target, weights = job.labels.encode(job.train["label"]), sample_weights(job.train)
    if job.labels.task == "regression":
        return FitResult(
            PriorBaseline(job.labels.task, (float(np.average(target, weights=weights)),))
        )
    return FitResult(PriorBaseline(job.labels.task, _class_shares(target, job.labels, weights)))


def fit_random(job: Job) -> FitResult:
    """Fit the class shares, or a hundred quantiles of the targets."""
    target, weights = job.labels.encode(job.train["label"]), sample_weights(job.train)
    if job.labels.task == "regression":
        options: dict[str, Any] = {"weights": weights, "method": "inverted_cdf"}
        options = {} if weights is None else options  # the only method that takes weights
        values = tuple(np.quantile(target, np.linspace(0, 1, 101), **options).tolist())
    else:
        values = _class_shares(target, job.labels, weights)
    return FitResult(RandomBaseline(job.labels.task, values, job.recipe.seed))


def fit_uniform(job: Job) -> FitResult:
    """Fit equal shares of the classes, or equal steps between the lowest and highest target."""
    target, n_classes = job.labels.encode(job.train["label"]), len(job.labels.classes)
    if job.labels.task == "regression":
        values = np.linspace(target.min(), target.max(), 101)
    else:
        values = np.full(n_classes, 0.5 if job.labels.task == "multilabel" else 1 / n_classes)
    seed = derive_seed(job.recipe.seed, "uniform")  # other draws than those of `random`
    return FitResult(RandomBaseline(job.labels.task, tuple(values.tolist()), seed))


def load(folder: Path, labels: Labels) -> PriorBaseline | RandomBaseline:
    """Read either baseline."""
    content = read_json(folder / FILE)
    values = tuple(content["values"])
    if content["seed"] is None:
        return PriorBaseline(labels.task, values)
    return RandomBaseline(labels.task, values, content["seed"])


def _class_shares(
    target: np.ndarray, labels: Labels, weights: np.ndarray | None
) -> tuple[float, ...]:
    if labels.task == "multilabel":
        return tuple(np.average(target, axis=0, weights=weights).tolist())
    counts = np.bincount(target, weights, minlength=len(labels.classes))
    return tuple((counts / counts.sum()).tolist())
