"""A k-nearest-neighbours head over dense features."""

from dataclasses import dataclass

import numpy as np

from foldline.core.io.arrays import encode_name
from foldline.core.io.labels import Labels
from foldline.core.params import DenseHead
from foldline.models.scaling import normalise_rows

MAX_CELLS = 20_000_000  # of a block of similarities


@dataclass(frozen=True)
class KnnHead:
    """Votes of the nearest training rows, weighted by cosine similarity and sample weight.

    `rows` (m, f), `targets` (m, c) or (m, 1), `weights` (m,).
    """

    rows: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    count: np.ndarray

    def predict(self, features: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the weighted mean of the neighbours' targets."""
        unit = normalise_rows(features)
        votes_sum = np.zeros((len(features), self.targets.shape[1]))
        size = max(1, MAX_CELLS // len(self.rows))
        for start in range(0, len(unit), size):
            similarity = unit[start : start + size].astype(np.float64) @ self.rows.T.astype(
                np.float64
            )
            # The last digits depend on the other rows of the block: ties must not.
            similarity = similarity.round(6)
            order = np.argsort(-similarity, axis=1, kind="stable")[:, : int(self.count)]
            votes = (
                np.maximum(np.take_along_axis(similarity, order, axis=1), 1e-6)
                * self.weights[order]
            )
            votes /= votes.sum(axis=1, keepdims=True)
            votes_sum[start : start + size] = np.einsum("nk,nkc->nc", votes, self.targets[order])
        return votes_sum[:, 0] if labels.task == "regression" else votes_sum

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the stored rows."""
        names = ("rows", "targets", "weights", "count")
        fields = {name: getattr(self, name) for name in names}
        return {"head": encode_name("knn")} | fields

    @classmethod
    def fit(
        cls,
        options: DenseHead,
        features: np.ndarray,
        target: np.ndarray,
        labels: Labels,
        weights: np.ndarray | None,
    ) -> "KnnHead":
        """Store the training rows."""
        if labels.task == "regression":
            targets = target[:, None]
        elif target.ndim == 1:
            targets = np.eye(len(labels.classes))[target]
        else:
            targets = target
        count = np.array(min(options.neighbours, len(features)))
        weights = np.ones(len(features)) if weights is None else weights
        unit = normalise_rows(features).astype(np.float32)
        return cls(unit, targets.astype(np.float64), weights, count)
