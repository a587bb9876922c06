"""The outputs of all stages joined by row, for the viewer."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.data.conflicts import conflict_mask
from foldline.data.duplicates import duplicate_keys
from foldline.viewer.suspected_errors import add_suspected_errors

PARTS = {"train": schemas.TRAIN, "valid": schemas.VALID, "test": schemas.TEST}


@dataclass(frozen=True)
class ViewData:
    """The rows of `prepare` with columns of later stages, and tables that refer to them by `id`.

    rows: id, text, text_pair, label, part (empty: dropped by `split`), group, time, fold (-1:
    none), dup (number of the duplicate group, -1: none), the flags conflict, unsampled and
    suspected; self_confidence and guess come from out-of-fold predictions.
    """

    rows: pd.DataFrame
    originals: pd.DataFrame
    judgements: pd.DataFrame
    copies: pd.DataFrame
    labels: Labels
    notes: list[dict[str, Any]] = field(default_factory=list)

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
    """Read the outputs of the stages that have run; `prepare` is enough.

    Raises:
        FoldlineError: where `prepare` has not run, or a file cannot be read.
    """
    if not schemas.PREPARED.path.exists():
        raise FoldlineError(
            f"{schemas.PREPARED.path} does not exist: there are no rows to view yet. "
            "Run `dvc repro prepare` first"
        )
    rows, labels = schemas.PREPARED.read(), Labels.load()
    notes: list[dict[str, Any]] = []
    _add_parts(rows, notes)
    folds = _read_known_rows(schemas.FOLDS, rows, notes).set_index("id")["fold"]
    rows["fold"] = rows["id"].map(folds).fillna(-1).astype("int64")
    rows["dup"] = _number_groups(rows["dup_group"])
    rows["conflict"] = _conflict_mask(rows, labels.task)
    balanced = _read_known_rows(schemas.AUGMENTED, rows, notes, "source_id")
    is_copy = balanced["id"] != balanced["source_id"]
    rows["unsampled"] = False
    if len(balanced):
        kept = set(balanced["id"][~is_copy].tolist())
        rows["unsampled"] = (rows["part"] == "train") & ~is_in(rows["id"], kept)
    add_suspected_errors(rows, _read_known_rows(schemas.OUT_OF_FOLD, rows, notes), labels)
    return ViewData(
        rows=rows,
        originals=_read_known_rows(schemas.ORIGINALS, rows, []),  # also has rows to predict
        judgements=_read_judgements(rows, notes),
        copies=balanced[is_copy].reset_index(drop=True),
        labels=labels,
        notes=notes,
    )


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


def _read_judgements(rows: pd.DataFrame, notes: list[dict[str, Any]]) -> pd.DataFrame:
    """Read the annotations of the rows, and note those of rows that `prepare` dropped.

    `prepare` writes them with the rows, so they are never of an earlier run.
    """
    judgements = _read_known_rows(schemas.ANNOTATIONS, rows, [])
    if not schemas.ANNOTATIONS.path.exists():
        return judgements
    known = set(rows["id"].tolist())
    if schemas.UNLABELLED.path.exists():
        known |= set(schemas.UNLABELLED.read()["id"].tolist())
    dropped = int((~is_in(schemas.ANNOTATIONS.read()["id"], known)).sum())
    if dropped:
        notes.append({"code": "dropped_judgements", "rows": dropped})
    return judgements


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
