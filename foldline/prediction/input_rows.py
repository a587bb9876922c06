"""The rows to predict: those of a file, of standard input, or texts of the command line."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.data.columns import read_cells
from foldline.data.partial_reading import RawPart, read_parts
from foldline.data.raw_table import RawTable, file_format
from foldline.data.reading import find_file
from foldline.ensembling.members import BATCH_ROWS
from foldline.prediction.predictor import Predictor

SHOWN_LINES = 8
STDIN = "standard input"


@dataclass(frozen=True)
class Columns:
    """The names of the columns with ids and texts; None where there is none."""

    id: str | None
    text: str
    text_pair: str | None


@dataclass
class InputRows:
    """Rows in batches of BATCH_ROWS, and notes about them, complete once all were read."""

    parts: Iterator[RawPart]
    columns: Columns
    predictor: Predictor
    name: str
    notes: list[str] = field(default_factory=list)
    id_required: bool = False
    count: int = 0
    empty: int = 0
    empty_lines: list[int] = field(default_factory=list)
    unit: str = "line"
    plain: set[str] = field(default_factory=set)

    def batches(self) -> Iterator[tuple[pd.DataFrame, float]]:
        """Yield rows (id, text, text_pair), and the share of the input that ends with them.

        Batches are as large as those of the stage `predict`, so that predictions are the same.
        """
        pending = pd.DataFrame()
        end = 0.0
        for part in self.parts:
            rows = self._read_part(part.raw).assign(end=np.linspace(end, part.end, len(part.raw)))
            end = part.end
            pending = pd.concat([pending, rows], ignore_index=True) if len(pending) else rows
            while len(pending) >= BATCH_ROWS:
                yield _split_end(pending.iloc[:BATCH_ROWS])
                pending = pending.iloc[BATCH_ROWS:].reset_index(drop=True)
        if len(pending):
            yield _split_end(pending)

    def list_notes(self) -> list[str]:
        """Return the notes of the reader, and one on empty texts."""
        if not self.empty:
            return self.notes
        more = f" and {self.empty - SHOWN_LINES} more" if self.empty > SHOWN_LINES else ""
        where = f"{self.unit}{'s' * (self.empty > 1)} {', '.join(map(str, self.empty_lines))}{more}"
        texts = "1 text is" if self.empty == 1 else f"{self.empty} texts are"
        note = f"{self.name}, {where}: {texts} empty, and predicted all the same"
        return [*self.notes, note]

    def _read_part(self, raw: RawTable) -> pd.DataFrame:
        notes = [note.replace(str(raw.path), self.name) for note in raw.notes]
        self.notes += [note for note in notes if note not in self.notes]
        self.unit = raw.unit
        texts = self._read_column(raw, self.columns.text, "text")
        pairs = [""] * len(raw)
        if self.columns.text_pair is not None:
            pairs = self._read_column(raw, self.columns.text_pair, "text_pair")
        rows = self.predictor.make_rows(self._ids(raw), texts, pairs)
        empty = rows["text"] == ""
        if self.columns.text_pair is not None:
            empty |= rows["text_pair"] == ""
        self.empty += int(empty.sum())
        lines = [raw.lines[row] for row in np.flatnonzero(empty.to_numpy())[:SHOWN_LINES]]
        self.empty_lines = (self.empty_lines + lines)[:SHOWN_LINES]
        self.count += len(raw)
        return rows

    def _ids(self, raw: RawTable) -> list[str]:
        name = self.columns.id
        if name is None or not (self.id_required or raw.find_column(name)):
            if name is not None and not self.count and self.name != STDIN:
                self.notes.append(
                    f"{self.name} has no column '{name}', so `id` is the row's number"
                )
            return [str(self.count + number) for number in range(1, len(raw) + 1)]
        return self._read_column(raw, name, "id")

    def _read_column(self, raw: RawTable, name: str, role: str) -> list[str]:
        """Return a column; lists of one value are that value, if the first rows are such."""
        cells = [value or "" for value in _select(raw, name, role)]
        if role in self.plain:
            return cells
        values = read_cells(raw, cells, role, name)
        if values == cells:
            self.plain.add(role)
        elif not self.count:
            self.notes.append(f"{self.name}, column '{name}': lists of one value are that value")
        return values


def _split_end(rows: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    return rows.drop(columns="end"), float(rows["end"].iloc[-1])


ROLES = {
    "id": ("ids", "--id-column"),
    "text": ("texts", "--text-column"),
    "text_pair": ("second texts", "--pair-column"),
}


def _select(raw: RawTable, name: str, role: str) -> list[str | None]:
    """Return a column.

    Raises:
        FoldlineError: naming the columns that there are.
    """
    known = raw.find_column(name)
    if known is None:
        what, option = ROLES[role]
        close = closest_name(name, raw.columns)
        hint = f" (did you mean '{close}'?)" if close else ""
        raise FoldlineError(
            f"{raw.path} has no column '{name}'{hint} with the {what}; it has "
            f"{listing(raw.columns, 20) or 'none'}.{raw.fields_hint(name)} Name the column: "
            f"{option} NAME"
        )
    return raw.columns[known]


def list_texts(texts: list[str], pairs: list[str]) -> Iterator[RawPart]:
    """Return texts of the command line as one part."""
    columns: dict[str, list[str | None]] = {"text": [*texts], "text_pair": [*pairs]}
    if not pairs:
        del columns["text_pair"]
    lines = list(range(1, len(texts) + 1))
    yield RawPart(RawTable(Path("--text"), columns, lines, unit="row"), 1.0)


def read_file(path: Path, columns: Columns, predictor: Predictor) -> Iterator[RawPart]:
    """Read a file in parts, as the models' training files were read."""
    used = predictor.preprocessing
    names = [name for name in (columns.id, columns.text, columns.text_pair) if name is not None]
    return read_parts(path, used.encoding, used.quoting, names)


