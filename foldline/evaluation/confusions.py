"""The largest confusions: which label is predicted in place of which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.core.io.labels import Labels

MAX_CONFUSIONS, MAX_IDS = 20, 50


@dataclass(frozen=True)
class Confusion:
    """Rows (n,) bool of a label that are predicted so, wrongly, and those that are right.

    `of_label` is the number of rows of the label.

    Multilabel: without a label where it is set wrongly, without a predicted one where it is missed.
    """

    label: str
    predicted: str
    wrong: np.ndarray
    right: np.ndarray
    of_label: int


def find_confusions(labels: Labels, target: np.ndarray, decided: np.ndarray) -> list[Confusion]:
    """Return the confusions of most rows, from codes (n,); multilabel: 0 and 1 (n, c)."""
    if labels.task == "multilabel":
        found = [
            _confuse_label(labels, target, decided, *c) for c in _count_labels(target, decided)
        ]
        return found[:MAX_CONFUSIONS]
    size = len(labels.classes)
    known = target >= 0
    counts = np.bincount(target[known] * size + decided[known], minlength=size**2)
    counts[:: size + 1] = 0
    order = np.argsort(-counts, kind="stable")[:MAX_CONFUSIONS]
    return [
        Confusion(
            labels.classes[actual],
            labels.classes[predicted],
            (target == actual) & (decided == predicted),
            (target == actual) & (decided == actual),
            int((target == actual).sum()),
        )
        for actual, predicted in (divmod(int(cell), size) for cell in order if counts[cell])
    ]


def _count_labels(target: np.ndarray, decided: np.ndarray) -> list[tuple[int, int]]:
    """Return the columns of confused labels with whether they are set, the most rows first."""
    counts = {
        (column, is_set): int(
            ((target[:, column] == is_set) & (decided[:, column] != is_set)).sum()
        )
        for column in range(target.shape[1])
        for is_set in (1, 0)
    }
    return sorted((key for key in counts if counts[key]), key=lambda key: -counts[key])


def _confuse_label(
    labels: Labels, target: np.ndarray, decided: np.ndarray, column: int, is_set: int
) -> Confusion:
    own = target[:, column] == is_set
    names = ("", labels.classes[column])
    wrong = decided[:, column] != is_set
    return Confusion(names[is_set], names[1 - is_set], own & wrong, own & ~wrong, int(own.sum()))


def describe_confusions(
    confusions: Sequence[Confusion], ids: Sequence[str], losses: np.ndarray
) -> list[dict[str, Any]]:
    """Return each confusion with its share of the label's rows, and ids of the highest losses."""
    order = sorted(range(len(ids)), key=lambda row: (-losses[row], ids[row]))
    return [
        {
            "label": own.label,
            "predicted": own.predicted,
            "rows": int(own.wrong.sum()),
            "share": float(own.wrong.sum() / own.of_label),
            "ids": [ids[row] for row in order if own.wrong[row]][:MAX_IDS],
        }
        for own in confusions
    ]
