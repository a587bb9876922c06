"""Raw files in parts, so that memory does not grow with the file.

A file of up to PART_BYTES is one part, read as `read_raw` reads it. A larger one is cut between
records; each part is then parsed with the file's header, in the file's encoding and quoting.
"""

import codecs
import csv
import gzip
import io
import itertools
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from foldline.core.errors import FoldlineError
from foldline.data.decoding import ISO_2022, find_encoding
from foldline.data.delimited import DEFAULTS, SEPARATORS
from foldline.data.raw_table import JSON_FORMATS, RawTable, file_format
from foldline.data.reading import parse_raw, read_raw

PART_BYTES = 4 << 20  # unpacked
PART_ROWS = 20_000  # of parquet
LONGEST_RECORD = 8 * PART_BYTES
BLOCK = 1 << 20
HEAD_LINES = 50  # by which the separator is guessed


@dataclass(frozen=True)
class RawPart:
    """The rows of a part of a file, and the share of the file that ends with them, 0 to 1."""

    raw: RawTable
    end: float


def read_parts(
    path: Path, encoding: str, quoting: str, columns: Iterable[str] = ()
) -> Iterator[RawPart]:
    """Read a raw file in parts; `encoding` holds for files that are not UTF-8.

    Of parquet only `columns` are read, where the file has all of them.

    Raises:
        FoldlineError: naming the file, and the line that cannot be parsed.
    """
    if file_format(path) == "parquet":
        yield from _read_parquet_parts(path, list(columns))
        return
    scan = _scan(path)
    encoding, notes = _choose_encoding(path, scan, encoding)
    parts: Iterator[RawPart]
    if scan.size > PART_BYTES:
        parts = _read_text_parts(path, encoding, quoting, scan.size)
    else:
        parts = iter([RawPart(read_raw(path, encoding, quoting), 1.0)])
    try:
        first = next(parts)
    except _IndivisibleError:
        # One list of all objects, as a page of a web service: there is no other way.
        parts = iter([])
        first = RawPart(read_raw(path, encoding, quoting), 1.0)
    yield replace(first, raw=replace(first.raw, notes=[*notes, *first.raw.notes]))
    try:
        yield from parts
    except _IndivisibleError as error:
        raise FoldlineError(f"{path} has a line of more than {LONGEST_RECORD >> 20} MB") from error


class _IndivisibleError(Exception):
    """A file that cannot be cut at the ends of lines."""


@dataclass(frozen=True)
class _Scan:
    """What the bytes of a file are.

    `sample` are lines about the first that is not UTF-8, below `above` other lines.
    """

    is_utf8: bool
    is_ascii: bool
    sample: bytes
    above: int
    size: int


def _choose_encoding(path: Path, scan: _Scan, encoding: str) -> tuple[str, list[str]]:
    """Return the encoding of a file, and a note where it is another than `encoding`.

    Text that is valid UTF-8 is hardly ever anything else.
    """
    if scan.is_utf8:
        differs = encoding != "auto" and codecs.lookup(encoding).name != "utf-8"
        other = f"{path} is UTF-8, so it was not read as {encoding} (data.encoding)"
        return "utf-8", [other] * (differs and not scan.is_ascii)
    if scan.size <= PART_BYTES or encoding != "auto":
        return encoding, []
    try:
        name, note = find_encoding(path, scan.sample)
    except FoldlineError as error:
        raise FoldlineError(f"{error}{_shift_hint(scan.above)}") from error
    return name, [note] if note else []


def _shift_hint(shift: int) -> str:
    return f" (in a part of the file: add {shift:,} to these line numbers)" if shift else ""


def _read_text_parts(path: Path, encoding: str, quoting: str, size: int) -> Iterator[RawPart]:
    is_json = file_format(path) in JSON_FORMATS
    delimiter = None if is_json else _guess_delimiter(path, encoding)
    if delimiter == "\t" and quoting == "auto":
        quoting = _find_quoting(path, encoding)
    cuts = _cut(path, _iterate_lines(path, encoding), delimiter, quoting)
    start, text = next(cuts)
    first = parse_raw(path, text.encode(), "utf-8", quoting)
    # Lines above the first row: a header, and a title if there is one; of JSON the first row, too,
    # as one object alone may be read in another way.
    above = first.lines[0] - (not is_json)
    prefix = "".join(f"{line}\n" for line in text.split("\n", above)[:above])
    read = len(text.encode(encoding))
    yield RawPart(first, min(read / size, 1.0))
    for start, text in cuts:
        raw = _parse_later_part(path, prefix, above, start, text, quoting, first.notes)
        raw = _drop_first(raw) if is_json else raw
        if not is_json and _plain_names(raw) != _plain_names(first):
            raise FoldlineError(
                f"{path}, from line {start}: read with other columns than its first lines; "
                "split the file in two"
            )
        read += len(text.encode(encoding))
        yield RawPart(raw, min(read / size, 1.0))


