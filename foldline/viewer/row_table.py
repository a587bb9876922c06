"""The raw rows joined with the outputs of all stages, for the viewer."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.data.conflicts import conflict_mask
from foldline.data.duplicates import duplicate_keys
from foldline.data.suspected_labels import add_suspected_errors, describe_suspected
from foldline.viewer.current_rows import CurrentRows, read_current_rows

PARTS = {"train": schemas.TRAIN, "valid": schemas.VALID, "test": schemas.TEST}


@dataclass(frozen=True)
class ViewData:
    """The rows with columns of later stages, and tables that refer to them by `id`.

    rows: id, text, text_pair, label, part (empty: dropped by `split`), group, time, fold (-1:
    none), dup (number of the duplicate group, -1: none), the flags conflict, unsampled and
    suspected; self_confidence and guess come from out-of-fold predictions. `unused` are the raw
    files' columns without a role, indexed by id. Without `prepared` the rows are newer than the
    outputs of the stages, which are left out.
    """

    rows: pd.DataFrame
    originals: pd.DataFrame
    judgements: pd.DataFrame
    copies: pd.DataFrame
    labels: Labels
    notes: list[dict[str, Any]] = field(default_factory=list)
    unused: pd.DataFrame = field(default_factory=pd.DataFrame)
    prepared: bool = True

    def select(self, kept: np.ndarray, note: dict[str, Any]) -> "ViewData":
        """Return a copy with the `kept` rows (n,) bool, and what belongs to them."""
        rows = self.rows[kept].reset_index(drop=True)
        ids = set(rows["id"].tolist())

        def matching(table: pd.DataFrame, column: str = "id") -> pd.DataFrame:
            return table[is_in(table[column], ids)].reset_index(drop=True)

        return replace(
            self,
            rows=rows,
            originals=matching(self.originals),
            judgements=matching(self.judgements),
            copies=matching(self.copies, "source_id"),
            notes=[note, *self.notes],
        )


def is_in(values: "pd.Series[Any]", names: Collection[str]) -> np.ndarray:
    """Return which values are among the names, (n,) bool.

    Series.isin is ten times as slow on Arrow strings.
    """
    names = set(names)
    return np.array([value in names for value in values.tolist()], dtype=bool)


def collect_rows() -> ViewData:
    """Read the raw files, and the outputs of the stages that have run on them.

    Raises:
        FoldlineError: where a file cannot be read.
    """
    current = read_current_rows()
    rows, labels, notes = current.rows, current.labels, _describe_rows(current)
    if current.prepared:
        _add_parts(rows, notes)

    def read(source: schemas.Table, column: str = "id") -> pd.DataFrame:
        if not current.prepared:
            return pd.DataFrame(columns=list(source.columns))
        return _read_known_rows(source, rows, notes, column)

    folds = read(schemas.FOLDS)
    first = folds[folds["repeat"] == 0].set_index("id")["fold"]
    rows["fold"] = rows["id"].map(first).fillna(-1).astype("int64")
    rows["dup"] = _number_groups(rows["dup_group"])
    rows["conflict"] = _conflict_mask(rows, labels.task)
    balanced = read(schemas.AUGMENTED, "source_id")
    is_copy = balanced["id"] != balanced["source_id"]
    rows["unsampled"] = False
    if len(balanced):
        kept = set(balanced["id"][~is_copy].tolist())
        rows["unsampled"] = (rows["part"] == "train") & ~is_in(rows["id"], kept)
    add_suspected_errors(rows, read(schemas.OUT_OF_FOLD), labels)
    notes += describe_suspected(rows)
    return ViewData(
        rows=rows,
        originals=_select_known_rows(current.originals, rows),  # also has rows to predict
        judgements=_select_known_rows(current.judgements, rows),
        copies=balanced[is_copy].reset_index(drop=True),
        labels=labels,
        notes=notes,
        unused=current.unused,
        prepared=current.prepared,
    )


def _describe_rows(current: CurrentRows) -> list[dict[str, Any]]:
    """Return notes on rows that no stage has seen, or that only the stages have."""
    if current.problem:
        return [{"code": "unreadable", "problem": current.problem}]
    return [] if current.prepared else [{"code": "not_prepared"}]


def _select_known_rows(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    known = is_in(table["id"], set(rows["id"].tolist()))
    return table[known].reset_index(drop=True)


def _read_known_rows(
    source: schemas.Table, rows: pd.DataFrame, notes: list[dict[str, Any]], column: str = "id"
) -> pd.DataFrame:
    """Read a table, empty if it does not exist, without rows that `prepare` no longer has."""
    if not source.path.exists():
        return pd.DataFrame(columns=list(source.columns))
    table = source.read()
    is_known = is_in(table[column], set(rows["id"].tolist()))
    if not is_known.all():  # the file is out of date
        count = int((~is_known).sum())
        notes.append({"code": "stale", "file": source.path.as_posix(), "rows": count})
    return table[is_known].reset_index(drop=True)


def _add_parts(rows: pd.DataFrame, notes: list[dict[str, Any]]) -> None:
    """Replace the parts of the raw files by those of `split`."""
    if not all(table.path.exists() for table in PARTS.values()):
        notes.append({"code": "not_split"})
        return
    parts = {
        name: part
        for part, table in PARTS.items()
        for name in _read_known_rows(table, rows, notes)["id"].tolist()
    }
    rows["part"] = rows["id"].map(parts).fillna("")


def _number_groups(groups: "pd.Series[str]") -> np.ndarray:
    """Return the numbers (n,) of groups of two rows or more, in the table's order; -1: none."""
    sizes = groups.map(groups.value_counts())
    shared = ((sizes > 1) & (groups != "")).to_numpy()
    numbers = np.full(len(groups), -1, dtype=np.int64)
    numbers[shared] = pd.factorize(groups[shared])[0]
    return numbers


def _conflict_mask(rows: pd.DataFrame, task: str) -> np.ndarray:
    """Return which duplicates have different labels (n,), by the rule of `prepare`.

    Rows of a duplicate group may share only one sentence of a pair: only equal pairs conflict.
    """
    same = rows["dup"].astype("str")
    if rows["text_pair"].any():
        same = same + [str(key) for key in duplicate_keys(rows)]
    codes = pd.factorize(same)[0]
    return np.asarray((rows["dup"] >= 0) & conflict_mask(codes, rows["label"], task))
