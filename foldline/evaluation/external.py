"""Answers of other systems or of people, read from files to stand beside the final predictions."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.core.io.components import is_component
from foldline.core.io.labels import Labels, split_label_names
from foldline.metrics.registry import METRICS
from foldline.models.external import read_cells, read_columns, read_predictions

DECIDED = "predicted"


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
        columns = read_columns(path, key)
        scored = labels.task == "regression" or any(c.startswith("p_") for c in columns)
        if scored:
            _check_classes(path, columns, labels)
            ids, values = read_predictions(path, labels, key)
        else:
            ids, values = _read_decisions(path, columns, labels, key)
        indices = pd.Index(ids).get_indexer(pd.Index(rows["id"]))
        if (indices < 0).any():
            missing = rows["id"][indices < 0]
            raise FoldlineError(
                f"{key}: {path} has no answer for {len(missing)} of the {len(rows)} rows that are "
                f"evaluated (id {listing(missing, 5)}). Add them, or remove {key} from params.yaml"
            )
        found[name] = Answers(values[indices], scored or labels.task == "regression")
    return found


def _check_classes(path: Path, columns: list[str], labels: Labels) -> None:
    strange = [c for c in columns if c.startswith("p_") and c not in labels.columns]
    if strange and labels.classes:
        raise FoldlineError(
            f"{path} has the columns {listing(strange)}, which are no classes of this data "
            f"({listing(labels.classes, 20)}): rename them, or remove them"
        )


def _read_decisions(
    path: Path, columns: list[str], labels: Labels, key: str
) -> tuple[tuple[str, ...], np.ndarray]:
    """Read ids and answers as 0 and 1, (m, c)."""
    if "id" not in columns or DECIDED not in columns:
        raise FoldlineError(
            f"{key}: {path} has the columns {listing(columns, 20) or 'none'}; it needs id, and "
            f"{DECIDED} or {listing(labels.columns, 20)}"
        )
    lines, cells = read_cells(path, [DECIDED], key)
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
