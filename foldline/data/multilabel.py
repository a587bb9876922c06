"""Several labels a row: parsed from the user's cells, and joined in one format for all stages."""

import ast
import json
from collections.abc import Sequence
from contextlib import suppress

import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.labels import BETWEEN, split_label_names
from foldline.core.params import Data
from foldline.data.normalization import normalize_text
from foldline.data.raw_table import RawTable, label_sort_key

_YES, _NO = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}


def join_labels(raw: RawTable, values: list[str], data: Data) -> list[str]:
    """Return the sorted, distinct labels of each row in the format that all stages share: (n,).

    One column (its cells are `values`) holds them with `data.separator` between, or as a list in
    JSON or Python. Several columns hold 0 or 1 each, and have the names of the labels.

    Raises:
        FoldlineError: naming the file, column and line that cannot be parsed.
    """
    if isinstance(data.label, str):
        return [_join_cell_labels(raw, row, cell, data) for row, cell in enumerate(values)]
    labels: list[list[str]] = [[] for _ in values]
    for name in sorted(data.label, key=label_sort_key):
        _check_label_name(name, f"{raw.path}, column '{name}'")
        for row, cell in enumerate(raw.columns.get(name, raw.columns.get(name.strip(), []))):
            if _parse_flag(raw, row, name, cell):
                labels[row].append(normalize_text(name, "NFC"))
    return [BETWEEN.join(names) for names in labels]


def explode_labels(rows: pd.DataFrame, task: str) -> pd.DataFrame:
    """Return a row for each label of a row; rows without labels are left out.

    Rows of other tasks, which have one label each, are returned as they are.
    """
    if task != "multilabel":
        return rows
    exploded = rows.assign(
        label=pd.Series(split_labels(rows["label"].tolist(), task), index=rows.index)
    )
    exploded = exploded.explode("label", ignore_index=True).dropna(subset="label")
    return exploded.assign(label=exploded["label"].astype("str")).reset_index(drop=True)


def split_labels(labels: Sequence[str], task: str) -> list[list[str]]:
    """Return the labels of each row as a list; tasks other than multilabel have one each."""
    return [split_label_names(label) if task == "multilabel" else [label] for label in labels]


def label_column_names(data: Data) -> str:
    """Return the names of the label columns, for a message."""
    names = [f"'{name}'" for name in data.label_columns]
    return f"column{'s' if len(names) > 1 else ''} {listing(names)}"


def multilabel_notes(rows: pd.DataFrame, data: Data, task: str) -> list[str]:
    """Return notes on rows without labels, on labels without rows, and on a wrong separator."""
    if task != "multilabel":
        return []
    counts = [len(own) for own in split_labels(rows["label"].tolist(), task)]
    notes = [f"{counts.count(0)} of {len(counts)} rows have no label"] if 0 in counts else []
    if not isinstance(data.label, str):
        used = {name for label in rows["label"].unique() for name in split_label_names(label)}
        unused = [name for name in data.label if normalize_text(name, "NFC") not in used]
        if unused:
            notes.append(f"no row has label {listing(unused)}: models always predict 0")
    if max(counts) < 2 and isinstance(data.label, str):
        notes.append(
            f"no row has more than one label: if '{data.separator}' does not separate the labels "
            f"of column '{data.label}', set data.separator; otherwise set task=classification"
        )
    return notes


def _join_cell_labels(raw: RawTable, row: int, cell: str, data: Data) -> str:
    parts = _parse_list(cell)
    if parts is None:
        parts = cell.split(data.separator)
    names = {normalize_text(part, "NFC") for part in parts} - {""}
    for name in names:
        _check_label_name(name, f"{raw.path}, {raw.where([row])}, column '{data.label}'")
    return BETWEEN.join(sorted(names, key=label_sort_key))


def _parse_list(cell: str) -> list[str] | None:
    """Return the labels of a list in JSON or Python format (as of pandas), None if not a list."""
    if not (cell.startswith("[") and cell.endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        with suppress(ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return [str(part) for part in read(cell)]
    return None


def _check_label_name(name: str, where: str) -> None:
    if BETWEEN in name:
        raise FoldlineError(
            f"{where}: label {name!r} contains '{BETWEEN}', which separates labels in the files of "
            f"the pipeline. Rename the label, or set data.separator to '{BETWEEN}' if these are "
            "several labels"
        )


def _parse_flag(raw: RawTable, row: int, name: str, cell: str | None) -> bool:
    value = (cell or "").strip().casefold()
    if value not in _YES | _NO:
        raise FoldlineError(
            f"{raw.path}, {raw.where([row])}: column '{name}' holds {cell or ''!r}; where "
            "data.label lists columns, each holds 1 (the row has this label) or 0. Correct the "
            "cell, or remove the column from data.label"
        )
    return value in _YES
