"""All raw files as one table of checked rows, with its labels, metrics and report."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.components import Options
from foldline.core.io.files import digest
from foldline.core.io.labels import Labels
from foldline.core.params import Data, Prepare
from foldline.data.annotations import (
    AnnotationTable,
    aggregate_labels,
    match_annotations,
    read_annotations,
)
from foldline.data.classes import find_labels, label_notes, select_auxiliary_labels
from foldline.data.conflicts import resolve_conflicts
from foldline.data.duplicate_report import duplicate_report
from foldline.data.duplicates import find_duplicates, name_groups
from foldline.data.multilabel import explode_labels, multilabel_notes
from foldline.data.reading import read_raw
from foldline.data.rows import Part, changed_originals, check_part, read_part
from foldline.data.sample_submission import plan_sample
from foldline.data.spellings import unify_spellings
from foldline.data.text_cleaner import make_cleaner

MIN_ROWS = 10
RAW_FOLDER = Path("data/raw")


@dataclass(frozen=True)
class PreparedDataset:
    """The rows of all files, and what was done to them; `notes` are for the user.

    `originals` are texts before normalization where it changed them, `unlabelled` the rows to
    predict, `weights` the rows that have one of their own, `auxiliary_labels` those that have one.
    """

    rows: pd.DataFrame
    originals: pd.DataFrame
    unlabelled: pd.DataFrame
    labels: Labels
    annotations: AnnotationTable | None
    weights: pd.DataFrame
    auxiliary_labels: pd.DataFrame
    metrics: dict[str, Any]
    details: dict[str, Any]
    notes: list[str]
    parts: list[Part]

    def describe(self) -> str:
        """Return the numbers of rows and classes, for the terminal."""
        classes = f", {len(self.labels.classes)} classes" if self.labels.classes else ""
        return f"{len(self.rows)} rows{classes}"

    def unused_columns(self) -> pd.DataFrame:
        """Return the columns of the raw files that have no role, indexed by row id."""
        tables = [pd.DataFrame(part.raw.columns, index=part.table["id"]) for part in self.parts]
        return pd.concat(tables).fillna("")


def prepare_dataset(
    task: str,
    data: Data,
    prepare: Prepare,
    components: Options = MappingProxyType({}),
    sample_submission: str | None = None,
) -> PreparedDataset:
    """Read, check and join the files that params.yaml names.

    `components` are the options of a text cleaner from components/. The sample submission is
    checked as `predict` will, so that its faults are told before any training.

    Raises:
        FoldlineError: naming the file, column and lines that cannot be used.
    """
    annotations = read_annotations(data)
    files = _read_files(task, data, prepare, components)
    spelled = unify_spellings(files, annotations, task, data)
    annotations, annotated = spelled.annotations, aggregate_labels(spelled.annotations)
    for part in files:
        check_part(part, task, data, prepare, annotated)
    parts = [part for part in files if part.name != "predict"]
    unlabelled = [part for part in files if part.name == "predict"]
    file_ids = _ids(parts)
    notes = spelled.notes + _make_ids_unique(parts)
    if annotations:
        annotations = match_annotations(annotations, file_ids, _ids(parts), _ids(unlabelled))
        notes += annotations.notes
    rows = pd.concat([part.kept_rows() for part in parts], ignore_index=True)
    rows, duplicates, duplicate_notes = _resolve_duplicates(rows, task, prepare)
    _check_row_count(data, rows, duplicates["conflicts"]["dropped_rows"])
    labels = find_labels(task, data, parts, rows)
    plan = plan_sample(_ids(unlabelled), labels, data, sample_submission)
    originals = pd.concat([changed_originals(part) for part in files], ignore_index=True)
    counts = Counter(explode_labels(rows, task)["label"].tolist()) if labels.classes else Counter()
    reports = {part.name: _file_report(part) for part in files}
    return PreparedDataset(
        rows=rows,
        originals=originals,
        unlabelled=unlabelled[0].table if unlabelled else rows.iloc[:0],
        labels=labels,
        annotations=annotations,
        weights=rows[rows["part"] != "test"] if data.weight else rows.iloc[:0],
        auxiliary_labels=select_auxiliary_labels(rows, data),
        metrics=_metrics(rows, files, len(originals), labels, duplicates),
        details={"files": reports, "labels": dict(counts)} | duplicates,
        notes=notes
        + duplicate_notes
        + _file_notes(files)
        + multilabel_notes(rows, data, task)
        + label_notes(data, labels, counts)
        + (plan.notes if plan else []),
        parts=parts,
    )


def hash_auxiliary_files(data: Data) -> dict[str, str]:
    """Return the content hash of each file under data/raw that is none of the tables of `data`.

    Models read some of these files, such as word lists. Training depends on them alone, so a
    change of another table, such as the rows to predict, does not repeat it.
    """
    names = (data.train, data.valid, data.test, data.predict, data.annotations.file)
    tables = {Path(name) for name in names if name}
    files = sorted(path for path in RAW_FOLDER.rglob("*") if path.is_file())
    return {
        path.as_posix(): digest(path)
        for path in files
        if path not in tables and not path.name.startswith(".")
    }


def _read_files(task: str, data: Data, prepare: Prepare, components: Options) -> list[Part]:
    clean = make_cleaner(prepare.unicode, prepare.clean, components)
    paths = {"train": data.train, "valid": data.valid, "test": data.test, "predict": data.predict}
    return [
        read_part(name, read_raw(Path(path), data.encoding, data.quoting), task, data, clean)
        for name, path in paths.items()
        if path
    ]


def _ids(parts: list[Part]) -> list[str]:
    return [name for part in parts for name in part.table["id"].tolist()]


def _make_ids_unique(parts: list[Part]) -> list[str]:
    """Prefix all ids with their part where an id is in several files; return a note."""
    repeated = [name for name, count in Counter(_ids(parts)).items() if count > 1]
    if not repeated:
        return []
    for part in parts:
        part.table["id"] = part.name + "-" + part.table["id"]
    return [
        f"{len(repeated)} ids (such as '{repeated[0]}') are in more than one file: "
        "all ids are prefixed with their part, like 'train-1'"
    ]


def _resolve_duplicates(
    rows: pd.DataFrame, task: str, prepare: Prepare
) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Return the rows with `dup_group`, without conflicts; the report on duplicates; notes."""
    groups = find_duplicates(rows, prepare.duplicates)
    report = duplicate_report(rows, groups, task)
    strength = "exact" if prepare.duplicates.match == "exact" else "skeleton"
    resolved = resolve_conflicts(rows, getattr(groups, strength), task, prepare.conflicts)
    first, second = (pd.array(side, dtype="str") for side in groups.sentences)
    kept = rows.assign(
        label=pd.array(resolved.labels, dtype="str"),
        dup=groups.together,
        sentence=first,
        sentence_pair=second,
    )
    kept = kept[resolved.kept].reset_index(drop=True)
    kept["dup_group"] = name_groups(kept.pop("dup").to_numpy(), kept["id"].tolist())
    conflicts = resolved.details | {"rows": report[strength]["conflicting_rows"]}
    return kept, {"duplicates": report, "conflicts": conflicts}, groups.notes + resolved.notes


