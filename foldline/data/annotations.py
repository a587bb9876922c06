"""Single judgements of several people: read, checked, and made into labels of rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.annotators.agreement import Ratings, encode_ratings, plurality_values
from foldline.annotators.human_accuracy import agreement_report
from foldline.core.errors import FoldlineError, listed, nearest
from foldline.core.io.labels import Labels
from foldline.core.params import Annotations, Data
from foldline.data.cell_parsing import is_number
from foldline.data.normalization import normalize_text
from foldline.data.raw import RawTable
from foldline.data.reading import read_raw

EMPTY_ANNOTATIONS = pd.DataFrame(columns=["id", "annotator", "label"], dtype="str")
_BY_CLASS = ("majority", "soft")


@dataclass(frozen=True)
class AnnotationTable:
    """Judgements (`id`, `annotator`, `label`) by their row number in the file.

    `first` are each person's first of an item; `again` are later ones of the same person and
    item, with the `first` label beside. `notes` are for the user.
    """

    options: Annotations
    raw: RawTable
    first: pd.DataFrame
    again: pd.DataFrame
    order: Sequence[str] | None = None
    notes: list[str] = field(default_factory=list)

    def where(self, rows: Sequence[int]) -> str:
        """Name judgements by file and line."""
        return f"{self.raw.path}, {self.raw.where(rows)}"

    @property
    def ratings(self) -> Ratings:
        """Give the first judgements as codes."""
        return encode_ratings(self.first, self.options.scale, self.order)

    def account(self, seed: int) -> dict[str, Any]:
        """Give agreement and ceiling, as reports/agreement.json holds them."""
        return agreement_report(self.ratings, self.again, self.options.scale, seed)


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
            "data.annotations names rows by their ids, but data.id is null: ids that are made "
            "from the content stand in no file. Set data.id, or data.annotations.file to null"
        )
    raw = read_raw(Path(options.file), data.encoding, data.quoting)
    names = {"id": options.item, "annotator": options.annotator, "label": options.label}
    table = pd.DataFrame({role: _required_column(raw, name, role) for role, name in names.items()})
    table["label"] = [normalize_text(label, "NFC") for label in table["label"].tolist()]
    notes = list(raw.notes)
    full = (table.map(str.strip) != "").all(axis=1)
    if not full.any():
        raise FoldlineError(
            f"{raw.path}: no row has a value in each of the columns {listed(names.values())}. "
            "Fill them in, or correct data.annotations"
        )
    if not full.all():
        empty = full.index[~full].tolist()
        notes.append(f"{raw.path}, {raw.where(empty)}: {len(empty)} judgements lack a value")
    table = table[full]
    later = table.duplicated(["id", "annotator"])
    first = table[~later]
    again = table[later].merge(
        first.rename(columns={"label": "first"}), on=["id", "annotator"], how="left"
    )
    raw = replace(raw, columns={})
    found = AnnotationTable(
        options, raw, first, again.astype(str), _ordinal_order(table, data), notes
    )
    _check_labels(found, table, data)
    return found


def match_annotations(
    judged: AnnotationTable, before: list[str], after: list[str], unlabelled: list[str]
) -> AnnotationTable:
    """Give the judgements of rows that exist, under the ids that these have now.

    `before` are ids of rows as the files have them, `after` the pipeline's own; `unlabelled` are
    those of rows to predict, which may repeat a labelled row's.

    Raises:
        FoldlineError: where a judged id stands in two files, or none is a row's.
    """
    names = dict(zip(unlabelled, unlabelled, strict=True))
    names |= dict(zip(before, after, strict=True))
    items = judged.first["id"]
    ids = pd.Series(before, dtype="str")
    unclear = items.isin(ids[ids.duplicated()])
    if unclear.any():
        rows = items.index[unclear].tolist()
        raise FoldlineError(
            f"{judged.where(rows)}: item '{items[rows[0]]}' is the id of rows in more than one "
            "file, so whose judgement it is cannot be told. Give ids that differ between files"
        )
    strange = items.index[~items.isin(names)].tolist()
    if len(strange) == len(items):
        raise FoldlineError(
            f"{judged.where(strange)}: no item (such as '{items[strange[0]]}') is the id of a row "
            f"(such as '{next(iter(names), '')}'). Check data.annotations.item and data.id"
        )
    notes = list(judged.notes)
    if strange:
        notes.append(
            f"{judged.where(strange)}: {len(strange)} judgements of items that are no row's id "
            f"(such as '{items[strange[0]]}') left out"
        )
    first, again = (
        table[table["id"].isin(names)]
        .assign(id=lambda kept: kept["id"].map(names))
        .sort_values(["id", "annotator"], kind="stable")
        for table in (judged.first, judged.again)
    )
    return replace(judged, first=first, again=again, notes=notes)


def aggregate_labels(judged: AnnotationTable | None) -> dict[str, str]:
    """Give the label that each judged item gets: the most frequent or the mean; empty for a tie.

    No item where data.annotations.aggregate is none.
    """
    if judged is None or judged.options.aggregate == "none":
        return {}
    first = judged.first
    if judged.options.aggregate == "mean":
        means = first["label"].astype(float).groupby(first["id"]).mean()
        return {str(name): repr(float(mean)) for name, mean in means.items()}
    of = encode_ratings(first, "nominal")
    most = plurality_values(of.cells, len(of.items))
    labels = [*of.values, ""]  # the last is for -1
    return {name: labels[code] for name, code in zip(of.items, most.tolist(), strict=True)}


def apply_annotated_labels(table: pd.DataFrame, made: dict[str, str]) -> list[int]:
    """Put labels made of judgements into rows (`id`, `label`); a tie leaves the row's own.

    Gives the numbers of rows that have neither.
    """
    own = table["label"].tolist()
    ids = table["id"].tolist()
    table["label"] = [made.get(name) or label for name, label in zip(ids, own, strict=True)]
    return [row for row, name in enumerate(ids) if made.get(name) == "" and not own[row]]


def label_distributions(
    judged: AnnotationTable | None, labels: Labels, rows: pd.DataFrame
) -> pd.DataFrame:
    """Give `id` and the share `p_<class>` of its judgements for each judged row, in their order.

    Official test rows are left out: nothing learns from them. No row where
    data.annotations.aggregate is not soft.

    Raises:
        FoldlineError: naming lines with a label that is none of the classes.
    """
    if judged is None or judged.options.aggregate not in _BY_CLASS:
        return EMPTY_ANNOTATIONS
    _check_classes(judged, judged.first, labels.classes)
    if judged.options.aggregate != "soft":
        return EMPTY_ANNOTATIONS
    learnt = rows["id"][rows["part"] != "test"]
    counts = pd.crosstab(judged.first["id"], judged.first["label"])
    counts = counts.reindex(columns=list(labels.classes), fill_value=0)
    counts = counts.loc[[name for name in learnt.tolist() if name in counts.index]]
    numbers = counts.to_numpy(dtype=np.float64)
    table = pd.DataFrame(numbers / numbers.sum(axis=1, keepdims=True), columns=labels.columns)
    table.insert(0, "id", counts.index.astype(str))
    return table


def _required_column(raw: RawTable, name: str, role: str) -> list[str]:
    values = raw.columns.get(name)
    if values is None:
        close = nearest(name, raw.columns)
        hint = f"; did you mean '{close}'?" if close else "."
        key = "item" if role == "id" else role
        raise FoldlineError(
            f"{raw.path} has no column '{name}'; it has {listed(raw.columns, 20) or 'none'}{hint} "
            f"Set data.annotations.{key} in params.yaml"
        )
    return [value or "" for value in values]


def _ordinal_order(table: pd.DataFrame, data: Data) -> list[str] | None:
    """Give the values of an ordinal scale of words in order, as data.classes names them."""
    words = not all(map(is_number, table["label"].tolist()))
    if data.annotations.scale != "ordinal" or not words or data.classes is None:
        return None
    return [normalize_text(name, "NFC") for name in data.classes]


def _check_labels(judged: AnnotationTable, table: pd.DataFrame, data: Data) -> None:
    """Refuse labels that have no place on the scale, or among the classes of data.classes."""
    options = judged.options
    known = None if data.classes is None else [normalize_text(name, "NFC") for name in data.classes]
    if known and (judged.order or options.aggregate in _BY_CLASS):
        _check_classes(judged, table, known)
    if judged.order or (options.scale == "nominal" and options.aggregate != "mean"):
        return
    wrong = _rows_where(table, lambda label: not is_number(label))
    if wrong:
        reason = "aggregate=mean" if options.aggregate == "mean" else f"scale={options.scale}"
        advice = " or name its words in order in data.classes" * (options.scale == "ordinal")
        raise FoldlineError(
            f"{judged.where(wrong)}: label '{table['label'][wrong[0]]}' is not a finite number, "
            f"which data.annotations.{reason} needs. Mend the labels,{advice} or change the scale"
        )


def _rows_where(table: pd.DataFrame, test: Callable[[str], bool]) -> list[int]:
    return [row for row, label in zip(table.index, table["label"], strict=True) if test(label)]


def _check_classes(judged: AnnotationTable, table: pd.DataFrame, known: Sequence[str]) -> None:
    wrong = _rows_where(table, lambda label: label not in known)
    if wrong:
        label = table["label"][wrong[0]]
        close = nearest(label, known)
        hint = f" (did you mean '{close}'?)" if close else ""
        raise FoldlineError(
            f"{judged.where(wrong)}: label '{label}'{hint} is none of the classes {listed(known)}. "
            "Correct the labels, or empty the cells that should not count"
        )
