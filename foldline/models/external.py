"""Predictions made outside Foldline, read from a file by row id.

Foldline cannot verify that they are out of fold: each row must have been predicted by a model that
was not trained on it, otherwise cross-validation scores are meaningless.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.arrays import load_arrays, save_arrays
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.models.interface import FitResult, Job

ARRAYS, CARD = "external.safetensors", "external.json"
REGRESSION_COLUMN = "predicted"
TOLERANCE = 0.01  # of the sum of a row's probabilities, which are often rounded


@dataclass(frozen=True)
class ExternalPredictions:
    """Predictions (m, c) or (m,) by id, and the file they came from."""

    path: str
    ids: tuple[str, ...]
    values: np.ndarray

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the predictions of the rows, looked up by id.

        Raises:
            FoldlineError: for ids that the file does not contain.
        """
        indices = pd.Index(self.ids).get_indexer(pd.Index(rows["id"].astype(str)))
        if (indices < 0).any():
            missing = rows["id"][indices < 0]
            raise FoldlineError(
                f"{self.path} has no prediction of {len(missing)} of {len(rows)} rows "
                f"(id {listing(missing)}): it must have all rows, including test rows and rows "
                "to predict"
            )
        return self.values[indices]

    def save(self, folder: Path) -> None:
        """Write ids and predictions."""
        save_arrays(folder / ARRAYS, {"values": self.values})
        write_json(folder / CARD, {"path": self.path, "ids": self.ids})


def fit(job: Job) -> FitResult:
    """Read the predictions; nothing is learnt from the rows.

    Raises:
        FoldlineError: for a malformed file, with its line or column.
    """
    path = job.recipe.external.file
    if path is None:
        raise FoldlineError("external.file is null: name a csv file under data/raw/")
    ids, values = read_predictions(Path(path), job.labels)
    return FitResult(
        ExternalPredictions(path, ids, values), summary={"predictions": float(len(ids))}
    )


def load(folder: Path, labels: Labels) -> ExternalPredictions:
    """Read the model."""
    card = read_json(folder / CARD)
    values = load_arrays(folder / ARRAYS)["values"]
    return ExternalPredictions(card["path"], tuple(card["ids"]), values)


def read_predictions(
    path: Path, labels: Labels, key: str = "external.file"
) -> tuple[tuple[str, ...], np.ndarray]:
    """Read ids and (m, c) probabilities, or (m,) values, from a csv file.

    `key` is the line of params.yaml that names the file.

    Raises:
        FoldlineError: for a malformed file, with its line or column.
    """
    names = labels.columns or [REGRESSION_COLUMN]
    lines, cells = read_cells(path, names, key)
    values = [
        [_parse_number(path, line, name, cell) for name, cell in zip(names, row, strict=True)]
        for line, row in zip(lines.values(), cells, strict=True)
    ]
    predictions = np.array(values, dtype=np.float64).reshape(len(values), len(names))
    if labels.task == "regression":
        return tuple(lines), predictions[:, 0]
    return tuple(lines), _validate_probabilities(path, list(lines.values()), predictions, labels)


def read_columns(path: Path, key: str) -> list[str]:
    """Return the names of the columns of a csv file.

    Raises:
        FoldlineError: if it cannot be read.
    """
    with _open_csv(path, key) as reader:
        return list(reader.fieldnames or [])


def read_cells(
    path: Path, names: Sequence[str], key: str
) -> tuple[dict[str, int], list[list[str | None]]]:
    """Read the line of each id of a csv file, and its cells in the named columns.

    Raises:
        FoldlineError: for a malformed file, with its line or column.
    """
    lines: dict[str, int] = {}
    cells = []
    with _open_csv(path, key) as reader:
        _check_columns(path, reader.fieldnames or [], names)
        for row in reader:
            _check_cells(path, reader.line_num, row)
            id_ = row["id"]
            if id_ in lines:
                raise FoldlineError(
                    f"{path}, line {reader.line_num}: id '{id_}' is already in line "
                    f"{lines[id_]}: keep one prediction for each row"
                )
            lines[id_] = reader.line_num
            cells.append([row[name] for name in names])
    return lines, cells


@contextmanager
def _open_csv(path: Path, key: str) -> Iterator["csv.DictReader[str]"]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield csv.DictReader(stream)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FoldlineError(
            f"{key}={path} cannot be read: {error}. Name a csv file in UTF-8"
        ) from error


def _check_columns(path: Path, columns: Sequence[str], names: Sequence[str]) -> None:
    missing = [name for name in ["id", *names] if name not in columns]
    if missing:
        raise FoldlineError(
            f"{path} has no column {listing(missing)}; it has {listing(columns, 20) or 'none'}. "
            f"Name its columns id, {', '.join(names)}"
        )


def _check_cells(path: Path, line: int, row: Mapping[str | None, object]) -> None:
    # A decimal comma (0,5) shifts the following cells into the wrong columns.
    if None in row:
        raise FoldlineError(
            f"{path}, line {line}: more cells than columns: write numbers with a decimal "
            "point (0.5), and quote ids that contain a comma"
        )


def _parse_number(path: Path, line: int, name: str, cell: str | None) -> float:
    try:
        value = float(cell or "")
        if not np.isfinite(value):
            raise ValueError
    except ValueError:
        raise FoldlineError(
            f"{path}, line {line}: column {name} must hold a number (found {cell or ''!r:.40})"
        ) from None
    return value


def _validate_probabilities(
    path: Path, lines: list[int], probabilities: np.ndarray, labels: Labels
) -> np.ndarray:
    """Check probabilities and normalise each row to sum to exactly 1."""
    invalid = (probabilities < 0).any(axis=1) | (probabilities > 1).any(axis=1)
    problem = "probabilities must be from 0 to 1"
    if not invalid.any() and labels.task == "classification":
        invalid = np.abs(probabilities.sum(axis=1) - 1) > TOLERANCE
        problem = "the probabilities of a row must sum to 1"
    if invalid.any():
        row = int(invalid.argmax())
        example = ", ".join(f"{value:g}" for value in probabilities[row].tolist()[:8])
        raise FoldlineError(f"{path}, line {lines[row]}: {problem} (found {example})")
    if labels.task == "multilabel":
        return probabilities
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))