def _plain_names(raw: RawTable) -> list[str]:
    """Return the names of columns; objects of each part may have other fields."""
    return [name for name in raw.columns if "." not in name]


def _parse_later_part(
    path: Path, prefix: str, above: int, start: int, text: str, quoting: str, known: list[str]
) -> RawTable:
    """Parse a part below the header; its lines are those of the file, its notes new ones."""
    shift = start - above - 1
    hint = _shift_hint(shift)
    try:
        raw = parse_raw(path, (prefix + text).encode(), "utf-8", quoting)
    except FoldlineError as error:
        raise FoldlineError(f"{error}{hint}") from error
    notes = [f"{note}{hint}" for note in raw.notes if note not in known]
    return replace(raw, lines=[line + shift for line in raw.lines], notes=notes)


def _drop_first(raw: RawTable) -> RawTable:
    columns = {name: values[1:] for name, values in raw.columns.items()}
    return replace(raw, columns=columns, lines=raw.lines[1:])


def _cut(
    path: Path, lines: Iterator[str], delimiter: str | None, quoting: str
) -> Iterator[tuple[int, str]]:
    """Yield parts of whole records, each with the number of its first line."""
    consumed: list[str] = []
    size, start = 0, 1

    def record() -> Iterator[str]:
        nonlocal size
        for line in lines:
            consumed.append(line)
            size += len(line) if line.isascii() else 2 * len(line)
            if size > PART_BYTES + LONGEST_RECORD:
                raise FoldlineError(
                    f"{path}, from line {start}: a record is longer than "
                    f"{LONGEST_RECORD >> 20} MB; is a closing quote mark missing?"
                )
            yield _end_record(line)

    for _ in _iterate_records(record(), delimiter, quoting):
        if size >= PART_BYTES:
            yield start, "".join(consumed)
            start, size = start + len(consumed), 0
            consumed.clear()
    if "".join(consumed).strip():
        yield start, "".join(consumed)


def _iterate_records(lines: Iterator[str], delimiter: str | None, quoting: str) -> Iterator[Any]:
    """Yield once at the end of each record; those without a delimiter are JSON."""
    if delimiter is None:
        first = next((line for line in lines if not line.isspace()), "")
        try:
            whole = isinstance(json.loads(first), dict)
        except ValueError:
            whole = False
        if not whole:
            raise _IndivisibleError
        yield first
        yield from lines
    elif quoting == "none":
        yield from lines
    else:
        csv.field_size_limit(1 << 30)
        yield from csv.reader(lines, delimiter=delimiter)


