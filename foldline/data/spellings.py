"""One spelling for each value of a role, over all files in which the role occurs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from foldline.core.io.labels import BETWEEN, split_label_names
from foldline.core.params import Data
from foldline.data.annotations import AnnotationTable, spell_items, spell_labels
from foldline.data.cell_values import (
    Column,
    Joined,
    check_distinct_ids,
    join_groups,
    join_ids,
    join_labels_of_numbers,
    read_numbers,
    rounded_note,
)
from foldline.data.look_alikes import look_alike_notes, placeholder_notes
from foldline.data.raw_table import label_sort_key
from foldline.data.rows import Part

_CLASS_AGGREGATES = ("majority", "soft")


@dataclass(frozen=True)
class Spelled:
    """The annotations in the spelling of the rows, and notes; the rows changed in place."""

    annotations: AnnotationTable | None
    notes: list[str]


def unify_spellings(
    parts: Sequence[Part], annotations: AnnotationTable | None, task: str, data: Data
) -> Spelled:
    """Spell ids, groups and labels of all files in one way.

    Raises:
        FoldlineError: naming two spellings that may mean one id, or an unusable annotation.
    """
    labelled = [part for part in parts if part.name != "predict"]
    notes: list[str] = []
    if data.id is not None:
        annotations, notes = _spell_ids(parts, annotations, data.id)
    notes += _spell_groups(labelled, data)
    spell = _spell_numbers if task == "regression" else _spell_classes
    annotations, own = spell(labelled, annotations, task, data)
    notes += own
    notes += _placeholder_notes(parts, task, data)
    return Spelled(annotations, notes)


def label_columns(parts: Sequence[Part], task: str, data: Data) -> list[Column]:
    """Return the labels of the parts; of several labels a row, those of one label stand alone."""
    name = data.label_columns[0]
    columns = [part.column("label", name) for part in parts]
    if task != "multilabel":
        return columns
    return [_explode(column) for column in columns]


def _explode(column: Column) -> Column:
    """Return a column with a place for each label of a row."""
    names = [split_label_names(cell) for cell in column.values]
    lines = [line for line, own in zip(column.raw.lines, names, strict=True) for _ in own]
    raw = replace(column.raw, columns={}, lines=lines)
    return Column(raw, column.name, [name for own in names for name in own])


def _spell_ids(
    parts: Sequence[Part], annotations: AnnotationTable | None, name: str
) -> tuple[AnnotationTable | None, list[str]]:
    columns = [part.column("id", name) for part in parts]
    references = [annotations.column("id")] if annotations else []
    joined = join_ids([*columns, *references])
    for part, column in zip(parts, columns, strict=True):
        check_distinct_ids(column, joined)
        _replace(part, "id", joined.apply)
    notes = [note for column in columns for note in rounded_note(column, "id")]
    if annotations:
        known = [part.column("id", name) for part in parts]
        annotations = spell_items(annotations, joined, known)
    return annotations, notes


def _spell_groups(parts: Sequence[Part], data: Data) -> list[str]:
    if data.group is None:
        return []
    columns = [part.column("group", data.group) for part in parts]
    rounded = [note for column in columns for note in rounded_note(column, "group")]
    joined = join_groups(columns)
    for part in parts:
        _replace(part, "group", joined.apply)
    columns = [part.column("group", data.group) for part in parts]
    return [*joined.notes, *rounded, *look_alike_notes("groups", columns)]


def _spell_classes(
    parts: Sequence[Part], annotations: AnnotationTable | None, task: str, data: Data
) -> tuple[AnnotationTable | None, list[str]]:
    columns = label_columns(parts, task, data)
    own = [annotations.column("label")] if annotations else []
    together = bool(annotations and annotations.options.aggregate in _CLASS_AGGREGATES)
    joined = join_labels_of_numbers([*columns, *own] if together else columns)
    notes = list(joined.notes)
    if annotations:
        judged = joined if together else join_labels_of_numbers(own)
        notes += [] if together else judged.notes
        annotations = spell_labels(annotations, judged, data)

    def spell(cells: list[str]) -> list[str]:
        if task != "multilabel":
            return joined.apply(cells)
        rows = (set(joined.apply(split_label_names(cell))) for cell in cells)
        return [BETWEEN.join(sorted(names, key=label_sort_key)) for names in rows]

    for part in parts if joined.spelling else []:
        _replace(part, "label", spell)
    alike = look_alike_notes("labels", label_columns(parts, task, data))
    return annotations, [*notes, *alike]


def _spell_numbers(
    parts: Sequence[Part], annotations: AnnotationTable | None, task: str, data: Data
) -> tuple[AnnotationTable | None, list[str]]:
    """Write targets as Python does, where one notation fits all of them."""
    if annotations:
        annotations = spell_labels(annotations, Joined({}, []), data)
    values = [label for part in parts for label in dict.fromkeys(part.table["label"].tolist())]
    joined = read_numbers(data.label_columns[0], values, Joined({}, []))
    for part in parts if joined.spelling else []:
        _replace(part, "label", joined.apply)
    return annotations, joined.notes


def _placeholder_notes(parts: Sequence[Part], task: str, data: Data) -> list[str]:
    texts = {"text": data.text, "text_pair": data.text_pair}
    columns = [("text", part.column(r, n)) for r, n in texts.items() if n for part in parts]
    labelled = [part for part in parts if part.name != "predict"]
    if task != "regression":
        columns += [("label", column) for column in label_columns(labelled, task, data)]
    if data.group:
        columns += [("group", part.column("group", data.group)) for part in labelled]
    return [note for kind, column in columns for note in placeholder_notes(kind, [column])]


def _replace(part: Part, role: str, spell: Callable[[list[str]], list[str]]) -> None:
    part.table[role] = spell(part.table[role].tolist())
