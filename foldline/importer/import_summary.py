"""The summary of an import for the terminal: files, columns, labels, texts, first rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from foldline.core.console import add_launcher
from foldline.core.errors import listing
from foldline.core.io.labels import BETWEEN
from foldline.core.params import Data
from foldline.data.columns import nested_value_notes, select_columns
from foldline.data.multilabel import join_labels, split_labels
from foldline.data.normalization import casefold_key, normalize_text
from foldline.data.raw_table import RawTable
from foldline.data.rows import Part
from foldline.importer.annotation_tables import guess_annotation_columns
from foldline.importer.column_guessing import Guess, column_hints
from foldline.importer.imported_rows import ImportedRows
from foldline.importer.placement import Placement, compare_versions, is_committed
from foldline.importer.sources import Source

MAX_ROWS = 3  # rows
LABELLED = ("train", "valid", "test")


def format_summary(
    sources: Sequence[Source],
    guesses: Mapping[str, Guess],
    task: tuple[str, str],
    placements: Sequence[Placement],
    data: Data,
    rows: ImportedRows,
) -> str:
    """Return the summary of an import; `data` defines how files and labels are read."""
    columns = {role: guess.column for role, guess in guesses.items()}
    train = next(source.raw for source in sources if source.part == "train")
    lines = ["Files"]
    for source, placement in zip(sources, placements, strict=False):
        lines.append(f"  {source.part:<11} {len(source.raw):>7,} rows  {placement.describe()}")
        notes = [*source.raw.notes, *_value_notes(source, data, task[0])]
        lines += [f"    {note}" for note in notes]
        if placement.state == "changed":
            old = compare_versions(
                placement.target, source.raw, columns["id"], data.encoding, data.quoting
            )
            lines.append(f"    {old}")
    lines += [f"  {'record':<24} {p.describe()}" for p in placements[len(sources) :]]
    lines += ["", "Columns"]
    for role, guess in guesses.items():
        name = listing(data.label_columns, 4) if role == "label" else guess.column or "-"
        lines.append(f"  {role:<11} {name:<16} {guess.why}")
    used = {*columns.values(), *data.label_columns}
    unused = [name for name in train.columns if name not in used]
    lines += [f"  {'not used':<11} {listing(unused, 20)}"] if unused else []
    lines += [f"  {'hint':<11} {hint}" for hint in column_hints(train, guesses)]
    if columns["time"]:
        lines.append(
            f"  {'hint':<11} with split.method=auto, later rows become valid and test; "
            "--time none splits at random"
        )
    lines += _annotation_lines(sources, columns["id"], rows)
    lines += ["", f"Task: {task[0]} ({task[1]})"]
    lines += _label_lines(rows.parts, task[0])
    lines += [f"  note: {note}" for note in rows.notes]
    lines += ["", *_text_lines(sources, columns), "", f"First rows of {train.path.name}"]
    return "\n".join(lines + _first_rows(train, columns, data))


def format_changes(changes: Mapping[str, tuple[Any, Any]]) -> str:
    """Return the values of params.yaml that would change."""
    if not changes:
        return "\nparams.yaml does not change"
    lines = [
        f"  {name}: {_format_yaml(old)} -> {_format_yaml(new)}"
        for name, (old, new) in changes.items()
    ]
    return "\n".join(["", "params.yaml", *lines])


def format_next_steps(placements: Sequence[Placement]) -> str:
    """Return the next commands to run; `git commit` would fail where nothing has changed."""
    names = listing((placement.target.name for placement in placements), 4)
    lines = [
        "Written. Next:",
        f'  git add data/raw params.yaml && git commit -m "Import {names}"',
        "  foldline view   (write a page with all rows, to look at them)",
        "  dvc repro",
    ]
    if is_committed("data/raw", "params.yaml"):
        del lines[1]
    if any(placement.state == "changed" for placement in placements):
        lines.insert(1, "  git diff --stat; dvc diff   (what this version changes)")
    if any(placement.keeper == "dvc" for placement in placements):
        lines.append("  dvc push   (after: dvc remote add -d NAME URL)")
    return add_launcher("\n".join(["", *lines]))


def check_columns(sources: Sequence[Source], data: Data) -> None:
    """Check that every file has its columns, as `prepare` will.

    Raises:
        FoldlineError: naming the file and the missing column.
    """
    for source in sources:
        if source.part in (*LABELLED, "predict"):
            select_columns(source.raw, data, source.part)


def _value_notes(source: Source, data: Data, task: str) -> list[str]:
    if source.part not in (*LABELLED, "predict"):
        return []
    return nested_value_notes(source.raw, data, task)


def _annotation_lines(sources: Sequence[Source], key: str | None, rows: ImportedRows) -> list[str]:
    """Return how an annotation table is read, and how many of its items are rows of the data."""
    table = next((source.raw for source in sources if source.part == "annotations"), None)
    columns = guess_annotation_columns(table) if table else None
    if table is None or columns is None:
        return []
    known = {name for part in rows.parts for name in part.table["id"].tolist()}
    items = set(rows.annotations.column("id").values) - {""} if rows.annotations else set[str]()
    people = len(set(table.columns[columns.annotator]))
    line = (
        f"  annotations item '{columns.item}', annotator '{columns.annotator}' ({people} people), "
    )
    line += f"label '{columns.label}' ({columns.scale}); "
    matched = f"{len(items & known):,} of {len(items):,} items are rows (by '{key}')"
    return [line + (matched if key else "to match items with rows, set data.id")]


def _label_lines(parts: Sequence[Part], task: str) -> list[str]:
    lines, learnt = [], set[str]()
    for part in parts:
        if part.name not in LABELLED:
            continue
        cells = part.table["label"].tolist()
        values = [value for value in cells if value]
        missing = len(cells) - len(values)
        gaps = f"; {missing:,} without a label" if missing else ""
        counted = cells if task == "multilabel" else values
        lines.append(f"  {part.name:<6} {_describe_labels(counted, task)}{gaps}")
        names = {name for own in split_labels(values, task) for name in own}
        learnt = names if part.name == "train" else learnt
        unknown = sorted(names - learnt) if task != "regression" else []
        if unknown:
            lines.append(
                f"    classes that train lacks: {listing(unknown, 5)}; `prepare` will reject them"
            )
    return lines


def _describe_labels(values: list[str], task: str) -> str:
    if task == "regression":
        try:
            numbers = np.array(values, dtype=np.float64)
        except ValueError:
            return "not all are numbers"
        low, middle, high = np.percentile(numbers, [0, 50, 100])
        return f"lowest {low:g}, median {middle:g}, highest {high:g}, mean {numbers.mean():.3g}"
    counts = Counter(name for own in split_labels(values, task) for name in own).most_common()
    shown = [f"{name} {count:,} ({count / len(values):.0%})" for name, count in counts]
    return f"{len(counts)} classes: {listing(shown, 6)}"


def _text_lines(sources: Sequence[Source], columns: Mapping[str, str | None]) -> list[str]:
    """Return text lengths, numbers of repeated texts, and texts that train has, too."""
    names = [name for name in (columns["text"], columns["text_pair"]) if name]
    lines, learnt = ["Texts"], set[tuple[str, ...]]()
    for source in sources:  # train is the first
        if source.part not in (*LABELLED, "predict"):
            continue
        cells = [[value or "" for value in source.raw.columns[name]] for name in names]
        keys = [
            tuple(casefold_key(normalize_text(t)) for t in row) for row in zip(*cells, strict=True)
        ]
        sizes = np.percentile([len(text) for column in cells for text in column], [50, 95, 100])
        line = "characters: median {:.0f}, 95 % below {:.0f}, longest {:.0f}".format(*sizes)
        known = sum(text in learnt for text in keys)
        line += f"; {len(keys) - len(set(keys)):,} rows repeat another"
        line += f", {known:,} are in train" if source.part != "train" else ""
        lines.append(f"  {source.part:<7} {line}")
        learnt = learnt or set(keys)
    return lines


def _first_rows(raw: RawTable, columns: Mapping[str, str | None], data: Data) -> list[str]:
    """Return the first rows, with label names instead of columns of 0 and 1."""
    shown = {role: raw.columns[name] for role, name in columns.items() if name}
    if isinstance(data.label, list):
        names = join_labels(raw, [""] * len(raw), data)
        shown["label"] = [listing(own.split(BETWEEN), 4) if own else "-" for own in names]
    return [
        "  " + " | ".join(_shorten(cells[row] or "") for cells in shown.values())
        for row in range(min(MAX_ROWS, len(raw)))
    ]


def _shorten(text: str, most: int = 70) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def _format_yaml(value: object) -> str:
    return "null" if value is None else str(value)
