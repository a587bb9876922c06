"""The files of an import, and the part of the data that each one is."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from foldline.core.errors import FoldlineError, listing, unknown_name
from foldline.core.params.value_types import RAW
from foldline.data.cell_values import trim, value_key
from foldline.data.raw_table import RawTable
from foldline.data.reading import read_raw
from foldline.importer.annotation_tables import guess_annotation_columns
from foldline.importer.column_names import part_by_name

PARTS = ("train", "valid", "test", "predict", "annotations", "sample")


@dataclass(frozen=True)
class Source:
    """A file to import; `part` is None while unknown, `is_explicit` if the user named it."""

    path: Path
    raw: RawTable
    part: str | None
    is_explicit: bool = False

    @property
    def target(self) -> str:
        """Return its path in the project, from the root."""
        return RAW + unicodedata.normalize("NFC", self.path.name)


@dataclass(frozen=True)
class ImportSources:
    """All files of an import; `classes` by column and `extras` (files beside it) are of a hub."""

    sources: list[Source]
    classes: dict[str, list[str]] = field(default_factory=dict)
    extras: list[Path] = field(default_factory=list)


def parse_source(text: str) -> tuple[str | None, str]:
    """Split `valid=dev.csv` into part and path; the part is None if not given.

    Raises:
        FoldlineError: where the part is unknown and there is no file with the whole name.
    """
    part, equals, path = text.partition("=")
    if not text.strip() or (equals and not path.strip()):
        raise FoldlineError(f"'{text}' names no file. Write train=news.csv")
    if not equals or Path(text).exists() or "/" in part or "\\" in part or ":" in part:
        return None, text
    if part not in PARTS:
        raise FoldlineError(f"{text}: {unknown_name('part', part, PARTS)}. Write train=news.csv")
    return part, path


def open_source(path: Path, part: str | None, encoding: str, quoting: str) -> Source:
    """Read one file; its part is the given one, or guessed by its name.

    Raises:
        FoldlineError: where the file does not exist or cannot be read.
    """
    if path.is_dir():
        raise FoldlineError(
            f"{path} is a folder: name its files, or write hf:{path} if it is a dataset of "
            "Hugging Face"
        )
    if not path.is_file():
        raise FoldlineError(f"{path} does not exist: check the path (relative to {Path.cwd()})")
    raw = read_raw(path, encoding, quoting)
    stem = path.name.partition(".")[0]
    return Source(path, raw, part or part_by_name(stem), is_explicit=part is not None)


def assign_parts(sources: Sequence[Source]) -> list[Source]:
    """Return the sources with the parts of annotations and of a single unknown file (train).

    Raises:
        FoldlineError: where two files have one part or one name, or none is train.
    """
    assigned = [_recognize_annotations(source) for source in sources]
    if not any(source.part == "train" for source in assigned):
        free = [n for n, source in enumerate(assigned) if source.part is None]
        if len(free) != 1:
            names = listing(source.path.name for source in assigned)
            raise FoldlineError(
                f"none of {names} is recognised as the training rows: write train=PATH for one "
                "of them"
            )
        assigned[free[0]] = replace(assigned[free[0]], part="train")
    _check_unique(assigned)
    return assigned


def resolve_parts(
    sources: Sequence[Source], text: str, label: str, key: str | None
) -> list[Source]:
    """Return the sources in the order of PARTS, with parts recognised by their columns.

    A file of texts without labels is to be predicted. A file without texts, whose first column
    holds the ids (column `key`) of the rows to predict, is the sample submission.

    Raises:
        FoldlineError: where the part of a file is unknown, or two have the same.
    """
    assigned = [
        replace(source, part="predict")
        if source.part in (None, "test")
        and not source.is_explicit
        and _has_no_labels(source, text, label)
        else source
        for source in sources
    ]
    ids = [s.raw.columns.get(key) for s in assigned if s.part == "predict" and key is not None]
    if ids and ids[0]:
        predict_ids = _sort_ids(ids[0])
        assigned = [
            replace(source, part="sample") if _is_sample(source, predict_ids, text) else source
            for source in assigned
        ]
    for source in assigned:
        if source.part is None:
            raise FoldlineError(
                f"{source.path}: the part of this file is unknown: write train=, valid=, test=, "
                "predict=, annotations= or sample= before its path, or omit it"
            )
    _check_unique(assigned)
    return sorted(assigned, key=lambda source: PARTS.index(source.part or ""))


def _has_no_labels(source: Source, text: str, label: str) -> bool:
    """Return whether a file has no labels; -1 in every row counts as none."""
    values = {trim(value or "") for value in source.raw.columns.get(label, ())}
    return text in source.raw.columns and values <= {"", "-1", "-1.0"}


def _is_sample(source: Source, predict_ids: list[str], text: str) -> bool:
    if source.is_explicit or source.part == "predict" or text in source.raw.columns:
        return False
    first = next(iter(source.raw.columns.values()))
    return _sort_ids(first) == predict_ids


def _sort_ids(values: Sequence[str | None]) -> list[str]:
    """Return what the ids are in any spelling: `7` of a spreadsheet is `00007`."""
    return sorted(value_key(trim(value or "")) for value in values)


def _recognize_annotations(source: Source) -> Source:
    if not source.is_explicit and guess_annotation_columns(source.raw) is not None:
        return replace(source, part="annotations")
    return source


def _check_unique(sources: Sequence[Source]) -> None:
    parts: dict[str, Source] = {}
    names: dict[str, Source] = {}
    for source in sources:
        other = parts.get(source.part or "")
        if source.part and other:
            raise FoldlineError(
                f"{other.path} and {source.path} both are {source.part}: omit one, or state the "
                f"part of each, as in test={source.path}"
            )
        same = names.get(source.target)
        if same:
            raise FoldlineError(
                f"{same.path} and {source.path} would both become {source.target}: rename one"
            )
        parts[source.part or ""] = source
        names[source.target] = source
