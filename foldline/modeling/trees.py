"""Boosted trees as plain arrays: they open without a pickle, which would run code."""

from dataclasses import dataclass
from typing import Any

import numpy as np

CELLS = 1 << 16  # rows times trees at once: what the processor keeps near
FIELDS = ("feature", "threshold", "left", "right", "value")


@dataclass(frozen=True)
class Forest:
    """The nodes of all trees one after another, and where each tree starts.

    `feature` is -1 for a leaf, whose `value` counts; a row whose feature is at most the
    `threshold` goes to `left`, else to `right`: places of nodes. `roots` (t,) are trees' first
    nodes, `output` (t,) which score each adds to, `base` (k,) where scores start from.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    roots: np.ndarray
    output: np.ndarray
    base: np.ndarray

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Give (n, k) scores of (n, f) features."""
        found = np.tile(self.base, (len(features), 1))
        size = max(1, CELLS // max(1, len(self.roots)))
        for start in range(0, len(features), size):
            part = features[start : start + size]
            values = self.value[self._leaves(part)]
            for output in range(len(self.base)):
                found[start : start + size, output] += values[:, self.output == output].sum(axis=1)
        return found

    def _leaves(self, features: np.ndarray) -> np.ndarray:
        """Give the leaf (n, t) that each row comes to in each tree."""
        rows = np.arange(len(features))[:, None]
        nodes = np.tile(self.roots, (len(features), 1))
        while (self.feature[nodes] >= 0).any():
            feature = self.feature[nodes]
            small = features[rows, np.maximum(feature, 0)] <= self.threshold[nodes]
            following = np.where(small, self.left[nodes], self.right[nodes])
            nodes = np.where(feature >= 0, following, nodes)
        return nodes

    def arrays(self) -> dict[str, np.ndarray]:
        """Give what is to be kept."""
        return {
            f"tree_{name}": getattr(self, name) for name in (*FIELDS, "roots", "output", "base")
        }

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> "Forest":
        """Make the forest whose arrays were kept."""
        return cls(**{n.removeprefix("tree_"): a for n, a in arrays.items() if "tree_" in n})

    @classmethod
    def certain(cls, base: float) -> "Forest":
        """Give a forest without trees."""
        none, places = np.zeros(0), np.zeros(0, dtype=np.int32)
        return cls(places, none, places, places, none, places, places, np.array([base]))

    @classmethod
    def joined(cls, forests: "list[Forest]") -> "Forest":
        """Put the scores of several forests side by side."""
        nodes = np.cumsum([0, *(len(forest.feature) for forest in forests)])
        scores = np.cumsum([0, *(len(forest.base) for forest in forests)])
        moved = [
            [
                f.feature,
                f.threshold,
                f.left + n,
                f.right + n,
                f.value,
                f.roots + n,
                f.output + k,
                f.base,
            ]
            for f, n, k in zip(forests, nodes, scores, strict=False)
        ]
        return cls(*(np.concatenate(column) for column in zip(*moved, strict=True)))


def forest_of(boosted: Any) -> Forest:
    """Take the trees out of a fitted HistGradientBoosting of scikit-learn without categories."""
    base = np.asarray(boosted._baseline_prediction, dtype=np.float64).ravel()
    forests = []
    for round_ in boosted._predictors:
        for output, tree in enumerate(round_):
            nodes = tree.nodes
            leaf = nodes["is_leaf"].astype(bool)
            forests.append(
                Forest(
                    np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32),
                    nodes["num_threshold"].astype(np.float64),
                    nodes["left"].astype(np.int32),
                    nodes["right"].astype(np.int32),
                    nodes["value"].astype(np.float64),
                    np.zeros(1, dtype=np.int32),
                    np.full(1, output, dtype=np.int32),
                    np.zeros(0),
                )
            )
    start = Forest.certain(0.0)
    whole = Forest.joined([*forests, start]) if forests else start
    fields = {name: getattr(whole, name) for name in (*FIELDS, "roots", "output")}
    return Forest(**fields, base=base)
