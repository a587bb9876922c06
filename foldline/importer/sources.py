"""The files that an import brings, and the part of the data that each one is."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from foldline.core.errors import FoldlineError, listed, unknown
from foldline.core.params.value_types import RAW
from foldline.data.raw_table import RawTable
from foldline.data.reading import read_raw
from foldline.importer.annotation_tables import guess_annotation_columns
from foldline.importer.column_names import part_by_name

PARTS = ("train", "valid", "test", "predict", "annotations", "sample")


@dataclass(frozen=True)
class Source:
    """A file to bring in; `part` is what it is for, None where that is still to be found."""

    path: Path
    raw: RawTable
    part: str | None
    told: bool = False

    @property
    def target(self) -> str:
        """Give its place in the project, from the root."""
        return RAW + unicodedata.normalize("NFC", self.path.name)


@dataclass(frozen=True)
class ImportSources:
    """All files of an import; `classes` and `extras` (files beside the data) come from hubs."""

    sources: list[Source]
    classes: list[str] | None = None
    extras: list[Path] = field(default_factory=list)


def parse_source(text: str) -> tuple[str | None, str]:
    """Split `valid=dev.csv` into part and path; without a part it is None.

    Raises:
        FoldlineError: where the part is not known and there is no file of the whole name.
    """
    part, equals, path = text.partition("=")
    if not text.strip() or (equals and not path.strip()):
        raise FoldlineError(f"'{text}' names no file. As in train=news.csv")
    if not equals or Path(text).exists() or "/" in part or "\\" in part or ":" in part:
        return None, text
    if part not in PARTS:
        raise FoldlineError(f"{text}: {unknown('part', part, PARTS)}. As in train=news.csv")
    return part, path


def open_source(path: Path, part: str | None, encoding: str, quoting: str) -> Source:
    """Read one file; its part is what was told, or what its name says.

    Raises:
        FoldlineError: where there is no such file, or it cannot be read.
    """
    if path.is_dir():
        raise FoldlineError(
            f"{path} is a folder: name its files, or write hf:{path} if it is a data set of "
            "Hugging Face"
        )
    if not path.is_file():
        raise FoldlineError(f"{path} is not there: check the path (relative to {Path.cwd()})")
    raw = read_raw(path, encoding, quoting)
    stem = path.name.partition(".")[0]
    return Source(path, raw, part or part_by_name(stem), told=part is not None)


def assign_parts(sources: Sequence[Source]) -> list[Source]:
    """Give the sources, each shape recognised that can be: judgements, samples, the only file.

    Raises:
        FoldlineError: where two files are one part, or would have one name, or none is train.
    """
    found = [_recognize_annotations(source) for source in sources]
    if not any(source.part == "train" for source in found):
        free = [n for n, source in enumerate(found) if source.part is None]
        if len(free) != 1:
            names = listed(source.path.name for source in found)
            raise FoldlineError(
                f"none of {names} is known to be the training rows: say train=PATH for one of them"
            )
        found[free[0]] = replace(found[free[0]], part="train")
    _check_unique(found)
    return found


def resolve_parts(
    sources: Sequence[Source], text: str, label: str, key: str | None
) -> list[Source]:
    """Give the sources in the order of PARTS, with those that only their columns tell.

    A file of texts without labels is to be predicted. One without texts, whose first column
    holds the ids (column `key`) of the rows to predict, is the sample submission.

    Raises:
        FoldlineError: where a file has no part still, or two have the same.
    """
    found = [
        replace(source, part="predict")
        if source.part in (None, "test") and not source.told and _has_no_labels(source, text, label)
        else source
        for source in sources
    ]
    ids = [s.raw.columns.get(key) for s in found if s.part == "predict" and key is not None]
    if ids and ids[0]:
        wanted = sorted(value or "" for value in ids[0])
        found = [
            replace(source, part="sample") if _is_sample(source, wanted, text) else source
            for source in found
        ]
    for source in found:
        if source.part is None:
            raise FoldlineError(
                f"{source.path}: what this file is for is not known: say train=, valid=, test=, "
                f"predict=, annotations= or sample= before its path, or leave it out"
            )
    _check_unique(found)
    return sorted(found, key=lambda source: PARTS.index(source.part or ""))


def _has_no_labels(source: Source, text: str, label: str) -> bool:
    """Tell whether a file has no label; -1 in every row means none, too."""
    values = set(source.raw.columns.get(label, ()))
    return text in source.raw.columns and values <= {None, "", "-1"}


def _is_sample(source: Source, wanted: list[str], text: str) -> bool:
    if source.told or source.part == "predict" or text in source.raw.columns:
        return False
    first = next(iter(source.raw.columns.values()))
    return sorted(value or "" for value in first) == wanted


def _recognize_annotations(source: Source) -> Source:
    if not source.told and guess_annotation_columns(source.raw) is not None:
        return replace(source, part="annotations")
    return source


def _check_unique(sources: Sequence[Source]) -> None:
    parts: dict[str, Source] = {}
    names: dict[str, Source] = {}
    for source in sources:
        other = parts.get(source.part or "")
        if source.part and other:
            raise FoldlineError(
                f"{other.path} and {source.path} both are {source.part}: leave one out, or say "
                f"what each is for, as in test={source.path}"
            )
        same = names.get(source.target)
        if same:
            raise FoldlineError(
                f"{same.path} and {source.path} would both become {source.target}: rename one"
            )
        parts[source.part or ""] = source
        names[source.target] = source
