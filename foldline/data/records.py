"""JSON and parquet files, with typed values converted to the text that a csv would have."""

import io
import re
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.data.json_layouts import Records, parse_json
from foldline.data.object_fields import cell_text
from foldline.data.raw_table import RawTable, check_column_names

MAX_CELLS = 1_000_000_000  # of a parquet file, whose size says little about its rows
_SURROGATES = re.compile("[\ud800-\udfff]")


def read_json(path: Path, text: str, name: str) -> RawTable:
    """Read JSON objects, one a line or in another layout; a missing key is a missing value.

    `name` is the format of the file's name.

    Raises:
        FoldlineError: naming the line that is not a JSON object.
    """
    records = parse_json(path, text, one_a_line=name != "json")
    names = list(dict.fromkeys(name for record in records.rows for name in record))
    values = {name: [record.get(name) for record in records.rows] for name in names}
    return _make_table(path, values, records)


def read_parquet(path: Path, content: bytes) -> RawTable:
    """Read a parquet file; its rows count from 1 in messages.

    Raises:
        FoldlineError: where the file is damaged, or holds bytes that are not UTF-8.
    """
    try:
        names, columns = _read_columns(path, content)
        check_column_names(path, names)
        values = {
            name: _column_values(path, name, column)
            for name, column in zip(names, columns, strict=True)
        }
    except FoldlineError:
        raise
    except Exception as error:  # a damaged file ends in errors of many kinds
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FoldlineError(
            f"{path} cannot be read as a parquet file ({reason}). If it is damaged, copy or export "
            "it again"
        ) from error
    rows = len(columns[0]) if columns else 0
    return _make_table(path, values, Records([], list(range(1, rows + 1)), "row"))


def _read_columns(path: Path, content: bytes) -> tuple[list[str], list[Any]]:
    """Return the names and the columns of a parquet file.

    Raises:
        FoldlineError: where a name is not UTF-8, or there are too many cells.
    """
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        _check_size(path, file.metadata.num_rows, file.metadata.num_columns)
        table = file.read()
        return [str(name) for name in table.column_names], table.columns
    except UnicodeDecodeError as error:
        raise FoldlineError(
            f"{path}: the name of a column is not UTF-8 ({bytes(error.object)[:60]!r}). The file "
            "is damaged or was written by an old tool: rename the column and export the file again"
        ) from error


def _check_size(path: Path, rows: int, columns: int) -> None:
    if rows * columns > MAX_CELLS:
        raise FoldlineError(
            f"{path} has {rows:,} rows of {columns:,} columns; {MAX_CELLS:,} cells can be "
            "read: keep only the columns and rows that you need"
        )


def _column_values(path: Path, name: str, column: Any) -> list[Any]:
    """Return the values of a column; texts of any type are decoded.

    Raises:
        FoldlineError: naming the row with bytes that are not UTF-8.
    """
    import pyarrow

    if pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type):
        column = column.cast(pyarrow.large_binary())  # decoded here, which finds the row
    if pyarrow.types.is_large_binary(column.type) or pyarrow.types.is_binary(column.type):
        values = column.to_pylist()
        return [_decode_cell(path, name, row, value) for row, value in enumerate(values, 1)]
    try:
        values = column.to_pylist()
    except UnicodeDecodeError as error:
        raise FoldlineError(
            f"{path}, column '{name}': holds bytes that are not UTF-8 text ({error}). Remove the "
            "column, or correct its values"
        ) from error
    if pyarrow.types.is_floating(column.type) and all(map(_is_whole_number, values)):
        # pandas stores integers with gaps as floats: the label 1 must not become 1.0.
        return [None if value is None or value != value else int(value) for value in values]
    return list(values)


def _decode_cell(path: Path, name: str, row: int, value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FoldlineError(
            f"{path}, row {row}, column '{name}': holds bytes that are not UTF-8 text "
            f"({value[:40]!r}). Write it as text, or remove the column"
        ) from error


def _is_whole_number(value: float | None) -> bool:
    return value is None or value != value or (abs(value) < 2**53 and value == int(value))


def _make_table(path: Path, values: dict[str, list[Any]], records: Records) -> RawTable:
    nested = {
        name for name, cells in values.items() if any(isinstance(v, (dict, list)) for v in cells)
    }
    columns = {
        _replace_invalid(name): [_valid_text(value) for value in cells]
        for name, cells in values.items()
    }
    return RawTable(path, columns, records.lines, records.notes, records.unit, frozenset(nested))


def _valid_text(value: object) -> str | None:
    text = cell_text(value)
    return None if text is None else _replace_invalid(text)


def _replace_invalid(text: str) -> str:
    """Replace surrogates and NUL, which JSON can escape but no text file can hold, by U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return _SURROGATES.sub("\ufffd", text).replace("\0", "\ufffd")
