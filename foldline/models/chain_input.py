"""The predictions of a chain's first model as input of the second: a text prefix, or features."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels, split_label_names

COLUMN = "chained_"  # starts the names of the columns of features, which no table has
BETWEEN = ": "
NO_LABEL = "none"  # the prefix of a multilabel row without labels
MIN_PROBABILITY = 1e-3  # so that log-probabilities stay in the range of other features


@dataclass(frozen=True)
class ChainInput:
    """How predictions become an input, `prefix` or `features`; `labels` are the first model's.

    Its numbers are features less `center`, over `scale`.
    """

    form: str
    labels: Labels
    center: float = 0.0
    scale: float = 1.0

    @classmethod
    def fit(cls, form: str, labels: Labels, predictions: np.ndarray) -> "ChainInput":
        """Return the input by the first model's predictions (n, c) or (n,) of training rows."""
        if labels.task != "regression":
            return cls(form, labels)
        return cls(form, labels, float(predictions.mean()), float(predictions.std()) or 1.0)

    def add(self, rows: pd.DataFrame, predictions: np.ndarray) -> pd.DataFrame:
        """Return rows with their predictions as a prefix of the text, or as columns of features."""
        if self.form == "prefix":
            names = self._name_classes(predictions)
            texts = zip(names, rows["text"].tolist(), strict=True)
            return rows.assign(text=[f"{name}{BETWEEN}{text}" for name, text in texts])
        features = self._make_features(predictions)
        return rows.assign(**{f"{COLUMN}{k}": column for k, column in enumerate(features.T)})

    def _name_classes(self, predictions: np.ndarray) -> list[str]:
        decoded = self.labels.decode(predictions)
        if self.labels.task == "regression":
            return [f"{value:.2g}" for value in decoded]
        if self.labels.task == "multilabel":
            return [", ".join(split_label_names(str(own))) or NO_LABEL for own in decoded]
        return list(map(str, decoded))

    def _make_features(self, predictions: np.ndarray) -> np.ndarray:
        """Return (n, f): log-probabilities, log odds of each label, or the scaled number."""
        if self.labels.task == "regression":
            return ((predictions - self.center) / self.scale)[:, None]
        clipped = np.clip(predictions, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        if self.labels.task == "multilabel":
            return np.asarray(np.log(clipped / (1 - clipped)))
        return np.asarray(np.log(clipped))


def count_features(rows: pd.DataFrame) -> int:
    """Return the number of features that a chain has added to rows."""
    return sum(name.startswith(COLUMN) for name in rows.columns)


def append_features(features: Any, rows: pd.DataFrame) -> Any:
    """Return features (n, f), dense or sparse, and after them those that a chain added to rows."""
    names = [name for name in rows.columns if name.startswith(COLUMN)]
    if not names:
        return features
    added = rows[names].to_numpy(dtype=np.float64)
    if isinstance(features, np.ndarray):
        return np.hstack([features, added])
    from scipy import sparse

    return sparse.hstack([features, added], format="csr")
