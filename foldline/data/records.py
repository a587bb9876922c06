"""jsonl and parquet files, with typed values converted to the text that a csv would have."""

import io
import json
import re
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.data.raw_table import RawTable, check_column_names

_SURROGATES = re.compile("[\ud800-\udfff]")


def read_jsonl(path: Path, text: str) -> RawTable:
    """Read one JSON object a line; a missing key is a missing value.

    Raises:
        FoldlineError: naming the line that is not a JSON object.
    """
    if "\n" not in text:  # line ends of the old Macintosh
        text = text.replace("\r", "\n")
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line and not line.isspace():
            records.append(_parse_record(path, number, line))
            lines.append(number)
    names = dict.fromkeys(name for record in records for name in record)
    columns = {n: [_cell_text(record.get(n)) for record in records] for n in names}
    return RawTable(
        path, {_replace_invalid(name): values for name, values in columns.items()}, lines
    )


def _parse_record(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        hint = ""
        if number == 1 and line.lstrip().startswith("["):
            hint = ". It seems to be a list: write one object a line, without commas"
        raise FoldlineError(
            f"{path}, line {number}: not JSON ({error}): {line.strip()[:40]!r}{hint}"
        ) from error
    if not isinstance(record, dict):
        raise FoldlineError(
            f"{path}, line {number}: must be an object, like "
            f'{{"text": "...", "label": "..."}} (found {line.strip()[:40]!r})'
        )
    return record


def read_parquet(path: Path, content: bytes) -> RawTable:
    """Read a parquet file; its rows count from 1 in messages."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise FoldlineError(f"{path} cannot be read as a parquet file: {error}") from error
    check_column_names(path, table.column_names)
    columns = {name: _column_texts(path, name, table[name]) for name in table.column_names}
    return RawTable(path, columns, list(range(1, table.num_rows + 1)))


def _column_texts(path: Path, name: str, column: Any) -> list[str | None]:
    import pyarrow

    values: list[Any] = column.to_pylist()
    if pyarrow.types.is_floating(column.type) and all(map(_is_whole_number, values)):
        # pandas stores integers with gaps as floats: the label 1 must not become 1.0.
        values = [None if value is None or value != value else int(value) for value in values]
    try:
        return [_cell_text(value) for value in values]
    except UnicodeDecodeError as error:
        raise FoldlineError(
            f"{path}, column '{name}': holds bytes that are not UTF-8 text ({error})"
        ) from error


def _is_whole_number(value: float | None) -> bool:
    return value is None or value != value or (abs(value) < 2**53 and value == int(value))


def _cell_text(value: object) -> str | None:
    """Return a value as a csv would have it; None for null and NaN."""
    if isinstance(value, str):
        return _replace_invalid(value)
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, (dict, list)):
        return _replace_invalid(json.dumps(value, ensure_ascii=False, default=str))
    return str(value)


def _replace_invalid(text: str) -> str:
    """Replace surrogates and NUL, which JSON can escape but no text file can hold, by U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return _SURROGATES.sub("\ufffd", text).replace("\0", "\ufffd")
