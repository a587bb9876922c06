"""Annotations, the labels that several annotators give to one row: read, matched, aggregated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.annotators.agreement import Ratings, encode_ratings, plurality_values
from foldline.annotators.label_ceiling import agreement_report
from foldline.core.errors import FoldlineError, closest_name, listing
from foldline.core.io.labels import Labels
from foldline.core.params import Annotations, Data
from foldline.data.cell_lists import read_single_values
from foldline.data.cell_values import (
    Column,
    Joined,
    clean_value,
    find_value,
    join_groups,
    match_ids,
    read_numbers,
    trim,
)
from foldline.data.raw_table import RawTable, is_number
from foldline.data.reading import read_raw

EMPTY_ANNOTATIONS = pd.DataFrame(columns=["id", "annotator", "label"], dtype="str")
_CLASS_AGGREGATES = ("majority", "soft")


@dataclass(frozen=True)
class AnnotationTable:
    """Annotations (`id`, `annotator`, `label`), indexed by their row number in the file.

    `first` are each annotator's first label of an item; `repeats` are later ones of the same
    annotator and item, beside the `first` label. `order` are the words of an ordinal scale.
    """

    options: Annotations
    raw: RawTable
    first: pd.DataFrame
    repeats: pd.DataFrame
    order: Sequence[str] | None = None
    notes: list[str] = field(default_factory=list)

    def where(self, rows: Sequence[int]) -> str:
        """Return the file and lines of rows, for a message."""
        return f"{self.raw.path}, {self.raw.where(rows)}"

    @property
    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the first annotations and the repeats."""
        return self.first, self.repeats

    def column(self, role: str) -> Column:
        """Return the values of id or label of all rows of the file, empty where left out."""
        values = [""] * len(self.raw)
        for table in self.tables:
            for row, value in zip(table.index.tolist(), table[role].tolist(), strict=True):
                values[row] = value
        names = {"id": self.options.item, "label": self.options.label}
        return Column(self.raw, names[role], values)

    @property
    def ratings(self) -> Ratings:
        """Return the first annotations as codes."""
        return encode_ratings(self.first, self.options.scale, self.order)


@dataclass(frozen=True)
class AnnotatorSummary:
    """What `prepare` writes of annotations: two tables and the report on agreement."""

    annotations: pd.DataFrame
    label_distributions: pd.DataFrame
    report: dict[str, Any]


def summarize_annotations(
    annotations: AnnotationTable | None, labels: Labels, rows: pd.DataFrame, seed: int
) -> AnnotatorSummary:
    """Return the tables and the agreement report of annotations; all empty without annotations.

    Raises:
        FoldlineError: naming lines with a label that is none of the classes.
    """
    if annotations is None:
        return AnnotatorSummary(EMPTY_ANNOTATIONS, EMPTY_ANNOTATIONS, {})
    scale = annotations.options.scale
    return AnnotatorSummary(
        annotations=annotations.first,
        label_distributions=label_distributions(annotations, labels, rows),
        report=agreement_report(annotations.ratings, annotations.repeats, scale, seed),
    )


def read_annotations(data: Data) -> AnnotationTable | None:
    """Read the file that data.annotations names; None where it names none.

    Raises:
        FoldlineError: naming a column that is missing, or lines that cannot be used.
    """
    options = data.annotations
    if options.file is None:
        return None
    if data.id is None:
        raise FoldlineError(
            "data.annotations refers to rows by id, but data.id is null, and generated ids are in "
            "no file. Set data.id, or set data.annotations.file=null"
        )
    return parse_annotations(read_raw(Path(options.file), data.encoding, data.quoting), data)


def parse_annotations(raw: RawTable, data: Data) -> AnnotationTable:
    """Return the annotations of a table by the columns that data.annotations names.

    Raises:
        FoldlineError: naming a column that is missing, or a table without a complete row.
    """
    options = data.annotations
    names = {"id": options.item, "annotator": options.annotator, "label": options.label}
    table = pd.DataFrame({role: _required_column(raw, name, role) for role, name in names.items()})
    table["id"] = list(map(trim, table["id"].tolist()))
    for role in ("annotator", "label"):
        table[role] = list(map(clean_value, table[role].tolist()))
    people = join_groups([Column(raw, options.annotator, table["annotator"].tolist())])
    table["annotator"] = people.apply(table["annotator"].tolist())
    notes = [*raw.notes, *people.notes]
    complete = (table != "").all(axis=1)
    if not complete.any():
        raise FoldlineError(
            f"{raw.path}: no row has a value in each of the columns {listing(names.values())}. "
            "Fill them in, or correct data.annotations"
        )
    if not complete.all():
        incomplete = complete.index[~complete].tolist()
        notes.append(f"{raw.path}, {raw.where(incomplete)}: {len(incomplete)} annotations are "
                     "incomplete and left out")  # fmt: skip
    table = table[complete]
    is_repeat = table.duplicated(["id", "annotator"])
    first = table[~is_repeat]
    repeats = table[is_repeat].merge(
        first.rename(columns={"label": "first"}), on=["id", "annotator"], how="left"
    )
    repeats = repeats.astype(str).set_axis(table.index[is_repeat])
    return AnnotationTable(options, replace(raw, columns={}), first, repeats, None, notes)


