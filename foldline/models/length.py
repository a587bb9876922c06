"""A model on text length alone: how much lengths reveal about the labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.arrays import load_arrays, save_arrays
from foldline.core.io.labels import Labels
from foldline.core.params import LinearOptions
from foldline.models import dense_heads
from foldline.models.interface import FitResult, Job
from foldline.models.soft_labels import sample_weights, training_targets

ARRAYS = "length.safetensors"
# So few features need no regularisation.
OPTIONS = LinearOptions(c=100.0, alpha=1e-3, class_weights="none")


@dataclass(frozen=True)
class LengthModel:
    """A linear head over length features."""

    labels: Labels
    head: dense_heads.Head

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) numbers, in the order of the rows."""
        return self.head.predict(length_features(rows), self.labels)

    def save(self, folder: Path) -> None:
        """Write the head's arrays."""
        save_arrays(folder / ARRAYS, self.head.arrays())


def fit(job: Job) -> FitResult:
    """Fit a logistic or ridge regression on lengths."""
    target, weights = training_targets(job.train, job.labels), sample_weights(job.train)
    head = dense_heads.fit_linear(OPTIONS, length_features(job.train), target, job.labels, weights)
    return FitResult(LengthModel(job.labels, head))


def load(folder: Path, labels: Labels) -> LengthModel:
    """Read the model."""
    return LengthModel(labels, dense_heads.restore_head(load_arrays(folder / ARRAYS)))


def length_features(rows: pd.DataFrame) -> np.ndarray:
    """Return (n, 6) log counts of characters and words of both texts, and their differences.

    Without a second text its two counts are 0 and the differences equal the first two.
    """
    first, second = (_log_lengths(rows[name].tolist()) for name in ("text", "text_pair"))
    return np.hstack([first, second, np.abs(first - second)])


def _log_lengths(texts: list[str]) -> np.ndarray:
    counts = [(len(text), len(text.split())) for text in texts]
    return np.log1p(np.array(counts, dtype=np.float64).reshape(len(texts), 2))
