"""All raw files become one table of rows, with its labels and an account of what was found."""

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.components import Options
from foldline.core.io.labels import Labels
from foldline.core.params import Data, Prepare
from foldline.data.annotations import Judgements, aggregated, matched, read_judgements, soft_labels
from foldline.data.classes import find_labels, label_notes
from foldline.data.conflicts import settle
from foldline.data.duplicate_report import duplicate_report
from foldline.data.duplicates import find_duplicates, group_names
from foldline.data.multilabel import notes as several_notes
from foldline.data.multilabel import one_a_label
from foldline.data.rows import Part, changed_originals, load_part
from foldline.data.text_cleaner import make_cleaner

FEWEST_ROWS = 10


@dataclass(frozen=True)
class Prepared:
    """What `prepare` hands on; `notes` are lines for the user, with file and line numbers."""

    rows: pd.DataFrame
    originals: pd.DataFrame
    unlabelled: pd.DataFrame
    labels: Labels
    judged: Judgements | None
    soft_labels: pd.DataFrame
    weights: pd.DataFrame
    metrics: dict[str, Any]
    details: dict[str, Any]
    notes: list[str]


def prepare_rows(
    task: str, data: Data, prepare: Prepare, components: Options = MappingProxyType({})
) -> Prepared:
    """Read, check and join the files that params.yaml names.

    `components` are the options of a text cleaner from components/.

    Raises:
        FoldlineError: naming file, column and lines of what cannot be used.
    """
    files = {"train": data.train, "valid": data.valid, "test": data.test}
    judged = read_judgements(data)
    made = aggregated(judged)
    given = {name: path for name, path in (files | {"predict": data.predict}).items() if path}
    clean = make_cleaner(prepare, components)
    everything = [load_part(n, path, task, data, prepare, made, clean) for n, path in given.items()]
    parts = [part for part in everything if part.name != "predict"]
    unlabelled = everything[-1] if data.predict else None
    before = _ids(parts)
    notes = _tell_ids_apart(parts)
    if judged:
        judged = matched(judged, before, _ids(parts), _ids(everything[len(parts) :]))
        notes += judged.notes
    rows = pd.concat([part.kept() for part in parts], ignore_index=True)
    rows, doubles, said = _settled(rows, task, prepare)
    notes += said
    _check_size(data, rows, doubles["conflicts"]["dropped_rows"])
    labels = find_labels(task, data, parts, rows)
    originals = pd.concat([changed_originals(part) for part in everything], ignore_index=True)
    counts = Counter(one_a_label(rows, task)["label"].tolist()) if labels.classes else Counter()
    return Prepared(
        rows=rows,
        originals=originals,
        unlabelled=unlabelled.table if unlabelled else rows.iloc[:0],
        labels=labels,
        judged=judged,
        soft_labels=soft_labels(judged, labels, rows),
        weights=rows[rows["part"] != "test"] if data.weight else rows.iloc[:0],
        metrics=_metrics(rows, everything, len(originals), labels, doubles),
        details={"files": {p.name: _file(p) for p in everything}, "labels": dict(counts)} | doubles,
        notes=notes
        + _notes(everything)
        + several_notes(rows, data, task)
        + label_notes(data, labels, counts),
    )


def _ids(parts: list[Part]) -> list[str]:
    return [name for part in parts for name in part.table["id"].tolist()]


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


def _settled(
    rows: pd.DataFrame, task: str, prepare: Prepare
) -> tuple[pd.DataFrame, dict[str, Any], list[str]]:
    """Give the rows with `dup_group`, conflicts settled, and an account of the duplicates."""
    found = find_duplicates(rows, prepare.duplicates)
    report = duplicate_report(rows, found, task)
    strength = "exact" if prepare.duplicates.match == "exact" else "skeleton"
    settled = settle(rows, getattr(found, strength), task, prepare.conflicts)
    kept = rows.assign(label=pd.array(settled.labels, dtype="str"), dup=found.together)
    kept = kept[settled.kept].reset_index(drop=True)
    kept["dup_group"] = group_names(kept.pop("dup").to_numpy(), kept["id"].tolist())
    conflicts = settled.details | {"rows": report[strength]["conflicting_rows"]}
    details = {"duplicates": report, "conflicts": conflicts}
    return kept, details, found.notes + settled.notes


def _check_size(data: Data, rows: pd.DataFrame, dropped: int) -> None:
    usable = int((rows["part"] == "train").sum())
    if usable < FEWEST_ROWS:
        gone = f" ({dropped} were dropped by prepare.conflicts)" if dropped else ""
        raise FoldlineError(
            f"{data.train}: {usable} usable rows{gone} are too few to learn from and to split; "
            f"give at least {FEWEST_ROWS}"
        )


def _metrics(
    rows: pd.DataFrame, parts: list[Part], changed: int, labels: Labels, doubles: dict[str, Any]
) -> dict[str, Any]:
    """Give the numbers for DVC; those of duplicates are of the rows before conflicts went."""
    return {
        "rows": len(rows),
        "unlabelled": sum(len(part.table) for part in parts if part.name == "predict"),
        "classes": len(labels.classes),
        "dropped_empty": _dropped(parts, "empty text"),
        "dropped_missing_label": _dropped(parts, "missing label"),
        "duplicate_rows": doubles["duplicates"]["exact"]["rows"],
        "grouped_rows": doubles["duplicates"]["together"]["rows"],
        "conflicting_rows": doubles["conflicts"]["rows"],
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
