"""Csv files of predictions by row id that were made elsewhere, by a system or by people."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.labels import Labels

ID, PREDICTED = "id", "predicted"
TOLERANCE = 0.01  # of the sum of a row's probabilities, which are often rounded


def read_predictions(path: Path, labels: Labels, key: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Read ids and (m, c) probabilities, or (m,) values, from a csv file.

    `key` is the line of params.yaml that names the file.

    Raises:
        FoldlineError: for a malformed file, with its line or column.
    """
    names = labels.columns or [PREDICTED]
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
        if problem := _describe_missing(reader.fieldnames or [], names):
            raise FoldlineError(f"{path} {problem}")
        for row in reader:
            _check_cells(path, reader.line_num, row)
            id_ = row[ID]
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


def find_column_problem(
    path: Path, task: str, classes: Sequence[str], key: str, labels_suffice: bool
) -> str | None:
    """Return what is wrong with the columns of a file; its rows are not read.

    `classes` are empty where they are not known yet. `labels_suffice`: the column `predicted`
    may stand in for probabilities.
    """
    try:
        columns = read_columns(path, key)
    except FoldlineError as error:
        return str(error)
    names = [f"p_{name}" for name in classes or ["<class>"]]
    if task == "regression" or (labels_suffice and not has_probabilities(columns)):
        names = [PREDICTED]
    elif not classes and has_probabilities(columns):
        names = []
    problem = _describe_missing(columns, names)
    return f"{path} {problem}" if problem else None


def has_probabilities(columns: Sequence[str]) -> bool:
    """Return whether a column holds probabilities of a class."""
    return any(name.startswith("p_") for name in columns)


def _describe_missing(columns: Sequence[str], names: Sequence[str]) -> str | None:
    missing = [name for name in [ID, *names] if name not in columns]
    if not missing:
        return None
    return (
        f"has no column {listing(missing)}; it has {listing(columns, 20) or 'none'}. "
        f"Name its columns {', '.join([ID, *names])}"
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
