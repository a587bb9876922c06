"""The header and the rows of a table, without what spreadsheets add: titles, empty columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from foldline.core.errors import FoldlineError, listing
from foldline.data.raw_table import is_number

MAX_TITLE_LINES = 20
_MOST = 0.9  # of the rows, which must be as wide as a header below titles
_MAX_NAME = 60  # characters; a longer field is no name
_NAME_FORMS = (str.upper, str.title, "\ufeff{}".format, "{} ".format, " {}".format)
_OTHER_FORMATS = {
    '{"': "JSON: rename it to end in .jsonl",
    '[{"': "JSON: rename it to end in .json",
    "<!doctype": "a web page, such as a login page: download the file itself",
    "<html": "a web page, such as a login page: download the file itself",
    "<?xml": "XML: export it as csv (UTF-8)",
    "version https://git-lfs": "a pointer of git LFS, not the data: run `git lfs pull`",
    "outs:\n- md5:": "a pointer of DVC, not the data: run `dvc pull`",
}


@dataclass(frozen=True)
class Table:
    """The names of the columns, and the rows below with the lines on which they start."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    notes: list[str] = field(default_factory=list)


def check_is_delimited(path: Path, text: str) -> None:
    """Raise for a text that is another format.

    Raises:
        FoldlineError: naming the format and what to do.
    """
    start = text[:200].lstrip().lower().replace("\r", "")
    for mark, kind in _OTHER_FORMATS.items():
        if start.startswith(mark):
            raise FoldlineError(f"{path} is {kind}")


def find_table(
    path: Path, rows: list[list[str]], lines: list[int], width: int, quoting: str
) -> Table:
    """Return the table in the rows of a file, most of which have `width` fields.

    Raises:
        FoldlineError: naming the lines that do not fit.
    """
    first = _find_header(rows, width)
    notes = []
    if first:
        notes.append(
            f"{path}: the header is line {lines[first]}; what stands above it is left out "
            f"({listing(title for title in map(_first_value, rows[:first]) if title)})"
        )
    header = [_clean_name(name) for name in rows[first]]
    table = Table(header, rows[first + 1 :], lines[first + 1 :], notes)
    if len(header) > 1 or width > 1:
        table = _drop_blank_rows(path, table)
    if len(header) > 1:
        table = _drop_repeated_headers(path, table)
    table = _drop_unnamed_columns(path, table)
    _check_widths(path, table, quoting)
    return table


def _clean_name(name: str) -> str:
    return name.strip().strip("\ufeff").strip()


def _is_blank(row: Sequence[str]) -> bool:
    return not any(value.strip() for value in row)


def _first_value(row: Sequence[str]) -> str:
    return next((value.strip() for value in row if value.strip()), "")


def _find_header(rows: list[list[str]], width: int) -> int:
    """Return the number of the header's row: below titles, which fill one field."""
    for number, row in enumerate(rows[:MAX_TITLE_LINES]):
        filled = sum(bool(value.strip()) for value in row)
        is_comment = row[0].startswith("#") and len(row) != width
        if filled > 1 and not is_comment:
            is_header = len(row) == width and _looks_like_header(row)
            return number if is_header and _is_title(rows, width) else 0
    return 0


def _is_title(rows: list[list[str]], width: int) -> bool:
    """Return whether the first row is a title, not the name of a column of unquoted texts."""
    first = rows[0]
    if not first[0].strip():
        return False
    is_name = len(first) == 1 and width == 2 and " " not in first[0].strip()
    return not is_name and sum(len(row) == width for row in rows) > _MOST * (len(rows) - 2)


def _looks_like_header(row: Sequence[str]) -> bool:
    names = [name for name in map(_clean_name, row) if name]
    short = all(len(name) <= _MAX_NAME and not is_number(name) for name in names)
    return short and len(set(names)) == len(names)


def _drop_blank_rows(path: Path, table: Table) -> Table:
    """Return the table without rows that have no value; only separators are worth a note."""
    blank = [n for n, row in enumerate(table.rows) if not row[0].strip() and _is_blank(row)]
    if not blank:
        return table
    notes = list(table.notes)
    separated = [table.lines[n] for n in blank if len(table.rows[n]) > 1]
    if separated:
        word = "line" if len(separated) == 1 else "lines"
        notes.append(
            f"{path}, {word} {listing(separated)}: {len(separated)} rows without any value are "
            "left out"
        )
    return _without_rows(table, blank, notes)


def _without_rows(table: Table, dropped: list[int], notes: list[str]) -> Table:
    left_out = set(dropped)
    kept = [n for n in range(len(table.rows)) if n not in left_out]
    return Table(table.header, [table.rows[n] for n in kept], [table.lines[n] for n in kept], notes)


