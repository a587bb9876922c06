"""Boosted trees as plain arrays, which load without a pickle (a pickle would run code)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

FIELDS = ("feature", "threshold", "left", "right", "value")


@dataclass(frozen=True)
class Forest:
    """The nodes of all trees one after another, and where each tree starts.

    `feature` is -1 for a leaf, whose `value` counts; a row whose feature is at most `threshold`
    goes to node `left`, else to `right`. `roots` (t,) are the trees' first nodes, `output` (t,) the
    score each tree adds to, `base` (k,) the initial scores.
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
        """Return (n, k) scores of (n, f) features; a row's do not depend on the other rows."""
        columns, everyone = np.ascontiguousarray(features.T), np.arange(len(features))
        scores = np.tile(self.base, (len(features), 1))
        for root, output in zip(self.roots.tolist(), self.output.tolist(), strict=True):
            # Rows are partitioned at each node, so a tree costs its depth, not its size.
            waiting = [(root, everyone)]
            while waiting:
                node, rows = waiting.pop()
                if self.feature[node] < 0:
                    scores[rows, output] += self.value[node]
                    continue
                small = columns[self.feature[node], rows] <= self.threshold[node]
                for side, chosen in ((self.left, rows[small]), (self.right, rows[~small])):
                    if len(chosen):
                        waiting.append((int(side[node]), chosen))
        return scores

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays to save."""
        return {
            f"tree_{name}": getattr(self, name) for name in (*FIELDS, "roots", "output", "base")
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "Forest":
        """Rebuild a forest from its saved arrays."""
        return cls(**{n.removeprefix("tree_"): a for n, a in arrays.items() if "tree_" in n})

    @classmethod
    def constant(cls, base: float) -> "Forest":
        """Return a forest without trees."""
        none, nodes = np.zeros(0), np.zeros(0, dtype=np.int32)
        return cls(nodes, none, nodes, nodes, none, nodes, nodes, np.array([base]))

    @classmethod
    def concatenate(cls, forests: "list[Forest]") -> "Forest":
        """Put the scores of several forests side by side."""
        nodes = np.cumsum([0, *(len(forest.feature) for forest in forests)])
        scores = np.cumsum([0, *(len(forest.base) for forest in forests)])
        columns = [
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
        return cls(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def extract_forest(boosted: Any) -> Forest:
    """Return the trees of a fitted scikit-learn HistGradientBoosting without categories."""
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
    start = Forest.constant(0.0)
    forest = Forest.concatenate([*forests, start]) if forests else start
    fields = {name: getattr(forest, name) for name in (*FIELDS, "roots", "output")}
    return Forest(**fields, base=base)
