"""The rows of files to import, as `prepare` will read them."""

from collections.abc import Sequence
from dataclasses import dataclass

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.core.params import Data, Prepare
from foldline.data.annotations import AnnotationTable, parse_annotations
from foldline.data.cell_values import clean_value, find_value
from foldline.data.multilabel import split_labels
from foldline.data.normalization import normalize_text
from foldline.data.raw_table import RawTable, label_sort_key
from foldline.data.rows import Part, read_part
from foldline.data.sample_submission import plan_submission
from foldline.data.spellings import unify_spellings
from foldline.importer.annotation_tables import guess_annotation_columns
from foldline.importer.sources import Source

PARTS = ("train", "valid", "test", "predict")


@dataclass(frozen=True)
class ImportedRows:
    """The rows by part, train first, the annotations, and notes that `prepare` will have, too."""

    parts: list[Part]
    annotations: AnnotationTable | None
    notes: list[str]


def read_rows(sources: Sequence[Source], task: str, data: Data, prepare: Prepare) -> ImportedRows:
    """Return the rows of all files in the spelling of the pipeline.

    Raises:
        FoldlineError: naming a column or cells that cannot be used.
    """

    def clean(text: str) -> str:
        return normalize_text(text, prepare.unicode)

    tables = {source.part or "": source.raw for source in sources}
    parts = [read_part(n, tables[n], task, data, clean) for n in PARTS if n in tables]
    annotations = _read_annotations(tables.get("annotations"), data)
    spelled = unify_spellings(parts, annotations, task, data)
    notes = list(spelled.notes)
    if "sample" in tables and "predict" in tables:
        notes += _sample_notes(parts, tables["sample"], task, data)
    return ImportedRows(parts, spelled.annotations, notes)


def _read_annotations(raw: RawTable | None, data: Data) -> AnnotationTable | None:
    columns = guess_annotation_columns(raw) if raw else None
    if raw is None or columns is None or data.id is None:
        return None
    names = {"item": columns.item, "annotator": columns.annotator, "label": columns.label}
    options = data.annotations.model_copy(
        update={**names, "scale": columns.scale, "aggregate": "none"}
    )
    return parse_annotations(raw, data.model_copy(update={"annotations": options}))


def _sample_notes(parts: Sequence[Part], sample: RawTable, task: str, data: Data) -> list[str]:
    """Return how the sample submission will be filled, or why `prepare` will refuse it."""
    predict = next(part for part in parts if part.name == "predict")
    labels = Labels(task, () if task == "regression" else _find_classes(parts[0], task, data))
    try:
        return plan_submission(
            predict.table["id"].tolist(), labels, data, sample, str(predict.raw.path)
        ).notes
    except FoldlineError as error:
        return [f"`prepare` will refuse this: {error}"]


def _find_classes(train: Part, task: str, data: Data) -> tuple[str, ...]:
    known = {n for own in split_labels(train.table["label"].tolist(), task) for n in own} - {""}
    ordered = [find_value(clean_value(name), known) for name in data.classes or []]
    return tuple(n for n in ordered if n) or tuple(sorted(known, key=label_sort_key))
