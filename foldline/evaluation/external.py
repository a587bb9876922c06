"""Answers of other systems or of people, read from files to stand beside the final predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.core.io.components import is_component
from foldline.core.io.labels import Labels, split_label_names
from foldline.core.io.prediction_files import (
    PREDICTED,
    has_probabilities,
    read_cells,
    read_columns,
    read_predictions,
)
from foldline.metrics.registry import METRICS


@dataclass(frozen=True)
class Answers:
    """Predictions (n, c) or (n,); without probabilities they are 1 for what was answered, else 0.

    Metrics of probabilities are then undefined.
    """

    values: np.ndarray
    has_probabilities: bool

    def drop_undefined(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Return scores with NaN in place of the library's that probabilities alone define."""
        if self.has_probabilities:
            return dict(scores)
        of_labels = {n for own in METRICS.values() for n, m in own.items() if m.of_labels}
        kept = of_labels | {"low", "high"}
        return {
            name: value if name in kept or is_component(name) else float("nan")
            for name, value in scores.items()
        }


def read_answers(
    files: Mapping[str, str], labels: Labels, rows: pd.DataFrame
) -> dict[str, Answers]:
    """Return the answers in each file for the rows, by name.

    Raises:
        FoldlineError: for a malformed file, another system's classes, or rows without an answer.
    """
    found = {}
    for name, file in files.items():
        key, path = f"evaluate.external.{name}", Path(file)
        scored = labels.task == "regression" or has_probabilities(read_columns(path, key))
        read = read_predictions if scored else _read_decisions
        ids, values = read(path, labels, key)
        indices = pd.Index(ids).get_indexer(pd.Index(rows["id"]))
        if (indices < 0).any():
            missing = rows["id"][indices < 0]
            raise FoldlineError(
                f"{key}: {path} has no answer for {len(missing)} of the {len(rows)} rows that are "
                f"evaluated (id {listing(missing, 5)}). Add them, or remove {key} from params.yaml"
            )
        found[name] = Answers(values[indices], scored)
    return found


def _read_decisions(path: Path, labels: Labels, key: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Read ids and answers as 0 and 1, (m, c)."""
    lines, cells = read_cells(path, [PREDICTED], key)
    decided = pd.Series([cell or "" for (cell,) in cells], dtype="str")
    for line, answer in zip(lines.values(), decided, strict=True):
        names = split_label_names(answer) if labels.task == "multilabel" else [answer]
        for name in names:
            if name not in labels.classes:
                close = closest_name(name, labels.classes)
                hint = f"; did you mean '{close}'?" if close else "."
                raise FoldlineError(
                    f"{path}, line {line}: {name!r} is no class{hint} Classes: "
                    f"{listing(labels.classes, 20)}"
                )
    codes = labels.encode(decided)
    values = codes if labels.task == "multilabel" else np.eye(len(labels.classes))[codes]
    return tuple(lines), values.astype(np.float64)
