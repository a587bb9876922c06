"""Annotation tables, recognised by their columns: item, annotator, label."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from foldline.data.number_notation import is_quantity
from foldline.data.raw_table import RawTable
from foldline.importer.column_guessing import MAX_CLASSES
from foldline.importer.column_names import columns_by_name


@dataclass(frozen=True)
class AnnotationColumns:
    """The columns of an annotation table, and the scale of its labels."""

    item: str
    annotator: str
    label: str
    scale: str

    def settings(self, file: str) -> dict[str, str]:
        """Return the values of params.yaml for the table, by dotted keys."""
        columns = {f"data.annotations.{name}": value for name, value in asdict(self).items()}
        return {"data.annotations.file": file, **columns, "data.annotations.aggregate": "none"}


def guess_annotation_columns(raw: RawTable) -> AnnotationColumns | None:
    """Return the columns of an annotation table, or None for other tables.

    Items and annotators must repeat: several people judge one item.
    """
    columns = {n: [v or "" for v in cells] for n, cells in raw.columns.items() if n}
    annotator = _first_repeating(columns, columns_by_name("annotator", list(columns)))
    others = [name for name in columns if name != annotator]
    item = _first_repeating(columns, columns_by_name("item", others)) if annotator else None
    if annotator is None or item is None:
        return None
    left = [name for name in others if name != item]
    few = [name for name in left if len(set(columns[name])) <= MAX_CLASSES]
    label = next(
        (n for n in [*columns_by_name("label", left), *few] if len(set(columns[n])) > 1), None
    )
    if label is None:
        return None
    return AnnotationColumns(item, annotator, label, _guess_scale(set(columns[label]) - {""}))


def _first_repeating(columns: dict[str, list[str]], names: Iterable[str]) -> str | None:
    for name in names:
        if 1 < len(set(columns[name])) < len(columns[name]):
            return name
    return None


def _guess_scale(values: set[str]) -> str:
    """Return nominal for names and yes or no, ordinal for few numbers, interval for many."""
    if len(values) < 3 or not all(map(is_quantity, values)):
        return "nominal"
    return "ordinal" if len(values) <= MAX_CLASSES else "interval"
