"""csv and tsv files, with every cell as text: `NA` and `1.0` are not converted."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from foldline.core.errors import FoldlineError, listing
from foldline.data.raw_table import RawTable, check_column_names

_PRIVATE = range(0xE000, 0xF900)
_STANDARD, _NONE = "standard", "none"


@dataclass(frozen=True)
class Parsed:
    """Rows of fields, the line on which each starts, and the quoting that was used."""

    rows: list[list[str]]
    lines: list[int]
    quoting: str

    def has_equal_widths(self) -> bool:
        """Return whether all rows have as many fields as the header."""
        return all(len(row) == len(self.rows[0]) for row in self.rows)

    def has_no_line_breaks(self) -> bool:
        """Return whether no field has a line break."""
        return not any("\n" in value for row in self.rows for value in row)


def read_delimited(path: Path, text: str, delimiter: str, quoting: str) -> RawTable:
    """Read separated text with a header; quoting is auto, standard (RFC 4180) or none.

    Raises:
        FoldlineError: naming the line with another number of fields.
    """
    # A bare carriage return inside a field is text, but csv readers end the row there. So it is
    # replaced, while parsing, by a character that the file does not have.
    stand_in = ""
    if "\r\r\n" in text and text.count("\r\r\n") == text.count("\n"):
        text = text.replace("\r\r\n", "\n")  # line ends that were translated twice
    if "\n" not in text:  # line ends of the old Macintosh
        text = text.replace("\r", "\n")
    elif "\r" in text:
        stand_in = next(chr(code) for code in _PRIVATE if chr(code) not in text)
        text = re.sub(r"\r(?!\n)", stand_in, text)
    parsed = _parse_auto(path, text, delimiter, quoting)
    if not parsed.rows:
        raise FoldlineError(f"{path} has only empty lines: add a header and rows")
    header = [name.strip() for name in parsed.rows[0]]
    rows, lines = _check_widths(path, header, parsed)
    check_column_names(path, header)
    columns: dict[str, list[str | None]] = {
        name: [value.replace(stand_in, "\r") for value in values] if stand_in else list(values)
        for name, values in zip(header, zip(*rows, strict=True), strict=bool(rows))
    }
    notes = [
        f"{path}, line {line}: a quoted field has lines that look like rows; is a "
        "closing quote mark missing?"
        for line in _runaway_quotes(parsed, delimiter)
    ]
    return RawTable(path, columns or {name: [] for name in header}, lines, notes)


def _runaway_quotes(parsed: Parsed, delimiter: str) -> list[int]:
    """Return the lines of quoted fields that may have swallowed rows."""
    delimiters = len(parsed.rows[0]) - 1
    ends = [*parsed.lines[1:], parsed.lines[-1] + 2]
    lines = []
    for row, line, end in zip(parsed.rows, parsed.lines, ends, strict=True):
        if end - line > 1 and delimiters:
            inner = [value.split("\n")[1:-1] for value in row]
            if any(part and all(x.count(delimiter) == delimiters for x in part) for part in inner):
                lines.append(line)
    return lines


def _parse_auto(path: Path, text: str, delimiter: str, quoting: str) -> Parsed:
    """Parse with the given quoting; `auto` decides whether quote marks of a tsv are text.

    They often are, and one at the start of a field would swallow rows.
    """
    if quoting != "auto":
        return _parse(path, text, delimiter, quoting)
    if delimiter != "\t" or '"' not in text:
        return _parse(path, text, delimiter, _STANDARD)
    try:
        standard = _parse(path, text, delimiter, _STANDARD)
    except FoldlineError:
        return _parse(path, text, delimiter, _NONE)
    if standard.has_equal_widths() and standard.has_no_line_breaks():
        return standard
    none = _parse(path, text, delimiter, _NONE)
    return standard if standard.has_equal_widths() and not none.has_equal_widths() else none


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
        raise FoldlineError(
            f"{path}, from line {start}: {error}. A quote mark opens here and is not closed as "
            'RFC 4180 requires; double it (""), or set data.quoting=none if quote marks are text'
        ) from error
    return Parsed(rows, lines, quoting)


def _check_widths(
    path: Path, header: list[str], parsed: Parsed
) -> tuple[list[list[str]], list[int]]:
    """Return the rows below the header; blank lines are no rows of several columns."""
    rows, lines = parsed.rows[1:], parsed.lines[1:]
    width = len(header)
    if all(len(row) == width for row in rows):
        return rows, lines
    filled = [n for n, row in enumerate(rows) if len(row) != 1 or row[0].strip()]
    wrong = [n for n in filled if len(rows[n]) != width]
    if wrong:
        numbers = listing((lines[n] for n in wrong), 8)
        raise FoldlineError(_ragged_message(path, numbers, rows[wrong[0]], header, parsed.quoting))
    return [rows[n] for n in filled], [lines[n] for n in filled]


def _ragged_message(
    path: Path, numbers: str, row: list[str], header: list[str], quoting: str
) -> str:
    if quoting == _NONE:
        advice = "Remove the separator from texts, or set data.quoting=standard if quote "
        advice += "marks enclose fields"
    elif len(row) > len(header):
        advice = 'Quote texts that contain the separator ("a, b")'
    else:
        advice = "Add the missing fields, even empty ones"
    fields = f"{len(row)} field{'s' if len(row) > 1 else ''}"
    return (
        f"{path}, line{'s' if ',' in numbers else ''} {numbers}: {fields} where the header has "
        f"{len(header)} ({listing(header)}); it starts {row[0][:40]!r}. {advice}"
    )
