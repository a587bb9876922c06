"""Everything that the stages know of a row, in one table with its side tables."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.data.conflicts import conflict_mask
from foldline.data.groups import duplicate_keys
from foldline.viewer.lookup import is_in
from foldline.viewer.suspected_errors import add_suspected_errors

PARTS = {"train": schemas.TRAIN, "valid": schemas.VALID, "test": schemas.TEST}


@dataclass(frozen=True)
class ViewData:
    """Rows of `prepare` with what later stages add, and tables that speak of them by `id`.

    rows: id, text, text_pair, label, part (empty: left out by `split`), group, time, fold (-1:
    none), dup (number of the duplicate group, -1: none), and the flags conflict, unsampled,
    suspected; self_confidence and guess where there are out-of-fold predictions.
    """

    rows: pd.DataFrame
    originals: pd.DataFrame
    judgements: pd.DataFrame
    copies: pd.DataFrame
    labels: Labels
    notes: list[dict[str, Any]] = field(default_factory=list)

    def only(self, kept: np.ndarray, note: dict[str, Any]) -> "ViewData":
        """Give the same with the rows that `kept` marks, and what belongs to them."""
        rows = self.rows[kept].reset_index(drop=True)
        ids = set(rows["id"].tolist())

        def of_them(table: pd.DataFrame, column: str = "id") -> pd.DataFrame:
            return table[is_in(table[column], ids)].reset_index(drop=True)

        return replace(
            self,
            rows=rows,
            originals=of_them(self.originals),
            judgements=of_them(self.judgements),
            copies=of_them(self.copies, "source_id"),
            notes=[note, *self.notes],
        )


def collect_rows() -> ViewData:
    """Read what the stages have written so far; `prepare` alone is enough.

    Raises:
        FoldlineError: where nothing is prepared, or a file cannot be read.
    """
    if not schemas.PREPARED.path.exists():
        raise FoldlineError(
            f"{schemas.PREPARED.path} is missing: there are no rows to view yet. "
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
        originals=_read_known_rows(schemas.ORIGINALS, rows, []),  # it holds rows to predict as well
        judgements=_read_known_rows(schemas.ANNOTATIONS, rows, notes),
        copies=balanced[is_copy].reset_index(drop=True),
        labels=labels,
        notes=notes,
    )


def _read_known_rows(
    table: schemas.Table, rows: pd.DataFrame, notes: list[dict[str, Any]], column: str = "id"
) -> pd.DataFrame:
    """Read a table that may not be there yet, and leave out rows that `prepare` does not know."""
    if not table.path.exists():
        return pd.DataFrame(columns=list(table.columns))
    found = table.read()
    known = is_in(found[column], set(rows["id"].tolist()))
    if not known.all():  # the file is of an earlier run
        strange = int((~known).sum())
        notes.append({"code": "stale", "file": table.path.as_posix(), "rows": strange})
    return found[known].reset_index(drop=True)


def _add_parts(rows: pd.DataFrame, notes: list[dict[str, Any]]) -> None:
    """Put the parts of `split` in place of the official files' names."""
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
    """Give (n,) numbers of the groups of two rows and more, in the table's order; -1: none."""
    sizes = groups.map(groups.value_counts())
    shared = ((sizes > 1) & (groups != "")).to_numpy()
    numbers = np.full(len(groups), -1, dtype=np.int64)
    numbers[shared] = pd.factorize(groups[shared])[0]
    return numbers


def _conflict_mask(rows: pd.DataFrame, task: str) -> np.ndarray:
    """Mark duplicates whose labels disagree, as `prepare` judges it.

    A group of pairs may share one sentence only: there, the same two sentences must disagree.
    """
    same = rows["dup"].astype("str")
    if rows["text_pair"].any():
        same = same + [str(key) for key in duplicate_keys(rows)]
    codes = pd.factorize(same)[0]
    return np.asarray((rows["dup"] >= 0) & conflict_mask(codes, rows["label"], task))
