"""Objects in cells as columns: the field `label` of column `labels` becomes `labels.label`."""

import json
from collections.abc import Sequence
from typing import Any

from foldline.data.cell_lists import parse_value, unwrap_choices

MAX_FIELDS = 200  # more keys are data, not fields


def expand_objects(columns: dict[str, list[str | None]]) -> dict[str, list[str | None]]:
    """Return the columns, with those of objects replaced by their fields, at any depth.

    An existing column keeps its name. `{"choices": [...]}` of annotation tools becomes its list.
    A column in which only some cells are objects stays as it is.
    """
    expanded: dict[str, list[str | None]] = {}
    for name, cells in columns.items():
        if not any(cell and cell[0] in "{[" for cell in cells):
            expanded[name] = cells
            continue
        for field, texts in _expand_column(name, cells).items():
            if field == name or field not in columns:
                expanded[field] = texts
    return expanded


def cell_text(value: object) -> str | None:
    """Return a value of JSON as a csv would have it; None for null and NaN."""
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _expand_column(name: str, cells: list[str | None]) -> dict[str, list[str | None]]:
    parsed = {cell: parse_value(cell) for cell in set(cells) if cell}
    if not any(_holds_objects(value) for value in parsed.values()):
        return {name: cells}
    values = [(cell if parsed[cell] is None else parsed[cell]) if cell else None for cell in cells]
    fields = _expand(name, values)
    if list(fields) != [name]:
        return {field: [cell_text(v) for v in own] for field, own in fields.items()}
    texts = [
        cell if new is old else cell_text(new)
        for cell, old, new in zip(cells, values, fields[name], strict=True)
    ]
    return {name: texts}


def _holds_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_is_object, value)))


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _expand(name: str, values: Sequence[Any]) -> dict[str, list[Any]]:
    values = [unwrap_choices(value) for value in values]
    objects = [_single_object(value) for value in values if value is not None]
    keys = _keys(values)
    if not keys or len(keys) > MAX_FIELDS:
        return {name: list(values)}
    if None not in objects:
        singles = [{} if value is None else _single_object(value) or {} for value in values]
        fields: dict[str, list[Any]] = {}
        for key in keys:
            fields |= _expand(f"{name}.{key}", [own.get(key) for own in singles])
        return fields
    if all(isinstance(value, list) and all(map(_is_object, value)) for value in values if value):
        return {f"{name}.{key}": _field_lists(values, key) for key in keys}
    return {name: list(values)}


def _field_lists(values: Sequence[Any], key: str) -> list[list[Any] | None]:
    """Return the values of a field in each list of objects."""
    return [None if value is None else [own.get(key) for own in value] for value in values]


def _keys(values: Sequence[Any]) -> list[str]:
    """Return the fields of all objects, in order."""
    lists = [value if isinstance(value, list) else [value] for value in values]
    objects = [own for parts in lists for own in parts if isinstance(own, dict)]
    return list(dict.fromkeys(key for own in objects for key in own))


def _single_object(value: Any) -> dict[str, Any] | None:
    """Return an object, also as the only element of a list; None for other values."""
    if isinstance(value, list) and len(value) <= 1:
        value = value[0] if value else {}
    return value if isinstance(value, dict) else None
