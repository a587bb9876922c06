"""Raw files as tables of text: csv, tsv, txt, jsonl, json and parquet, each also .gz.

Cells are the text of the file: `NA`, `null` and `1.0` are not converted.
"""

import unicodedata
from dataclasses import replace
from pathlib import Path

from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.data import delimited, records
from foldline.data.decoding import decode, read_bytes
from foldline.data.object_fields import expand_objects
from foldline.data.raw_table import JSON_FORMATS, RawTable, file_format


def read_raw(path: Path, encoding: str = "auto", quoting: str = "auto") -> RawTable:
    """Read a raw file; objects in cells become columns, such as `labels.label`.

    Raises:
        FoldlineError: naming the file, and the line that cannot be parsed.
    """
    file_format(path)
    try:
        path = find_file(path)
    except OSError as error:
        raise FoldlineError(f"{path} cannot be reached: {error.strerror}") from error
    return parse_raw(path, read_bytes(path), encoding, quoting)


def parse_raw(path: Path, content: bytes, encoding: str, quoting: str) -> RawTable:
    """Return the rows in the content of a raw file, whose path gives the format.

    Raises:
        FoldlineError: naming the file, and the line that cannot be parsed.
    """
    kind = file_format(path)
    if not content:
        raise FoldlineError(f"{path} is empty (0 bytes): add rows")
    raw = (
        records.read_parquet(path, content)
        if kind == "parquet"
        else _read_text_file(path, content, kind, encoding, quoting)
    )
    if len(raw) and not raw.columns:
        raise FoldlineError(f"{path}: its {len(raw)} rows have no value: add columns")
    if not len(raw):
        header = f"a header ({listing(raw.columns)}) but " if raw.columns else ""
        raise FoldlineError(f"{path} has {header}no rows: add some")
    if kind != "parquet" and b"{" not in content:
        return raw  # no objects
    return replace(raw, columns=expand_objects(raw.columns))


def _read_text_file(path: Path, content: bytes, kind: str, encoding: str, quoting: str) -> RawTable:
    text, note = decode(path, content, encoding)
    if kind in JSON_FORMATS:
        raw = records.read_json(path, text, kind)
    else:
        raw = delimited.read_delimited(path, text, quoting)
    return replace(raw, notes=[note, *raw.notes]) if note else raw


def find_file(path: Path) -> Path:
    """Return the path as it is spelt on disk.

    Korean file names from macOS have another Unicode form, but look the same.

    Raises:
        FoldlineError: where the file does not exist, listing its folder.
    """
    if path.is_file():
        return path
    if path.is_dir():
        raise FoldlineError(f"{path} is a folder; name one file in params.yaml")
    if path.is_symlink():
        raise FoldlineError(f"{path} is a link to {path.readlink()}, which does not exist")
    folder = path.parent
    if not folder.is_dir():
        raise FoldlineError(
            f"{path} does not exist: there is no folder {folder}. Correct params.yaml"
        )
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name[0] != ".")
    for name in names:
        if unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", path.name):
            return folder / name
    close = closest_name(path.name, names)
    hint = f"; did you mean '{close}'?" if close else "."
    content = f"{folder} has {listing(names)}" if names else f"{folder} is empty"
    raise FoldlineError(
        f"{path} does not exist{hint} {content}. Add the file or correct params.yaml"
    )