def _check_row_count(data: Data, rows: pd.DataFrame, dropped: int) -> None:
    usable = int((rows["part"] == "train").sum())
    if usable < MIN_ROWS:
        hint = f" ({dropped} were dropped by prepare.conflicts)" if dropped else ""
        raise FoldlineError(
            f"{data.train}: {usable} usable rows{hint} are too few to split and to train on; "
            f"provide at least {MIN_ROWS}"
        )


def _metrics(
    rows: pd.DataFrame, parts: list[Part], changed: int, labels: Labels, duplicates: dict[str, Any]
) -> dict[str, Any]:
    """Return the numbers for DVC; those of duplicates include rows that conflicts dropped."""
    return {
        "rows": len(rows),
        "unlabelled": sum(len(part.table) for part in parts if part.name == "predict"),
        "classes": len(labels.classes),
        "dropped_empty": _count_dropped(parts, "empty text"),
        "dropped_missing_label": _count_dropped(parts, "missing label"),
        "duplicate_rows": duplicates["duplicates"]["exact"]["rows"],
        "grouped_rows": duplicates["duplicates"]["together"]["rows"],
        "conflicting_rows": duplicates["conflicts"]["rows"],
        "changed_texts": changed,
        "characters_median": float(rows["text"].str.len().median()),
    }


def _count_dropped(parts: list[Part], reason: str) -> int:
    return sum(len(part.dropped.get(reason, [])) for part in parts)


def _file_report(part: Part) -> dict[str, Any]:
    lines = part.raw.lines
    return {
        "path": part.raw.path.as_posix(),
        "rows": len(part.table),
        "dropped_lines": {r: [lines[row] for row in rows] for r, rows in part.dropped.items()},
        "empty_but_kept_lines": [lines[row] for row in part.kept_empty],
    }


def _file_notes(parts: list[Part]) -> list[str]:
    notes = []
    for part in parts:
        notes += part.raw.notes
        for reason, rows in part.dropped.items():
            notes.append(f"{part.where(rows)}: {len(rows)} rows dropped ({reason})")
        if part.kept_empty:
            count = len(part.kept_empty)
            notes.append(f"{part.where(part.kept_empty)}: {count} empty texts kept, to be scored")
    return notes
