"""Files of predictions, written a table at a time: csv, tsv, jsonl and parquet, each also .gz."""

import gzip
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.files import replace_atomically

FORMATS = ("csv", "tsv", "jsonl", "parquet")
PROBABILITY = "p_"  # begins the columns of the classes
MANY_CLASSES, TOP = 8, 3
Write = Callable[[pd.DataFrame], None]
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def output_format(path: Path | None) -> str:
    """Return the format that a file's name has; csv for standard output.

    Raises:
        FoldlineError: for a folder, or another format.
    """
    if path is None:
        return "csv"
    if path.is_dir():
        raise FoldlineError(f"--out: {path} is a folder; name a file in it")
    suffixes = [suffix.lower().lstrip(".") for suffix in path.suffixes[-2:]]
    if suffixes[-1:] == ["gz"]:
        suffixes.pop()
    if not suffixes or suffixes[-1] not in FORMATS:
        raise FoldlineError(
            f"--out: {path} must end with {', '.join(f'.{name}' for name in FORMATS)}, or with "
            "one of these and .gz"
        )
    return suffixes[-1]


@contextmanager
def open_output(path: Path | None) -> Iterator[Write]:
    """Yield the function that writes one table after another; a file appears whole or not at all.

    Standard output gets csv in UTF-8, whatever the console's encoding, so that nothing is lost.
    """
    if path is None:
        is_console = sys.stdout.isatty() or not hasattr(sys.stdout, "buffer")  # or a notebook
        yield _write_terminal() if is_console else _text_writer("csv", sys.stdout.buffer)
        sys.stdout.flush()
        return
    kind = output_format(path)
    with replace_atomically(path) as temporary, _open_packed(temporary, path) as stream:
        if kind == "parquet":
            with _open_parquet(stream) as write:
                yield write
        else:
            yield _text_writer(kind, stream)


@contextmanager
def _open_packed(temporary: Path, path: Path) -> Iterator[Any]:
    with temporary.open("wb") as file:
        if path.suffix.lower() != ".gz":
            yield file
            return
        # Without name and time, so that the same predictions are the same bytes.
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            yield packed


def _text_writer(kind: str, stream: IO[bytes]) -> Write:
    header = True

    def write(table: pd.DataFrame) -> None:
        nonlocal header
        if kind == "jsonl":
            text = "".join(
                json.dumps(record, ensure_ascii=False) + "\n"
                for record in table.to_dict(orient="records")
            )
        else:
            text = _to_csv(table, header, "\t" if kind == "tsv" else ",")
        header = False
        stream.write(text.encode("utf-8", "replace"))
        stream.flush()

    return write


def _write_terminal() -> Write:
    """Return the writer to a terminal: four decimals, and no escape sequence of a text.

    Of more than MANY_CLASSES classes, the TOP most probable are shown.
    """
    header = True

    def write(table: pd.DataFrame) -> None:
        nonlocal header
        text = _to_csv(_shorten(table).round(4), header, ",")
        header = False
        sys.stdout.write(_CONTROL.sub(lambda match: repr(match[0])[1:-1], text))

    return write


def _shorten(table: pd.DataFrame) -> pd.DataFrame:
    """Return predictions of many classes with columns of the most probable in place of all."""
    names = [name for name in table.columns if name.startswith(PROBABILITY)]
    if len(names) <= MANY_CLASSES:
        return table
    values = table[names].to_numpy(dtype=float)
    order = np.argsort(-values, axis=1, kind="stable")[:, :TOP]
    found = table.drop(columns=names)
    for rank in range(TOP):
        best = order[:, rank]
        found[f"top_{rank + 1}"] = [
            f"{names[column].removeprefix(PROBABILITY)} {values[row, column]:.4f}"
            for row, column in enumerate(best)
        ]
    return found


def _to_csv(table: pd.DataFrame, header: bool, delimiter: str) -> str:
    buffer = io.StringIO()
    table.to_csv(buffer, index=False, header=header, sep=delimiter, lineterminator="\n")
    return buffer.getvalue()


@contextmanager
def _open_parquet(stream: IO[bytes]) -> Iterator[Write]:
    import pyarrow
    import pyarrow.parquet

    writer: Any = None

    def write(table: pd.DataFrame) -> None:
        nonlocal writer
        rows = pyarrow.Table.from_pandas(table, preserve_index=False)
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(stream, rows.schema)
        writer.write_table(rows)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