def _guess_delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter of a format, unless another is in far more of the first lines."""
    head = list(itertools.islice(_iterate_lines(path, encoding), HEAD_LINES))
    counts = {mark: sum(mark in line for line in head) for mark in SEPARATORS}
    counts[DEFAULTS[file_format(path)]] *= 2
    return max(counts, key=lambda mark: counts[mark])


def _find_quoting(path: Path, encoding: str) -> str:
    """Return whether quote marks of a tsv enclose fields, by all of its rows.

    They do where rows then have equal numbers of fields and no line breaks, as `read_raw` decides.
    Backslashes before quote marks are left to it.
    """
    marks = escapes = False
    tabs: set[int] = set()
    for line in _iterate_lines(path, encoding):
        marks = marks or '"' in line
        escapes = escapes or '\\"' in line
        tabs |= set() if line.isspace() else {line.count("\t")}
    if not marks or escapes:
        return "auto" if escapes else "standard"
    widths, has_line_breaks = _measure_quoted(path, encoding)
    if len(widths) != 1:
        return "none"
    return "none" if has_line_breaks and len(tabs) == 1 else "standard"


def _measure_quoted(path: Path, encoding: str) -> tuple[set[int], bool]:
    """Return the numbers of fields of a tsv with quoted fields, and whether one has a line break.

    There are no numbers where quote marks do not fit.
    """
    lines = map(_end_record, _iterate_lines(path, encoding))
    widths, has_line_breaks = set(), False
    try:
        for row in csv.reader(lines, delimiter="\t", strict=True):
            if len(row) > 1 or (row and row[0].strip()):
                widths.add(len(row))
            has_line_breaks = has_line_breaks or any("\n" in value for value in row)
    except csv.Error:
        return set(), False
    return widths, has_line_breaks


def _end_record(line: str) -> str:
    """Return a line for finding the ends of records: a bare carriage return would be another."""
    return line.rstrip("\r\n").replace("\r", " ") + "\n"


def _iterate_lines(path: Path, encoding: str) -> Iterator[str]:
    """Yield lines, which end with a line feed only."""
    number = 0
    try:
        with _open_text(path, encoding) as stream:
            while line := stream.readline(LONGEST_RECORD):
                number += 1
                if len(line) == LONGEST_RECORD:
                    raise _IndivisibleError
                yield line
    except UnicodeDecodeError as error:
        raise FoldlineError(
            f"{path}, after line {number}: byte 0x{error.object[error.start]:02x} is not "
            f"{encoding}, unlike the lines above. Save the file as UTF-8"
        ) from error


def _scan(path: Path) -> _Scan:
    """Read a file once; of one that cannot be read nothing is known."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, is_ascii, sample, above, size, before = True, True, b"", 0, 0, b""
    try:
        with _open_bytes(path) as stream:
            while block := stream.read(BLOCK):
                size += len(block)
                is_ascii = is_ascii and block.isascii()
                if is_utf8:
                    try:
                        decoder.decode(block)
                        is_utf8 = b"\0" not in block and ISO_2022 not in block
                    except UnicodeDecodeError:
                        is_utf8 = False
                    if not is_utf8:
                        is_cut = size > len(before) + len(block)
                        sample = _whole_lines(before + block, is_cut)
                        above += is_cut
                    elif before:
                        above += before.count(b"\n")
                before = block
    except (OSError, EOFError, zlib.error):
        return _Scan(False, False, b"", 0, 0)  # `read_raw` says what is wrong
    return _Scan(is_utf8, is_ascii, sample, above, size)


def _whole_lines(block: bytes, is_cut: bool) -> bytes:
    """Return a block without its last line, and without its first if that `is_cut`."""
    end = block.rfind(b"\n") + 1 or len(block)
    return block[block.find(b"\n") + 1 if is_cut else 0 : end]


@contextmanager
def _open_bytes(path: Path) -> Iterator[Any]:
    if path.suffix.lower() == ".gz":
        with gzip.open(path) as packed:
            yield packed
    else:
        with path.open("rb") as plain:
            yield plain


@contextmanager
def _open_text(path: Path, encoding: str) -> Iterator[IO[str]]:
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    with _open_bytes(path) as stream:
        yield io.TextIOWrapper(stream, encoding=name, newline="\n")


def _read_parquet_parts(path: Path, columns: list[str]) -> Iterator[RawPart]:
    import pyarrow
    import pyarrow.parquet

    done = 0
    try:
        with _open_seekable(path) as stream:
            file = pyarrow.parquet.ParquetFile(stream)
            total, names = file.metadata.num_rows, file.schema_arrow.names
            chosen = columns if columns and set(columns) <= set(names) else None
            for batch in file.iter_batches(PART_ROWS, columns=chosen):
                buffer = io.BytesIO()
                table = pyarrow.Table.from_batches([batch])
                pyarrow.parquet.write_table(table, buffer, compression="none")
                raw = parse_raw(path, buffer.getvalue(), "auto", "auto")
                lines = [line + done for line in raw.lines]
                done += len(raw)
                yield RawPart(replace(raw, lines=lines), done / total)
    except FoldlineError:
        raise
    except Exception as error:  # a damaged file ends in errors of many kinds
        if done:
            raise FoldlineError(f"{path}, after row {done}: cannot be read ({error})") from error
    if not done:
        yield RawPart(read_raw(path), 1.0)  # it says what is wrong


@contextmanager
def _open_seekable(path: Path) -> Iterator[IO[bytes]]:
    """Open a file; a packed one is unpacked to a temporary file."""
    with _open_bytes(path) as stream:
        if path.suffix.lower() != ".gz":
            yield stream
            return
        with tempfile.TemporaryFile() as unpacked:
            shutil.copyfileobj(stream, unpacked)
            unpacked.seek(0)
            yield unpacked