def _drop_repeated_headers(path: Path, table: Table) -> Table:
    """Return the table without rows that are its header.

    Raises:
        FoldlineError: where another header stands below.
    """
    names = [name.casefold() for name in table.header]
    known = set(names) - {""}
    forms = known | {*table.header} | {form(name) for name in known for form in _NAME_FORMS}
    repeated, other = [], []
    for number in [n for n, row in enumerate(table.rows) if row[0] in forms]:
        row = table.rows[number]
        fields = [_clean_name(value).casefold() for value in row]
        if fields == names or fields == [name for name in names if name]:
            repeated.append(number)
        elif len(known & set(fields)) >= max(2, (len(known) + 1) // 2):
            other.append(number)
    if other:
        raise FoldlineError(
            f"{path}, line {table.lines[other[0]]}: another header "
            f"({listing(table.rows[other[0]])}) than above ({listing(table.header)}); two files "
            "put together? Keep each in a file of its own, or bring the columns into one order"
        )
    if not repeated:
        return table
    lines = [table.lines[n] for n in repeated]
    note = (
        f"{path}, line{'s' if len(lines) > 1 else ''} {listing(lines)}: the header again; two "
        "files put together? It is left out"
    )
    return _without_rows(table, repeated, [*table.notes, note])


def _drop_unnamed_columns(path: Path, table: Table) -> Table:
    """Return the table without columns that have neither a name nor a value.

    Raises:
        FoldlineError: where several columns without a name have values.
    """
    named = max((n + 1 for n, name in enumerate(table.header) if name), default=0)
    header = [*table.header, *[""] * _count_empty_ends(table)]
    if "" not in header or not named:
        return table
    unnamed = [n for n, name in enumerate(header) if not name]
    filled = [n for n in unnamed if any(len(row) > n and row[n].strip() for row in table.rows)]
    if len(filled) > 1 or (filled and filled[0] >= named):
        raise FoldlineError(_unnamed_message(path, table, filled))
    empty = [n for n in unnamed if n not in filled]
    if not empty:
        return table
    kept = [n for n in range(len(header)) if n not in set(empty)]
    # A row may lack the empty fields at its end.
    full = [row for row in table.rows if not named <= len(row) <= len(header)]
    if full:
        return Table(header, table.rows, table.lines, table.notes)
    rows = [[row[n] for n in kept] for row in table.rows]
    word = "column" if len(empty) == 1 else "columns"
    note = f"{path}: {len(empty)} {word} without a name and without values left out"
    return Table([header[n] for n in kept], rows, table.lines, [*table.notes, note])


def _count_empty_ends(table: Table) -> int:
    """Return the number of empty fields at the end of every row, without a place in the header."""
    size, widths = len(table.header), {len(row) for row in table.rows}
    if len(widths) != 1 or max(widths) <= size:
        return 0
    return (max(widths) - size) * all(_is_blank(row[size:]) for row in table.rows)


def _unnamed_message(path: Path, table: Table, filled: list[int]) -> str:
    row = next(n for n, row in enumerate(table.rows) if len(row) > filled[0] and row[filled[0]])
    numbers = listing(n + 1 for n in filled)
    below = next((n for n, own in enumerate(table.rows[:3]) if _names_all(own)), None)
    hint = ""
    if below is not None:
        hint = f". If line {table.lines[below]} is the header, remove the lines above it"
    return (
        f"{path}: column{'s' if len(filled) > 1 else ''} {numbers} of the header {_has(filled)} no "
        f"name, but a value in line {table.lines[row]} ({table.rows[row][filled[0]][:40]!r}). Name "
        f"each column, or quote texts that contain the separator{hint}"
    )


def _has(filled: list[int]) -> str:
    return "have" if len(filled) > 1 else "has"


def _names_all(row: Sequence[str]) -> bool:
    return all(value.strip() for value in row) and _looks_like_header(row)


def _check_widths(path: Path, table: Table, quoting: str) -> None:
    """Raise for rows with another number of fields than the header.

    Raises:
        FoldlineError: naming the lines.
    """
    width = len(table.header)
    if all(len(row) == width for row in table.rows):
        return
    wrong = [n for n, row in enumerate(table.rows) if len(row) != width]
    numbers = listing((table.lines[n] for n in wrong), 8)
    row = table.rows[wrong[0]]
    fields = f"{len(row)} field{'s' if len(row) > 1 else ''}"
    raise FoldlineError(
        f"{path}, line{'s' if ',' in numbers else ''} {numbers}: {fields} where the header has "
        f"{width} ({listing(table.header)}); it starts {row[0][:40]!r}. "
        f"{_width_advice(table, row, quoting)}"
    )


def _width_advice(table: Table, row: list[str], quoting: str) -> str:
    header = table.header
    if len(header) == 1 and quoting != "none":
        return (
            'Quote texts that contain the separator ("a, b"), or, if the header is line '
            f"{table.lines[0]}, remove what stands above it"
        )
    if len(row) == 2 * len(header) - 1 and row[len(header) :] == header[1:]:
        return "The header follows in the same line; two files put together? Add a line break"
    if quoting == "none":
        return (
            "Remove the separator from texts, or set data.quoting=auto if quote marks enclose "
            "fields"
        )
    if quoting == "auto-none":
        return (
            "Remove the separator from texts, or set data.quoting=standard if quote marks "
            "enclose fields"
        )
    if len(table.rows) > 1 and {len(own) for own in table.rows} == {len(header) + 1}:
        return "Name the first column in the header (R and pandas write row names without a name)"
    if len(row) > len(header):
        return 'Quote texts that contain the separator ("a, b")'
    return "Add the missing fields, even empty ones"