def find_input(path: Path) -> Path:
    """Return the path as it is spelt on disk.

    Raises:
        FoldlineError: where there is no such file.
    """
    if path.is_dir():
        raise FoldlineError(f"{path} is a folder: name one file")
    file_format(path)
    if path.is_file():
        return path
    names = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
    try:
        return find_file(path)
    except FoldlineError:
        close = closest_name(path.name, names)
        hint = f"; did you mean {path.with_name(close)}?" if close else ""
        raise FoldlineError(f"{path} does not exist{hint}") from None


@contextmanager
def spool_stdin(columns: Columns) -> Iterator[tuple[Path, str]]:
    """Yield standard input as a file, and how it was read.

    Its first line says what it is: a JSON object, a header with the column of texts, or a text.

    Raises:
        FoldlineError: if it is empty, or its rows cannot be read, which then names no file.
    """
    with tempfile.TemporaryDirectory(prefix="foldline-") as folder:
        path = Path(folder, STDIN)
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        with path.open("rb") as file:
            first = file.readline(1 << 20).decode("utf-8-sig", "replace").strip()
        if not path.stat().st_size:
            raise FoldlineError(f"{STDIN} is empty: write texts to it, one a line")
        suffix, how = _guess_format(first, columns), f"with column '{columns.text}'"
        if suffix:
            how = f"{suffix[1:]} {how}"
        else:
            lines = path.replace(path.with_suffix(".txt"))
            suffix, how = ".jsonl", _write_records(lines, path, columns)
        named = path.rename(path.with_suffix(suffix))
        try:
            yield named, how
        except FoldlineError as error:
            raise FoldlineError(str(error).replace(str(named), STDIN)) from error


def _guess_format(first: str, columns: Columns) -> str | None:
    if first.startswith(("{", "[{")):
        return ".jsonl"
    for suffix, delimiter in ((".csv", ","), (".tsv", "\t"), (".csv", ";"), (".csv", "|")):
        names = [name.strip(' "') for name in first.split(delimiter)]
        if columns.text in names:
            return suffix
    return None


def _write_records(lines: Path, target: Path, columns: Columns) -> str:
    """Write each line as the record of a text; of a pair, a tab is between the texts."""
    with lines.open("rb") as file, target.open("w", encoding="utf-8") as records:
        for number, line in enumerate(file, start=1):
            records.write(json.dumps(_parse_line(number, line, columns), ensure_ascii=False) + "\n")
    return (
        "one text a line" if columns.text_pair is None else "two texts a line, with a tab between"
    )


def _parse_line(number: int, line: bytes, columns: Columns) -> dict[str, str]:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise FoldlineError(f"{STDIN}, line {number}: is not UTF-8") from error
    if columns.text_pair is None:
        return {columns.text: text}
    texts = text.split("\t")
    if len(texts) != 2:
        raise FoldlineError(
            f"{STDIN}, line {number}: the models read pairs, so each line must have two texts "
            f"with a tab between them (found {len(texts)})"
        )
    return {columns.text: texts[0], columns.text_pair: texts[1]}
