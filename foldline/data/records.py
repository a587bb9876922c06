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
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        _check_size(path, file.metadata.num_rows, file.metadata.num_columns)
        table = file.read()
        names = [_decode_name(path, field) for field in table.schema]
        check_column_names(path, names)
        values = {
            name: _column_values(column) for name, column in zip(names, table.columns, strict=True)
        }
        for name, column in values.items():
            _check_texts(path, name, column)
    except FoldlineError:
        raise
    except Exception as error:  # a damaged file ends in errors of many kinds
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FoldlineError(
            f"{path} cannot be read as a parquet file ({reason}). If it is damaged, copy or export "
            "it again; texts and names of columns must be UTF-8"
        ) from error
    lines = list(range(1, table.num_rows + 1))
    return _make_table(path, values, Records([], lines, "row"))


def _check_size(path: Path, rows: int, columns: int) -> None:
    if rows * columns > MAX_CELLS:
        raise FoldlineError(
            f"{path} has {rows:,} rows of {columns:,} columns; {MAX_CELLS:,} cells can be "
            "read: keep only the columns and rows that you need"
        )


def _decode_name(path: Path, field: Any) -> str:
    """Return the name of a column of parquet.

    Raises:
        FoldlineError: where it is not UTF-8.
    """
    try:
        return str(field.name)
    except UnicodeDecodeError as error:
        raise FoldlineError(
            f"{path}: the name of a column is not UTF-8 ({error.object!r:.60}). The file is "
            "damaged or was written by an old tool: rename the column and export the file again"
        ) from error


def _column_values(column: Any) -> list[Any]:
    import pyarrow

    if pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type):
        column = column.cast(pyarrow.large_binary())  # decoded below, with the row of an error
    values: list[Any] = column.to_pylist()
    if pyarrow.types.is_floating(column.type) and all(map(_is_whole_number, values)):
        # pandas stores integers with gaps as floats: the label 1 must not become 1.0.
        return [None if value is None or value != value else int(value) for value in values]
    return values


def _check_texts(path: Path, name: str, values: list[Any]) -> None:
    for row, value in enumerate(values):
        try:
            if isinstance(value, bytes):
                values[row] = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FoldlineError(
                f"{path}, row {row + 1}, column '{name}': holds bytes that are not UTF-8 text "
                f"({error}). Write the column as text, or remove it"
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
