"""A model that sees nothing of a text but its length: what lengths alone give away."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.params import LinearOptions
from foldline.models import dense_heads
from foldline.models.interface import Fitted, Job
from foldline.models.soft_labels import targets_of, weights_of

ARRAYS = "length.npz"
# Two numbers of a text do not need to be held back.
OPTIONS = LinearOptions(c=100.0, alpha=1e-3, class_weights="none")


@dataclass(frozen=True)
class Length:
    """A linear head over lengths."""

    labels: Labels
    head: dense_heads.Head

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Give (n, c) probabilities or (n,) numbers, in the order of the rows."""
        return self.head.predict(lengths(rows), self.labels)

    def save(self, folder: Path) -> None:
        """Write the head's arrays."""
        np.savez_compressed(folder / ARRAYS, allow_pickle=False, **self.head.arrays())


def fit(job: Job) -> Fitted:
    """Fit a logistic or ridge regression on lengths."""
    target, weights = targets_of(job.train, job.labels), weights_of(job.train)
    head = dense_heads.fit_linear(OPTIONS, lengths(job.train), target, job.labels, weights)
    return Fitted(Length(job.labels, head))


def load(folder: Path, labels: Labels) -> Length:
    """Read the model."""
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        return Length(labels, dense_heads.restored(dict(arrays)))


def lengths(rows: pd.DataFrame) -> np.ndarray:
    """Give (n, 6) logs of characters and words of both texts, and how far those lie apart.

    The last four are 0, or those of the first, where there is no second text.
    """
    first, second = (_of(rows[name].tolist()) for name in ("text", "text_pair"))
    return np.hstack([first, second, np.abs(first - second)])


def _of(texts: list[str]) -> np.ndarray:
    counts = [(len(text), len(text.split())) for text in texts]
    return np.log1p(np.array(counts, dtype=np.float64).reshape(len(texts), 2))
