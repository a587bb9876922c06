"""The rows of one raw file: columns by role, checked and normalized, with stable ids."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.params import Data, Prepare
from foldline.data.annotations import apply_annotated_labels
from foldline.data.cell_values import Column, clean_value
from foldline.data.columns import (
    check_annotation_labels,
    known_after_notes,
    nested_value_notes,
    select_columns,
    unused_columns,
)
from foldline.data.look_alikes import is_placeholder
from foldline.data.multilabel import label_column_names, read_labels
from foldline.data.number_notation import explain_problem
from foldline.data.raw_table import RawTable, is_number, parse_time
from foldline.data.text_cleaner import Cleaner

TEXT_COLUMNS = ["text", "text_pair"]
MAX_NUMBER = 1e30  # of targets and times; its inverse is their least range. Squares stay finite
MIN_WEIGHT = 1e-9  # of a row; its inverse is the largest


@dataclass
class Part:
    """The rows of one file, their original texts, and the numbers of dropped rows by reason.

    `raw` holds only the columns that have no role.
    """

    name: str
    raw: RawTable
    table: pd.DataFrame
    originals: pd.DataFrame
    dropped: dict[str, list[int]] = field(default_factory=dict)
    kept_empty: list[int] = field(default_factory=list)

    def where(self, rows: list[int]) -> str:
        """Return the file and lines of rows, for a message."""
        return f"{self.raw.path}, {self.raw.where(rows)}"

    @property
    def dropped_rows(self) -> set[int]:
        """Return the numbers of all dropped rows."""
        return {row for rows in self.dropped.values() for row in rows}

    def column(self, role: str, name: str | None) -> Column:
        """Return the values of a role, by the name of its column in the file."""
        return Column(self.raw, name or role, self.table[role].tolist())

    def kept_rows(self) -> pd.DataFrame:
        """Return the rows that were not dropped, indexed by their number in the file."""
        return self.table.drop(index=sorted(self.dropped_rows))


def read_part(name: str, raw: RawTable, task: str, data: Data, clean: Cleaner) -> Part:
    """Return the rows of one file, cleaned but not yet checked.

    Raises:
        FoldlineError: naming a missing column, or a cell of labels that cannot be parsed.
    """
    table = pd.DataFrame(select_columns(raw, data, name), dtype="str")
    originals = table[TEXT_COLUMNS].copy()
    for role in TEXT_COLUMNS:
        table[role] = _clean_column(table[role], clean)
    table["part"] = name
    if data.id is None:
        table["id"] = make_content_ids(table)
    # Labels and groups are only normalized invisibly: a submission repeats them.
    table["label"] = _clean_column(table["label"], clean_value)
    if name != "predict":
        table["label"] = read_labels(raw, table["label"].tolist(), data, task)
    for role in ("auxiliary_label", "group"):
        table[role] = _clean_column(table[role], clean_value)
    late = nested_value_notes(raw, data, task)
    late += known_after_notes(raw, data) if name == "train" else []
    unused = unused_columns(raw, data)
    return Part(name, replace(raw, columns=unused, notes=raw.notes + late), table, originals)


def check_part(
    part: Part, task: str, data: Data, prepare: Prepare, annotated: dict[str, str]
) -> None:
    """Check the rows of one file, and number those to drop; `annotated` are labels by id.

    Raises:
        FoldlineError: naming the file, column and lines that cannot be used.
    """
    table = part.table
    _check_ids(part, data)
    if part.name != "predict":
        if task == "classification":
            check_annotation_labels(
                table["label"].tolist(), annotated, str(part.raw.path), label_column_names(data)
            )
        tied = apply_annotated_labels(table, annotated)
        if tied:
            part.dropped["annotators tie, no label of its own"] = tied
        _check_labels(part, task, data, prepare)
    table["time"] = _parse_times(part, data)
    table["weight"] = _parse_weights(part, data)
    _check_empty_texts(part, prepare, pair=data.text_pair is not None)
    if len(part.kept_rows()) == 0:
        raise FoldlineError(
            f"{part.raw.path}: none of its {len(part.raw)} rows is usable "
            f"({' or '.join(part.dropped)}). Check data.text and data.label"
        )


def changed_originals(part: Part) -> pd.DataFrame:
    """Return id, part and original texts of the rows that normalization changed."""
    changed = (part.originals != part.table[TEXT_COLUMNS]).any(axis=1)
    return part.originals[changed].assign(id=part.table["id"][changed], part=part.name)


def make_content_ids(table: pd.DataFrame) -> list[str]:
    """Return ids made from the content of rows: adding or moving a row changes no other id.

    Rows that are equal in every column get a number. Weights and auxiliary labels are not content.
    """
    names = [name for name in table.columns if name not in ("id", "weight", "auxiliary_label")]
    seen: Counter[str] = Counter()
    ids = []
    for values in zip(*(table[name].tolist() for name in names), strict=True):
        digest = hashlib.sha256("\x1f".join(values).encode()).hexdigest()[:16]
        seen[digest] += 1
        ids.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return ids


def _clean_column(column: "pd.Series[str]", clean: Cleaner) -> list[str]:
    """Return the cleaned values of a column; repeated values are cleaned once."""
    cache: dict[str, str] = {}
    return [
        cache[text] if text in cache else cache.setdefault(text, clean(text))
        for text in column.tolist()
    ]


def _check_ids(part: Part, data: Data) -> None:
    ids = part.table["id"]
    empty = [row for row, name in enumerate(ids.tolist()) if not name or name.isspace()]
    if empty:
        raise FoldlineError(
            f"{part.where(empty)}: column '{data.id}' is empty. Add an id to every row, "
            "or set data.id=null to generate ids"
        )
    doubled = ids[ids.duplicated(keep=False)]
    if len(doubled):
        name = doubled.iloc[0]
        more = doubled.nunique() - 1
        others = f", and so do {more} other ids" if more else ""
        raise FoldlineError(
            f"{part.where(list(doubled[doubled == name].index))}: id '{name}' occurs more than "
            f"once{others}. Make ids unique, or set data.id=null to generate them"
        )


def _check_labels(part: Part, task: str, data: Data, prepare: Prepare) -> None:
    labels = part.table["label"].tolist()
    if task == "multilabel":
        return  # a row may have no labels
    dropped_rows = part.dropped_rows
    missing = [row for row, label in enumerate(labels) if not label and row not in dropped_rows]
    if missing and prepare.missing_label == "error":
        advice = "set prepare.missing_label=drop"
        if len(missing) == len(labels):  # nothing would be left
            advice = "name another column as data.label"
            if part.name != "train":
                advice = f"name the file as data.predict instead of data.{part.name}"
        raise FoldlineError(
            f"{part.where(missing)}: {len(missing)} of {len(labels)} labels are missing "
            f"({label_column_names(data)}). Fill them in, or {advice}"
        )
    if missing:
        part.dropped["missing label"] = missing
    if task == "regression":
        _check_numbers(part, labels, data)


def _check_numbers(part: Part, labels: list[str], data: Data) -> None:
    """Raise for targets that are no numbers, or too large for a sum of squares."""
    wrong = [row for row, label in enumerate(labels) if label and not is_number(label)]
    if wrong:
        own = [label for label in labels if label]
        value, why = explain_problem(own) or (labels[wrong[0]], "")
        wrong = [row for row in wrong if labels[row] == value] or wrong
        reason = f" ({value!r} {why})" if why else ""
        cell = "Empty the cell (and set prepare.missing_label=drop)"
        advice = cell if is_placeholder(labels[wrong[0]]) else "Correct the labels"
        raise FoldlineError(
            f"{part.where(wrong)}: label {labels[wrong[0]]!r} is not a finite number, which "
            f"task=regression needs{reason}. {advice}, or set task=classification"
        )
    large = [row for row, label in enumerate(labels) if label and abs(float(label)) > MAX_NUMBER]
    if large:
        raise FoldlineError(
            f"{part.where(large)}: label {labels[large[0]]!r} in {label_column_names(data)} is "
            f"beyond {MAX_NUMBER:g}, where sums of squares overflow. Correct it, or write all "
            "labels in a larger unit"
        )
    numbers = {float(label) for label in labels if label}
    if len(numbers) > 1 and max(numbers) - min(numbers) < 1 / MAX_NUMBER:
        raise FoldlineError(
            f"{part.raw.path}: the numbers in {label_column_names(data)} differ by less than "
            f"{1 / MAX_NUMBER:g}, so squares of differences vanish. Write them in a smaller unit"
        )


def _check_empty_texts(part: Part, prepare: Prepare, pair: bool) -> None:
    columns = [part.table[role].tolist() for role in (TEXT_COLUMNS if pair else TEXT_COLUMNS[:1])]
    dropped_rows = part.dropped_rows
    empty = [
        row
        for row, texts in enumerate(zip(*columns, strict=True))
        if not all(texts)
        if row not in dropped_rows
    ]
    if not empty:
        return
    if part.name in ("test", "predict"):
        part.kept_empty = empty  # all of their rows are scored
    elif prepare.empty_text == "error":
        raise FoldlineError(
            f"{part.where(empty)}: {len(empty)} texts are empty (after normalization). "
            "Fill them in, or set prepare.empty_text=drop"
        )
    else:
        part.dropped["empty text"] = empty


def _parse_weights(part: Part, data: Data) -> list[float]:
    """Return the weights (n,), above 0; 1 without a column."""
    texts = part.table["weight"].tolist()
    if data.weight is None or part.name == "predict" or (part.name != "train" and not any(texts)):
        return [1.0] * len(texts)
    wrong = [r for r, text in enumerate(texts) if not is_number(text) or float(text) <= 0]
    if wrong:
        raise FoldlineError(
            f"{part.where(wrong)}: weight {texts[wrong[0]]!r} in column '{data.weight}' is not a "
            "number above 0. Correct the column (remove rows of weight 0), or set "
            "data.weight=null"
        )
    weights = [float(text) for text in texts]
    extreme = [r for r, weight in enumerate(weights) if not MIN_WEIGHT <= weight <= 1 / MIN_WEIGHT]
    if extreme:
        raise FoldlineError(
            f"{part.where(extreme)}: weight {texts[extreme[0]]!r} in column '{data.weight}' is not "
            f"from {MIN_WEIGHT:g} to {1 / MIN_WEIGHT:g}, so its products vanish or overflow. Write "
            "all weights in another unit (only their ratios count), or set data.weight=null"
        )
    return weights


def _parse_times(part: Part, data: Data) -> list[float]:
    """Return the times (n,): numbers as they are, dates as seconds since 1970."""
    texts = part.table["time"].tolist()
    if data.time is None or part.name == "predict":
        return [0.0] * len(texts)
    if part.name != "train" and not any(texts):
        return [0.0] * len(texts)  # an official file without the column
    numbers = [row for row, text in enumerate(texts) if is_number(text)]
    if len(numbers) == len(texts):
        return _check_times(part, texts, data)
    known: dict[str, float | None] = {text: parse_time(text) for text in dict.fromkeys(texts)}
    wrong = [row for row, text in enumerate(texts) if known[text] is None and not is_number(text)]
    if wrong:
        raise FoldlineError(
            f"{part.where(wrong)}: {texts[wrong[0]]!r} in column '{data.time}' is neither a "
            "number nor a date like 2024-01-31 or 2024-01-31T12:00:00+09:00. Correct it, or "
            "set data.time=null"
        )
    if numbers:
        raise FoldlineError(
            f"{part.where(numbers)}: {texts[numbers[0]]!r} in column '{data.time}' is a number, "
            "but other rows have dates, which cannot be compared. Use one format"
        )
    return [seconds for text in texts if (seconds := known[text]) is not None]


def _check_times(part: Part, texts: list[str], data: Data) -> list[float]:
    times = [float(text) for text in texts]
    large = [row for row, time in enumerate(times) if abs(time) > MAX_NUMBER]
    if large:
        raise FoldlineError(
            f"{part.where(large)}: {texts[large[0]]!r} in column '{data.time}' is beyond "
            f"{MAX_NUMBER:g}. Correct it, or set data.time=null"
        )
    return times