def spell_items(annotations: AnnotationTable, ids: Joined, known: list[Column]) -> AnnotationTable:
    """Return annotations whose items have the spelling of the rows' ids.

    Raises:
        FoldlineError: where an item may mean more than one row.
    """
    plain = [table.assign(id=ids.apply(table["id"].tolist())) for table in annotations.tables]
    annotations = replace(annotations, first=plain[0], repeats=plain[1])
    matched = match_ids(annotations.column("id"), known, "items")
    first, repeats = (table.assign(id=matched.apply(table["id"].tolist())) for table in plain)
    notes = annotations.notes + matched.notes
    return replace(annotations, first=first, repeats=repeats, notes=notes)


def spell_labels(annotations: AnnotationTable, joined: Joined, data: Data) -> AnnotationTable:
    """Return annotations whose labels have the spelling of the pipeline, checked.

    Raises:
        FoldlineError: naming lines with a label that is not on the scale, or no class.
    """
    options = annotations.options
    notes = annotations.notes
    if options.scale != "nominal" or options.aggregate == "mean":
        joined = read_numbers(options.label, annotations.column("label").values, joined)
        notes = [*notes, *joined.notes]
    first, repeats = (
        table.assign(label=joined.apply(table["label"].tolist())) for table in annotations.tables
    )
    repeats["first"] = joined.apply(repeats["first"].tolist())
    labels = pd.concat([first["label"], repeats["label"]]).sort_index()
    order = _ordinal_order(labels.tolist(), data)
    annotations = replace(annotations, first=first, repeats=repeats, order=order, notes=notes)
    _check_labels(annotations, labels, data)
    return annotations


def match_annotations(
    annotations: AnnotationTable, before: list[str], after: list[str], unlabelled: list[str]
) -> AnnotationTable:
    """Return the annotations of existing rows, with the ids of the pipeline.

    `before` are the ids of rows in the files, `after` those of the pipeline; `unlabelled` are
    the ids of rows to predict, which may repeat a labelled row's.

    Raises:
        FoldlineError: where an annotated id is in two files, or none is a row's id.
    """
    names = dict(zip(unlabelled, unlabelled, strict=True))
    names |= dict(zip(before, after, strict=True))
    items = annotations.first["id"]
    ids = pd.Series(before, dtype="str")
    ambiguous = items.index[items.isin(ids[ids.duplicated()])].tolist()
    if ambiguous:
        raise FoldlineError(
            f"{annotations.where(ambiguous)}: item '{items[ambiguous[0]]}' is the id of rows in "
            "more than one file. Make ids unique across files"
        )
    unknown = items.index[~items.isin(names)].tolist()
    if len(unknown) == len(items):
        raise FoldlineError(
            f"{annotations.where(unknown)}: no item (such as '{items[unknown[0]]}') is the id of a "
            f"row (such as '{next(iter(names), '')}'). Check data.annotations.item and data.id"
        )
    notes = list(annotations.notes)
    if unknown:
        notes.append(
            f"{annotations.where(unknown)}: {len(unknown)} annotations left out, as their item "
            f"(such as '{items[unknown[0]]}') is not the id of a row"
        )
    first, repeats = (
        table[table["id"].isin(names)]
        .assign(id=lambda kept: kept["id"].map(names))
        .sort_values(["id", "annotator"], kind="stable")
        for table in (annotations.first, annotations.repeats)
    )
    return replace(annotations, first=first, repeats=repeats, notes=notes)


def aggregate_labels(annotations: AnnotationTable | None) -> dict[str, str]:
    """Return the label of each annotated item: the most frequent or the mean; empty for a tie.

    No items where data.annotations.aggregate is none.
    """
    if annotations is None or annotations.options.aggregate == "none":
        return {}
    first = annotations.first
    if annotations.options.aggregate == "mean":
        means = first["label"].astype(float).groupby(first["id"]).mean()
        return {str(name): repr(float(mean)) for name, mean in means.items()}
    ratings = encode_ratings(first, "nominal")
    majority = plurality_values(ratings.value_counts, len(ratings.items))
    labels = [*ratings.values, ""]  # the last is for -1
    return {name: labels[code] for name, code in zip(ratings.items, majority.tolist(), strict=True)}


