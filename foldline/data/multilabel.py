"""Several labels a row: read as the user wrote them, and written in one form for every stage."""

import ast
import json
from collections.abc import Sequence
from contextlib import suppress

import pandas as pd

from foldline.core.errors import FoldlineError, listed
from foldline.core.io.labels import BETWEEN, names_of
from foldline.core.params import Data
from foldline.data.cell_parsing import label_sort_key
from foldline.data.normalization import normalize_text
from foldline.data.raw import RawTable

_YES, _NO = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}


def join_labels(raw: RawTable, values: list[str], data: Data) -> list[str]:
    """Give each row's labels, sorted and each once, in the form that all stages share: (n,).

    One column holds them between `data.separator`, or as a list of JSON or Python; `values` are
    its cells.
    Several columns hold 0 or 1 each, and are called as their labels.

    Raises:
        FoldlineError: naming file, column and line of what is neither.
    """
    if isinstance(data.label, str):
        return [_join_cell_labels(raw, row, cell, data) for row, cell in enumerate(values)]
    found: list[list[str]] = [[] for _ in values]
    for name in sorted(data.label, key=label_sort_key):
        _check_label_name(name, f"{raw.path}, column '{name}'")
        for row, cell in enumerate(raw.columns.get(name, raw.columns.get(name.strip(), []))):
            if _parse_flag(raw, row, name, cell):
                found[row].append(normalize_text(name, "NFC"))
    return [BETWEEN.join(names) for names in found]


def explode_labels(rows: pd.DataFrame, task: str) -> pd.DataFrame:
    """Give rows so that each label of a row has one of its own; rows without any are left out.

    Other tasks have one label a row: their rows stay as they are.
    """
    if task != "multilabel":
        return rows
    each = rows.assign(
        label=pd.Series(split_labels(rows["label"].tolist(), task), index=rows.index)
    )
    each = each.explode("label", ignore_index=True).dropna(subset="label")
    return each.assign(label=each["label"].astype("str")).reset_index(drop=True)


def split_labels(labels: Sequence[str], task: str) -> list[list[str]]:
    """Give the labels of each row as a list: of tasks but multilabel one each."""
    return [names_of(label) if task == "multilabel" else [label] for label in labels]


def label_column_names(data: Data) -> str:
    """Name the column of labels, or the columns, for a message."""
    names = [f"'{name}'" for name in data.label_columns]
    return f"column{'s' if len(names) > 1 else ''} {listed(names)}"


def multilabel_notes(rows: pd.DataFrame, data: Data, task: str) -> list[str]:
    """Say how many rows have no label, where none has several, and which label none has."""
    if task != "multilabel":
        return []
    counts = [len(own) for own in split_labels(rows["label"].tolist(), task)]
    found = [f"{counts.count(0)} of {len(counts)} rows have no label"] if 0 in counts else []
    if not isinstance(data.label, str):
        there = {name for label in rows["label"].unique() for name in names_of(label)}
        idle = [name for name in data.label if normalize_text(name, "NFC") not in there]
        if idle:
            found.append(f"no row has label {listed(idle)}: it is not learnt, and predicted as 0")
    if max(counts) < 2 and isinstance(data.label, str):
        found.append(
            f"no row has more than one label: if '{data.separator}' does not stand between those "
            f"of column '{data.label}', set data.separator; else task=classification is meant"
        )
    return found


def _join_cell_labels(raw: RawTable, row: int, cell: str, data: Data) -> str:
    parts = _parse_list(cell)
    if parts is None:
        parts = cell.split(data.separator)
    names = {normalize_text(part, "NFC") for part in parts} - {""}
    for name in names:
        _check_label_name(name, f"{raw.path}, {raw.where([row])}, column '{data.label}'")
    return BETWEEN.join(sorted(names, key=label_sort_key))


def _parse_list(cell: str) -> list[str] | None:
    """Give the labels of a list as JSON or Python (so pandas) writes it, None of another cell."""
    if not (cell.startswith("[") and cell.endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        with suppress(ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return [str(part) for part in read(cell)]
    return None


def _check_label_name(name: str, where: str) -> None:
    if BETWEEN in name:
        raise FoldlineError(
            f"{where}: label {name!r} has a '{BETWEEN}' in it, which stands between labels in the "
            f"files of the pipeline. Rename the label, or set data.separator to '{BETWEEN}' if "
            "these are several"
        )


def _parse_flag(raw: RawTable, row: int, name: str, cell: str | None) -> bool:
    value = (cell or "").strip().casefold()
    if value not in _YES | _NO:
        raise FoldlineError(
            f"{raw.path}, {raw.where([row])}: column '{name}' holds {cell or ''!r}; where "
            "data.label lists columns, each holds 1 (the row has this label) or 0. Mend the cell, "
            "or take the column out of data.label"
        )
    return value in _YES
