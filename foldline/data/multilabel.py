"""Several labels a row: parsed from the user's cells, and joined in one format for all stages."""

from collections.abc import Sequence

import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.labels import BETWEEN, split_label_names
from foldline.core.params import Data
from foldline.data.cell_lists import (
    NOTATIONS,
    check_not_vectors,
    element_text,
    flag_parts,
    is_nested,
    parse_list,
    parse_value,
    read_single_values,
    starts_like_list,
)
from foldline.data.normalization import normalize_text
from foldline.data.raw_table import RawTable, label_sort_key

_YES, _NO = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}


def read_labels(raw: RawTable, values: list[str], data: Data, task: str) -> list[str]:
    """Return the label of each row, or all labels of it (multilabel), of the cells `values`: (n,).

    Raises:
        FoldlineError: naming the file, column and line that cannot be parsed.
    """
    if isinstance(data.label, str):
        _check_no_flags(raw, values, f"column '{data.label}'")
    if task == "multilabel":
        return join_labels(raw, values, data)
    several = "If a row may have several labels, set task=multilabel; otherwise write one label"
    single = read_single_values(raw, values, label_column_names(data), "label", several)
    return values if single == values else [normalize_text(value, "NFC") for value in single]


def join_labels(raw: RawTable, values: list[str], data: Data) -> list[str]:
    """Return the sorted, distinct labels of each row in the format that all stages share: (n,).

    One column (its cells are `values`) holds them with `data.separator` between, or as a list in
    JSON, Python or numpy. Several columns hold 0 or 1 each, and have the names of the labels.

    Raises:
        FoldlineError: naming the file, column and line that cannot be parsed.
    """
    if isinstance(data.label, str):
        column = f"column '{data.label}'"
        parts = {cell: _split_cell(cell, data) for cell in set(values)}
        wrong = [row for row, cell in enumerate(values) if parts[cell] is None]
        if wrong:
            raise FoldlineError(_notation_message(raw, wrong, values[wrong[0]], column))
        check_not_vectors(raw, [parts[cell] for cell in values], column)
        joined: dict[str, str] = {}
        for row, cell in enumerate(values):
            if cell not in joined:
                where = f"{raw.path}, {raw.where([row])}, {column}"
                joined[cell] = _join_names(parts[cell] or [], where)
        return [joined[cell] for cell in values]
    labels: list[list[str]] = [[] for _ in values]
    for name in sorted(data.label, key=label_sort_key):
        _check_label_name(name, f"{raw.path}, column '{name}'")
        cells = raw.columns.get(raw.find_column(name) or "", [])
        for row, flag in enumerate(cells):
            if _parse_flag(raw, row, name, flag):
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


def _split_cell(cell: str, data: Data) -> list[str] | None:
    """Return the labels of a cell, None where its notation is not read."""
    if starts_like_list(cell):
        names = parse_list(cell)
        if names is not None:
            return None if any(map(is_nested, names)) else list(map(element_text, names))
        joined = any(mark in cell for mark in (",", "...", data.separator))
        if parse_value(cell) is not None or (joined and cell[:1] + cell[-1:] in ("[]", "{}", "()")):
            return None
    return cell.split(data.separator)


def _join_names(parts: list[str], where: str) -> str:
    names = {normalize_text(part, "NFC") for part in parts} - {""}
    for name in names:
        _check_label_name(name, where)
    return BETWEEN.join(sorted(names, key=label_sort_key))


def _notation_message(raw: RawTable, rows: list[int], cell: str, column: str) -> str:
    return (
        f"{raw.path}, {raw.where(rows)}: {column} holds {cell[:60]!r}, which is not read as a list "
        f"of labels. Write labels as {NOTATIONS}, or with data.separator between them; or name "
        "another column as data.label"
    )


def _check_no_flags(raw: RawTable, values: list[str], column: str) -> None:
    """Raise where every cell is a text such as `1 0 0 1`."""
    cells = {cell for cell in values if cell}
    flags = {cell: flag_parts(cell) for cell in cells if cell[0] in "01"}
    if cells and len(flags) == len(cells) and all(flags.values()):
        check_not_vectors(raw, [flags.get(cell) for cell in values], column)


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