def apply_annotated_labels(table: pd.DataFrame, annotated: dict[str, str]) -> list[int]:
    """Replace labels of rows (`id`, `label`) by aggregated ones; a tie keeps the row's own.

    Returns the numbers of rows that have neither.
    """
    own = table["label"].tolist()
    ids = table["id"].tolist()
    table["label"] = [annotated.get(name) or label for name, label in zip(ids, own, strict=True)]
    return [row for row, name in enumerate(ids) if annotated.get(name) == "" and not own[row]]


def label_distributions(
    annotations: AnnotationTable, labels: Labels, rows: pd.DataFrame
) -> pd.DataFrame:
    """Return `id` and the share `p_<class>` of its annotations for each annotated row.

    Official test rows are left out: no model trains on them. Empty where
    data.annotations.aggregate is not soft.

    Raises:
        FoldlineError: naming lines with a label that is none of the classes.
    """
    if annotations.options.aggregate not in _CLASS_AGGREGATES:
        return EMPTY_ANNOTATIONS
    _check_classes(annotations, annotations.first["label"], labels.classes)
    if annotations.options.aggregate != "soft":
        return EMPTY_ANNOTATIONS
    ids = rows["id"][rows["part"] != "test"]
    counts = pd.crosstab(annotations.first["id"], annotations.first["label"])
    counts = counts.reindex(columns=list(labels.classes), fill_value=0)
    counts = counts.loc[[name for name in ids.tolist() if name in counts.index]]
    numbers = counts.to_numpy(dtype=np.float64)
    table = pd.DataFrame(numbers / numbers.sum(axis=1, keepdims=True), columns=labels.columns)
    table.insert(0, "id", counts.index.astype(str))
    return table


def _required_column(raw: RawTable, name: str, role: str) -> list[str]:
    known = raw.find_column(name)
    if known is None:
        close = closest_name(name, raw.columns)
        hint = f"; did you mean '{close}'?" if close else "."
        hint += raw.fields_hint(name)
        key = "item" if role == "id" else role
        raise FoldlineError(
            f"{raw.path} has no column '{name}'; it has {listing(raw.columns, 20) or 'none'}{hint} "
            f"Set data.annotations.{key} in params.yaml"
        )
    advice = "Write one value in each row"
    return read_single_values(
        raw, [value or "" for value in raw.columns[known]], f"column '{name}'", "item", advice
    )


def _ordinal_order(labels: list[str], data: Data) -> list[str] | None:
    """Return the words of an ordinal scale in order, as data.classes lists them."""
    has_words = not all(map(is_number, labels))
    if data.annotations.scale != "ordinal" or not has_words or data.classes is None:
        return None
    return _spelled_classes(data.classes, labels)


def _spelled_classes(classes: list[str], labels: Sequence[str]) -> list[str]:
    """Return data.classes in the spelling that labels have."""
    known = set(labels)
    return [find_value(name, known) or name for name in map(clean_value, classes)]


def _check_labels(annotations: AnnotationTable, labels: "pd.Series[str]", data: Data) -> None:
    """Raise for labels that are not on the scale, or not among data.classes."""
    options = annotations.options
    if data.classes and (annotations.order or options.aggregate in _CLASS_AGGREGATES):
        _check_classes(annotations, labels, _spelled_classes(data.classes, labels.tolist()))
    is_mean, nominal = options.aggregate == "mean", "data.annotations.scale=nominal"
    if not is_mean and (annotations.order or options.scale == "nominal"):
        return
    wrong = _rows_where(labels, lambda label: not is_number(label))
    if wrong:
        reason, advice = f"scale={options.scale}", f", or set {nominal}"
        if options.scale == "ordinal":
            advice = f", list its words in order in data.classes{advice}"
        if is_mean:
            reason, advice = "aggregate=mean", ", or set data.annotations.aggregate=none"
            advice += f" and {nominal}" * (options.scale != "nominal")
        raise FoldlineError(
            f"{annotations.where(wrong)}: label '{labels[wrong[0]]}' is not a finite "
            f"number, which data.annotations.{reason} needs. Correct the labels{advice}"
        )


def _rows_where(labels: "pd.Series[str]", condition: Callable[[str], bool]) -> list[int]:
    rows = zip(labels.index.tolist(), labels.tolist(), strict=True)
    return [row for row, label in rows if condition(label)]


def _check_classes(
    annotations: AnnotationTable, labels: "pd.Series[str]", classes: Sequence[str]
) -> None:
    wrong = _rows_where(labels, lambda label: label not in classes)
    if wrong:
        label = labels[wrong[0]]
        close = closest_name(label, classes)
        hint = f" (did you mean '{close}'?)" if close else ""
        raise FoldlineError(
            f"{annotations.where(wrong)}: label '{label}'{hint} is none of the classes "
            f"{listing(classes)}. Correct the labels, or empty the cells that should not count"
        )
