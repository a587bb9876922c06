"""Raw files as tables of texts: csv, tsv, jsonl and parquet, each also .gz.

Every cell is text as it stands in the file: `NA`, `null` and `1.0` are not turned into anything.
"""

import unicodedata
from dataclasses import replace
from pathlib import Path

from foldline.core.errors import FoldlineError, listed, nearest
from foldline.data import delimited, records
from foldline.data.decoding import decode, read_bytes
from foldline.data.raw import RawTable, file_format


def read_raw(path: Path, encoding: str = "auto", quoting: str = "auto") -> RawTable:
    """Read a raw file.

    Raises:
        FoldlineError: naming the file and line that cannot be read.
    """
    kind = file_format(path)
    try:
        path = find_file(path)
    except OSError as error:
        raise FoldlineError(f"{path} cannot be reached: {error.strerror}") from error
    content = read_bytes(path)
    if not content:
        raise FoldlineError(f"{path} is empty (0 bytes): put your rows there")
    raw = (
        records.read_parquet(path, content)
        if kind == "parquet"
        else _read_text_file(path, content, kind, encoding, quoting)
    )
    if not raw.lines:
        header = f"a header ({listed(raw.columns)}) but " if raw.columns else ""
        raise FoldlineError(f"{path} has {header}no rows: put your rows there")
    return raw


def _read_text_file(path: Path, content: bytes, kind: str, encoding: str, quoting: str) -> RawTable:
    text, name = decode(path, content, encoding)
    if kind == "jsonl":
        raw = records.read_jsonl(path, text)
    else:
        raw = delimited.read_delimited(path, text, "\t" if kind == "tsv" else ",", quoting)
    if encoding == "auto" and name == "cp949":
        note = f"{path} is not UTF-8 and was read as cp949; if texts look wrong, set data.encoding"
        return replace(raw, notes=[note, *raw.notes])
    return raw


def find_file(path: Path) -> Path:
    """Give the path as it stands on the disk.

    Korean names that come from macOS are spelt in another normal form, yet look the same.

    Raises:
        FoldlineError: listing what stands beside a file that is not there.
    """
    if path.is_file():
        return path
    if path.is_dir():
        raise FoldlineError(f"{path} is a folder; name one file in params.yaml")
    if path.is_symlink():
        raise FoldlineError(f"{path} is a link to {path.readlink()}, which is not there")
    folder = path.parent
    if not folder.is_dir():
        raise FoldlineError(
            f"{path} is not there: there is no folder {folder}. Correct params.yaml"
        )
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name[0] != ".")
    for name in names:
        if unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", path.name):
            return folder / name
    close = nearest(path.name, names)
    hint = f"; did you mean '{close}'?" if close else "."
    beside = f"In {folder} there are {listed(names)}" if names else f"{folder} is empty"
    raise FoldlineError(
        f"{path} is not there{hint} {beside}. Put the file there or correct params.yaml"
    )
