"""All raw files become one table of rows, with its labels and an account of what was found."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from foldline.corpus.classes import find_labels, label_notes
from foldline.corpus.groups import duplicate_keys
from foldline.corpus.rows import Part, changed_originals, load_part
from foldline.frame.errors import FoldlineError
from foldline.frame.labels import Labels
from foldline.frame.params import Data, Prepare

FEWEST_ROWS = 10


@dataclass(frozen=True)
class Prepared:
    """What `prepare` hands on; `notes` are lines for the user, with file and line numbers."""

    rows: pd.DataFrame
    originals: pd.DataFrame
    unlabelled: pd.DataFrame
    labels: Labels
    metrics: dict[str, Any]
    details: dict[str, Any]
    notes: list[str]


def prepare_rows(task: str, data: Data, prepare: Prepare) -> Prepared:
    """Read, check and join the files that params.yaml names.

    Raises:
        FoldlineError: naming file, column and lines of what cannot be used.
    """
    files = {"train": data.train, "valid": data.valid, "test": data.test}
    parts = [load_part(n, path, task, data, prepare) for n, path in files.items() if path]
    unlabelled = load_part("predict", data.predict, task, data, prepare) if data.predict else None
    notes = _tell_ids_apart(parts)
    rows = pd.concat([part.kept() for part in parts], ignore_index=True)
    _check_size(data, rows)
    labels = find_labels(task, data, parts, rows)
    everything = parts + ([unlabelled] if unlabelled else [])
    originals = pd.concat([changed_originals(part) for part in everything], ignore_index=True)
    counts = Counter(rows["label"].tolist()) if labels.classes else Counter()
    return Prepared(
        rows=rows,
        originals=originals,
        unlabelled=unlabelled.table if unlabelled else rows.iloc[:0],
        labels=labels,
        metrics=_metrics(rows, everything, len(originals), labels),
        details={"files": {p.name: _file(p) for p in everything}, "labels": dict(counts)},
        notes=notes + _notes(everything) + label_notes(data, labels, counts),
    )


def _tell_ids_apart(parts: list[Part]) -> list[str]:
    """Prefix ids with their part where official files count from the same number."""
    seen: set[str] = set()
    clashes: list[str] = []
    for part in parts:
        names = part.table["id"].tolist()
        clashes += [name for name in names if name in seen]
        seen.update(names)
    if not clashes:
        return []
    for part in parts:
        part.table["id"] = part.name + "-" + part.table["id"]
    return [
        f"{len(set(clashes))} ids (such as '{clashes[0]}') stand in more than one file: "
        "all ids get their part's name in front, like 'train-1'"
    ]


def _check_size(data: Data, rows: pd.DataFrame) -> None:
    usable = int((rows["part"] == "train").sum())
    if usable < FEWEST_ROWS:
        raise FoldlineError(
            f"{data.train}: {usable} usable rows are too few to learn from and to split; give at "
            f"least {FEWEST_ROWS}"
        )


def _metrics(rows: pd.DataFrame, parts: list[Part], changed: int, labels: Labels) -> dict[str, Any]:
    keys = duplicate_keys(rows)
    sizes = Counter(key for key in keys if key)
    doubled = {key for key, count in sizes.items() if count > 1}
    found: dict[Any, set[str]] = {key: set() for key in doubled}
    for key, label in zip(keys, rows["label"].tolist(), strict=True):
        if key is not None and key in doubled:
            found[key].add(label)
    return {
        "rows": len(rows),
        "unlabelled": sum(len(part.table) for part in parts if part.name == "predict"),
        "classes": len(labels.classes),
        "dropped_empty": _dropped(parts, "empty text"),
        "dropped_missing_label": _dropped(parts, "missing label"),
        "duplicate_rows": sum(sizes[key] for key in doubled),
        "conflicting_rows": sum(sizes[key] for key in doubled if len(found[key]) > 1),
        "changed_texts": changed,
        "characters_median": float(rows["text"].str.len().median()),
    }


def _dropped(parts: list[Part], reason: str) -> int:
    return sum(len(part.dropped.get(reason, [])) for part in parts)


def _file(part: Part) -> dict[str, Any]:
    lines = part.raw.lines
    return {
        "path": part.raw.path.as_posix(),
        "rows": len(part.table),
        "dropped_lines": {r: [lines[row] for row in rows] for r, rows in part.dropped.items()},
        "empty_but_kept_lines": [lines[row] for row in part.kept_empty],
    }


def _notes(parts: list[Part]) -> list[str]:
    notes = []
    for part in parts:
        notes += part.raw.notes
        for reason, rows in part.dropped.items():
            notes.append(f"{part.where(rows)}: {len(rows)} rows dropped ({reason})")
        if part.kept_empty:
            count = len(part.kept_empty)
            notes.append(f"{part.where(part.kept_empty)}: {count} empty texts kept, to be scored")
    return notes
