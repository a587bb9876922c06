"""Lists in cells, in the notations of JSON, Python, numpy and annotation tools."""

import ast
import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from foldline.core.errors import FoldlineError, listing
from foldline.data.raw_table import WRAPPERS, RawTable

NOTATIONS = '["a", "b"], [\'a\' \'b\'], {\'a\', \'b\'} and {"choices": ["a", "b"]}'
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_STRING = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_CALL = re.compile(r"(?:np\.|numpy\.)?(?:array|list|tuple|set|frozenset)\((.*)\)", re.DOTALL)
_DTYPE = re.compile(r",\s*dtype=[^()\[\]]*$")
_SCALAR = re.compile(r"np\.\w+\(([^()]*)\)")  # how numpy 2 shows the elements of a list
# numpy prints elements side by side; Python would join such strings into one.
_SPACED_STRINGS = re.compile(rf"\[\s*{_STRING}(?:\s+{_STRING})*\s*\]", re.DOTALL)
_SPACED_NUMBERS = re.compile(rf"\[\s*{_NUMBER}(?:\s+{_NUMBER})*\s*\]")
_SPACED_FLAGS = re.compile(r"\[\s*(?:True|False)(?:\s+(?:True|False))*\s*\]")
_FLAGS = {"0", "1", "0.0", "1.0", "true", "false"}
_FLAG_TEXT = re.compile(r"[01](?:[\s,;|/]+[01])+")


def parse_value(cell: str) -> Any:
    """Return the list or object that a cell holds, None for a text."""
    cell = cell.strip()
    call = _CALL.fullmatch(cell)
    if call:
        cell = _DTYPE.sub("", call[1].strip()) or "[]"
    if len(cell) < 2 or _BRACKETS.get(cell[0]) != cell[-1]:
        return None
    with suppress(ValueError, RecursionError):
        return json.loads(cell)
    return _parse_python(_SCALAR.sub(r"\1", cell) if "np." in cell else cell)


def _parse_python(cell: str) -> Any:
    if _SPACED_STRINGS.fullmatch(cell):
        return [ast.literal_eval(text) for text in re.findall(_STRING, cell, re.DOTALL)]
    if _SPACED_NUMBERS.fullmatch(cell) or _SPACED_FLAGS.fullmatch(cell):
        return cell[1:-1].split()
    if re.search(r"S\s+S", re.sub(_STRING, "S", cell.replace("S", ""))):
        return None  # Python would join them
    with suppress(ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = ast.literal_eval(cell)
        if isinstance(value, (set, frozenset)):
            return sorted(value, key=str)
        if isinstance(value, (list, tuple, dict)):
            return value if isinstance(value, dict) else list(value)
    return None


def parse_list(cell: str) -> list[Any] | None:
    """Return the elements of a list in a cell, without missing ones; None if it is not a list."""
    value = unwrap_choices(parse_value(cell))
    if not isinstance(value, list):
        return None
    return [part for part in value if part is not None]


def unwrap_choices(value: Any) -> Any:
    """Return the list inside `{"choices": [...]}`, also as the only element of a list."""
    inner = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(inner, dict) and len(inner) == 1:
        key, content = next(iter(inner.items()))
        if key in WRAPPERS and isinstance(content, (list, str)):
            return content if isinstance(content, list) else [content]
    return value


def starts_like_list(cell: str) -> bool:
    """Return whether a cell may hold a list or an object."""
    return cell[:1] in _BRACKETS or cell.startswith(("array(", "set(", "frozenset(", "np."))


def element_text(element: Any) -> str:
    """Return an element as text, as a cell of its own would hold it."""
    return element if isinstance(element, str) else str(element)


def is_nested(element: Any) -> bool:
    """Return whether an element is itself a list or an object."""
    return isinstance(element, (list, tuple, dict, set))


def check_not_vectors(raw: RawTable, lists: Sequence[Sequence[Any] | None], column: str) -> None:
    """Raise for rows that hold numbers by place, such as 0 or 1 for each of several labels.

    Raises:
        FoldlineError: naming the column and the first row.
    """
    filled = [values for values in lists if values]
    lengths = {len(values) for values in filled}
    if not filled or len(lengths) != 1 or lengths <= {1}:
        return
    texts = [[element_text(value).strip().casefold() for value in values] for values in filled]
    flags = all(text in _FLAGS for row in texts for text in row)
    if not flags and not _are_measures(texts):
        return
    size = lengths.pop()
    row = next(row for row, values in enumerate(lists) if values)
    what = f"a 0 or 1 for each of {size} labels" if flags else f"{size} numbers by place"
    raise FoldlineError(
        f"{raw.path}, {column}: every row holds {what} ({raw.where([row])}: "
        f"{listing(texts[0], 6)}), which do not name the labels. Write a column of 0 and 1 for "
        "each label, with the label's name as the header, and list these columns: --label "
        "NAME1,NAME2 in `foldline import`, or data.label; or write the labels' names"
    )


def flag_parts(cell: str) -> list[str] | None:
    """Return the flags of a text such as `1 0 0 1`, None for other texts."""
    if not _FLAG_TEXT.fullmatch(cell.strip()) or re.fullmatch("[01],[01]", cell.strip()):
        return None  # `0,1` is a number with a decimal comma
    return re.findall("[01]", cell)


def _are_measures(texts: list[list[str]]) -> bool:
    """Return whether rows hold measures (0.2, 0.8) or counts (0, 0, 2), not numbers of classes."""
    if not all(re.fullmatch(_NUMBER, text) for row in texts for text in row):
        return False
    fractions = any(not float(text).is_integer() for row in texts for text in row)
    return fractions or any(len(set(row)) < len(row) for row in texts)


def read_single_values(
    raw: RawTable, cells: Sequence[str], column: str, role: str, advice: str
) -> list[str]:
    """Return the cells, with the value of each list of one; `[]` is a missing value.

    Raises:
        FoldlineError: where a cell holds an object, or a list of several values.
    """
    values = {cell: parse_value(cell) for cell in set(cells) if starts_like_list(cell)}
    found = {cell: value for cell, value in values.items() if value is not None}
    if not found:
        return list(cells)
    lists = {cell: parse_list(cell) for cell in found}
    if role == "label":
        check_not_vectors(raw, [lists.get(cell) for cell in cells], column)
    wrong = [row for row, cell in enumerate(cells) if cell in found and not _is_single(lists[cell])]
    if wrong:
        raise FoldlineError(_structure_message(raw, wrong, cells[wrong[0]], column, found, advice))
    texts = {cell: "".join(map(element_text, parts or [])) for cell, parts in lists.items()}
    return [texts.get(cell, cell) for cell in cells]


def _is_single(parts: list[Any] | None) -> bool:
    return parts is not None and len(parts) <= 1 and not any(map(is_nested, parts))


def _structure_message(
    raw: RawTable,
    rows: list[int],
    cell: str,
    column: str,
    found: dict[str, Any],
    advice: str,
) -> str:
    fields = list(dict.fromkeys(_field_names(found.values())))
    what = "lists of several values" if isinstance(found[cell], list) else "objects"
    if isinstance(found[cell], list) and any(map(is_nested, found[cell])):
        what = "lists of lists or objects"
        advice = "These are not labels or texts of a row: name another column"
    inside = f", with the fields {listing(fields)}" if fields else ""
    return (
        f"{raw.path}, {raw.where(rows)}: {column} holds {what}{inside} (such as "
        f"{cell[:60]}). {advice}"
    )


def _field_names(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        for part in value if isinstance(value, list) else [value]:
            yield from map(str, part) if isinstance(part, dict) else ()
