"""The rows of a JSON file: one object a line, several lines an object, a list, or one object."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError, listing

_DECODER = json.JSONDecoder()
_SPACES = " \t\r\n\ufeff"
_LAYOUTS = 'a list of objects, {"data": [...]}, or lists of equal length by column'


@dataclass(frozen=True)
class Records:
    """Rows as objects, and the line (`unit`) on which each starts."""

    rows: list[dict[str, Any]]
    lines: list[int]
    unit: str = "line"
    notes: list[str] = field(default_factory=list)


def parse_json(path: Path, text: str, one_a_line: bool) -> Records:
    """Return the rows of a JSON text; a layout other than one object a line is noted.

    Raises:
        FoldlineError: naming the line that is not JSON, or not an object.
    """
    if "\n" not in text:  # line ends of the old Macintosh
        text = text.replace("\r", "\n")
    lines = text.split("\n")
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip(_SPACES)]
    if not filled:
        return Records([], [])
    try:
        first = json.loads(filled[0][1].strip(_SPACES))
        is_lines = isinstance(first, dict) and len(filled) > 1
    except (ValueError, RecursionError):
        is_lines = False
    if is_lines:
        rows = [_parse_line(path, number, line) for number, line in filled]
        return Records(rows, [number for number, _ in filled])
    return _parse_document(path, text, one_a_line)


def _parse_line(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line.strip(_SPACES))
    except (ValueError, RecursionError) as error:
        raise FoldlineError(
            f"{path}, line {number}: not JSON ({error}): {line.strip()[:40]!r}. Correct the line"
        ) from error
    _check_object(path, number, record, line)
    return dict(record)


def _check_object(path: Path, number: int, record: Any, line: str) -> None:
    if not isinstance(record, dict):
        raise FoldlineError(
            f"{path}, line {number}: must be an object, like "
            f'{{"text": "...", "label": "..."}} (found {line.strip()[:40]!r})'
        )


def _parse_document(path: Path, text: str, one_a_line: bool) -> Records:
    start = _skip(text, 0)
    if text[start] == "[":
        rows, lines = _number_values(path, text, _list_values(path, text, start))
        notes = [f"{path} is one list of {len(rows)} objects"] if one_a_line else []
        return Records(rows, lines, "line", notes)
    values = list(_values(path, text, start))
    if len(values) == 1 and isinstance(values[0][1], dict):
        return _read_object(path, values[0][1], _line(text, start))
    rows, lines = _number_values(path, text, iter(values))
    return Records(
        rows, lines, "line", [f"{path} is not one object a line: {len(rows)} objects were read"]
    )


def _number_values(
    path: Path, text: str, values: Iterator[tuple[int, Any]]
) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the objects and the lines on which they start."""
    rows, lines, line, last = [], [], 1, 0
    for start, value in values:
        line, last = line + text.count("\n", last, start), start
        _check_object(path, line, value, text[start : start + 60])
        rows.append(value)
        lines.append(line)
    return rows, lines


def _list_values(path: Path, text: str, start: int) -> Iterator[tuple[int, Any]]:
    """Yield the elements of a list with their positions."""
    at = _skip(text, start + 1)
    while text[at : at + 1] != "]":
        value, end = _decode(path, text, at)
        yield at, value
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise FoldlineError(
                f"{path}, line {_line(text, at)}: not JSON: the list that starts in line "
                f"{_line(text, start)} has no ',' or ']' here. Export the file again"
            )
    rest = _skip(text, at + 1)
    if rest < len(text):
        raise FoldlineError(
            f"{path}, line {_line(text, rest)}: text below the list "
            f"({text[rest : rest + 40]!r}); two files put together? Keep one list"
        )


def _values(path: Path, text: str, at: int) -> Iterator[tuple[int, Any]]:
    """Yield JSON values that stand one behind another, with their positions."""
    while at < len(text):
        value, end = _decode(path, text, at)
        yield at, value
        at = _skip(text, end)
        if text[at : at + 1] == ",":  # a list without its brackets
            at = _skip(text, at + 1)


def _decode(path: Path, text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        place = error.pos if isinstance(error, json.JSONDecodeError) else at
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        line = min(place, len(text.rstrip(_SPACES)) - 1)
        raise FoldlineError(
            f"{path}, line {_line(text, line)}: not JSON ({reason}): "
            f"{text[place : place + 40].strip()!r}. Correct the line, or export the file again"
        ) from error


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACES:
        at += 1
    return at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _read_object(path: Path, content: dict[str, Any], line: int) -> Records:
    """Return the rows of a file that is one object."""
    rows, layout = _object_rows(path, content)
    if layout is None:
        return Records(rows, [line])
    return Records(rows, list(range(1, len(rows) + 1)), "row", [f"{path} is one object: {layout}"])


def _object_rows(path: Path, content: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """Return the rows of one object, and what its layout is; None for a single row."""
    values = list(content.values())
    lists = [name for name, value in content.items() if _is_list_of_objects(value)]
    split = _read_split(content)
    if split is not None:
        return split, "columns and rows of data, as pandas writes with orient='split'"
    if len(lists) > 1:
        raise FoldlineError(
            f"{path} is one object with several lists of rows: {listing(lists)}. Save the one that "
            "you need as a file of its own"
        )
    if lists:
        return content[lists[0]], f"the rows are in the list '{lists[0]}'"
    if len(values) > 1 and all(isinstance(value, list) for value in values):
        return _join_columns(path, content), "a list for each column"
    if values and all(isinstance(value, dict) for value in values):
        rows, layout = _read_objects(content)
        return (
            _object_rows(path, values[0]) if layout is None and len(values) == 1 else (rows, layout)
        )
    if any(isinstance(value, list) for value in values) and not {"text", "label"} & set(content):
        raise FoldlineError(
            f"{path} is one object with the keys {listing(content)}, in which no rows are found. "
            f"One file may be {_LAYOUTS}; write one object a line"
        )
    return [content], None


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(v, dict) for v in value)


def _read_split(content: dict[str, Any]) -> list[dict[str, Any]] | None:
    names, data = content.get("columns"), content.get("data")
    if not (isinstance(names, list) and isinstance(data, list)):
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        return None
    return [dict(zip(map(str, names), row, strict=True)) for row in data]


def _join_columns(path: Path, content: dict[str, list[Any]]) -> list[dict[str, Any]]:
    sizes = {name: len(values) for name, values in content.items()}
    if len(set(sizes.values())) > 1:
        shown = listing(f"{name} {size}" for name, size in sizes.items())
        raise FoldlineError(
            f"{path} is one object with a list for each column, but their lengths differ: {shown}. "
            "Export it again"
        )
    return [dict(zip(content, row, strict=True)) for row in zip(*content.values(), strict=True)]


def _read_objects(content: dict[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], str | None]:
    """Return the rows of an object of objects: by column or by row, as pandas writes them."""
    keys = [list(value) for value in content.values()]
    inner = dict.fromkeys(key for own in keys for key in own)
    numbered = all(key.isdigit() for key in inner)
    if numbered and not all(key.isdigit() for key in content):
        rows = [{name: own.get(key) for name, own in content.items()} for key in inner]
        return rows, "an object for each column, as pandas writes it"
    by_number = all(map(str.isdigit, content))
    if by_number or (len(content) > 1 and all(own == keys[0] for own in keys)):
        if by_number or "id" in inner:
            return list(content.values()), "an object for each row, by its number or key"
        rows = [{"id": key, **own} for key, own in content.items()]
        return rows, "an object for each row; its key is the column 'id'"
    return [content], None
