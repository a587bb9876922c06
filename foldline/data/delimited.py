"""csv, tsv and txt files, with every cell as text: `NA` and `1.0` are not converted."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from foldline.core.errors import FoldlineError
from foldline.data import table_layout
from foldline.data.raw_table import RawTable, check_column_names, file_format

SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
DEFAULTS = {"csv": ",", "tsv": "\t", "txt": "\t"}
_PRIVATE = range(0xE000, 0xF900)
_STANDARD, _NONE, _BACKSLASH = "standard", "none", "backslash"
_MOST = 0.5  # of the rows, which must have one width for another separator
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[ \t]*(\r?\n|\Z)', re.IGNORECASE)


@dataclass(frozen=True)
class Parsed:
    """Rows of fields, the line on which each starts, and the separator and quoting used."""

    rows: list[list[str]]
    lines: list[int]
    delimiter: str
    quoting: str

    @cached_property
    def widths(self) -> Counter[int]:
        """Return the numbers of rows by width; blank lines count for none."""
        blank = sum(len(row) == 1 and not row[0].strip() for row in self.rows)
        return Counter(map(len, self.rows)) - Counter({1: blank})

    @property
    def width(self) -> int:
        """Return the most frequent width of rows."""
        return self.widths.most_common(1)[0][0] if self.widths else 0

    def is_table(self) -> bool:
        """Return whether all rows have the same number of fields, above one."""
        return len(self.widths) == 1 and self.width > 1

    def is_mostly_table(self) -> bool:
        """Return whether the header and most rows have the same number of fields."""
        most = self.widths[self.width] > _MOST * self.widths.total()
        return self.width > 1 and most and len(self.rows[0]) == self.width

    def has_equal_widths(self) -> bool:
        """Return whether all rows have as many fields as the header."""
        return all(len(row) == len(self.rows[0]) for row in self.rows)

    def has_no_line_breaks(self) -> bool:
        """Return whether no field has a line break."""
        return not any("\n" in value for row in self.rows for value in row)


def read_delimited(path: Path, text: str, quoting: str) -> RawTable:
    """Read separated text with a header; quoting is auto, standard (RFC 4180) or none.

    What a spreadsheet adds is left out and noted: `sep=;`, titles, empty columns and rows.

    Raises:
        FoldlineError: naming the line with another number of fields.
    """
    table_layout.check_is_delimited(path, text)
    text, stand_in = _unify_line_ends(text)
    separator = _SEPARATOR_LINE.match(text)
    if separator:
        text = "\n" + text[separator.end() :]  # the lines keep their numbers
    parsed = _parse_any(path, text, separator[1] if separator else None, quoting)
    if not parsed.rows:
        raise FoldlineError(f"{path} has only empty lines: add a header and rows")
    ragged = "none" if quoting == _NONE else f"auto-{parsed.quoting}"
    table = table_layout.find_table(path, parsed.rows, parsed.lines, parsed.width, ragged)
    check_column_names(path, table.header)
    columns: dict[str, list[str | None]] = {
        name: [value.replace(stand_in, "\r") for value in values] if stand_in else list(values)
        for name, values in zip(
            table.header, zip(*table.rows, strict=True), strict=bool(table.rows)
        )
    }
    notes = _format_notes(path, parsed, separator is not None) + table.notes
    notes += [
        f"{path}, line {line}: a quoted field has lines that look like rows; is a "
        "closing quote mark missing?"
        for line in _runaway_quotes(parsed)
    ]
    return RawTable(path, columns or {name: [] for name in table.header}, table.lines, notes)


def _unify_line_ends(text: str) -> tuple[str, str]:
    r"""Return the text, and the character that stands for a bare `\r`, or empty text.

    A bare carriage return inside a field is text, but csv readers end the row there. So it is
    replaced, while parsing, by a character that the file does not have.
    """
    if "\r\r\n" in text and text.count("\r\r\n") == text.count("\n"):
        text = text.replace("\r\r\n", "\n")  # line ends that were translated twice
    if "\n" not in text:  # line ends of the old Macintosh
        return text.replace("\r", "\n"), ""
    if "\r" not in text:
        return text, ""
    stand_in = next(chr(code) for code in _PRIVATE if chr(code) not in text)
    return re.sub(r"\r(?!\n)", stand_in, text), stand_in


def _format_notes(path: Path, parsed: Parsed, is_named: bool) -> list[str]:
    kind = file_format(path)
    word = SEPARATORS.get(parsed.delimiter, repr(parsed.delimiter))
    notes = []
    if parsed.width > 1 and not is_named and (kind == "txt" or parsed.delimiter != DEFAULTS[kind]):
        notes.append(f"{path} was read with {word} between fields")
    if is_named:
        notes.append(f"{path}: its first line (sep=) names {word} between fields")
    if parsed.quoting == _BACKSLASH:
        notes.append(f'{path}: quote marks in fields are escaped by a backslash (\\"), and read so')
    return notes


def _runaway_quotes(parsed: Parsed) -> list[int]:
    """Return the lines of quoted fields that may have swallowed rows."""
    delimiters = len(parsed.rows[0]) - 1
    ends = [*parsed.lines[1:], parsed.lines[-1] + 2]
    lines = []
    for row, line, end in zip(parsed.rows, parsed.lines, ends, strict=True):
        if end - line > 1 and delimiters:
            inner = [value.split("\n")[1:-1] for value in row]
            if any(
                part and all(x.count(parsed.delimiter) == delimiters for x in part)
                for part in inner
            ):
                lines.append(line)
    return lines


def _parse_any(path: Path, text: str, separator: str | None, quoting: str) -> Parsed:
    """Parse with the separator of the file's name, or with another that makes a table.

    Raises:
        FoldlineError: where quote marks do not fit, whatever the separator.
    """
    default = separator or DEFAULTS[file_format(path)]
    usual = _try_parse(path, text, default, quoting)
    if separator or (isinstance(usual, Parsed) and usual.is_table()):
        return _parsed_or_raise(usual)
    others = [
        other
        for mark in SEPARATORS
        if mark != default and mark in text
        if isinstance(other := _try_parse(path, text, mark, quoting), Parsed)
    ]
    others.sort(key=lambda other: -other.width)
    one_column = not isinstance(usual, Parsed) or len(usual.rows[0] if usual.rows else []) == 1
    fits = [other for other in others if other.is_table()]
    fits += [other for other in others if one_column and other.is_mostly_table()]
    return fits[0] if fits else _parsed_or_raise(usual)


def _parsed_or_raise(parsed: Parsed | FoldlineError) -> Parsed:
    if isinstance(parsed, FoldlineError):
        raise parsed
    return parsed


def _try_parse(path: Path, text: str, delimiter: str, quoting: str) -> Parsed | FoldlineError:
    try:
        return _parse_auto(path, text, delimiter, quoting)
    except FoldlineError as error:
        return error


def _parse_auto(path: Path, text: str, delimiter: str, quoting: str) -> Parsed:
    """Parse with the given quoting; `auto` decides what quote marks mean.

    In a tsv they often are text, and one at the start of a field would swallow rows. Databases
    escape those in fields by a backslash.
    """
    if quoting != "auto":
        return _parse(path, text, delimiter, quoting)
    if '"' not in text:
        return _parse(path, text, delimiter, _STANDARD)
    standard = _try_parse(path, text, delimiter, _STANDARD)
    if '\\"' in text and not (isinstance(standard, Parsed) and standard.has_equal_widths()):
        escaped = _parse_escaped(path, text, delimiter)
        if escaped:
            return escaped
    if delimiter != "\t":
        return _parsed_or_raise(standard)
    return _parse_tabs(path, text, standard)


def _parse_tabs(path: Path, text: str, standard: Parsed | FoldlineError) -> Parsed:
    """Return fields between tabs, parsed without quote marks unless they fit."""
    if isinstance(standard, FoldlineError):
        return _parse(path, text, "\t", _NONE)
    if standard.has_equal_widths() and standard.has_no_line_breaks():
        return standard
    none = _parse(path, text, "\t", _NONE)
    return standard if standard.has_equal_widths() and not none.has_equal_widths() else none


def _parse_escaped(path: Path, text: str, delimiter: str) -> Parsed | None:
    """Parse quoted fields in which a backslash escapes quote marks; None if that is no table."""
    mark = re.escape(delimiter)
    field = re.compile(
        rf'(?:(?<=[{mark}\n])|\A)"((?:[^"\\]|\\.|"")*)"(?=[{mark}\r\n]|\Z)', re.DOTALL
    )
    text = field.sub(lambda match: '"' + re.sub(r'\\(["\\])', _unescape, match[1]) + '"', text)
    try:
        parsed = _parse(path, text, delimiter, _STANDARD)
    except FoldlineError:
        return None
    return replace(parsed, quoting=_BACKSLASH) if parsed.is_table() else None


def _unescape(match: re.Match[str]) -> str:
    return '""' if match[1] == '"' else match[0]


def _parse(path: Path, text: str, delimiter: str, quoting: str) -> Parsed:
    csv.field_size_limit(1 << 30)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if quoting == _NONE else csv.QUOTE_MINIMAL,
        strict=True,
    )
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1
    try:
        for row in reader:
            if len(row) > 1 or (row and (row[0] or rows)):
                rows.append(row)
                lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        advice = 'double it (""), or set data.quoting=none if quote marks are text'
        if '\\"' in text:
            advice = 'in a field, write it as "" or \\", the same in the whole file, and set '
            advice += "data.quoting=auto"
        raise FoldlineError(
            f"{path}, from line {start}: {error}. A quote mark opens here and is not closed as "
            f"RFC 4180 requires; {advice}"
        ) from error
    return Parsed(rows, lines, delimiter, quoting)
