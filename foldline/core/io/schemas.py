"""The contract between stages: path, columns and types of every table that they exchange.

Columns have the pipeline's names; only `prepare` knows the user's names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.files import read_json, replace_atomically, write_json

MAKE_AGAIN = "it was cut or changed. Run `dvc repro` to make it again"
TYPES: dict[str, Any] = {"text": "str", "int": "int64", "float": "float64"}

# The columns that a model may see, and those that evaluation also needs.
TEXTS = {"id": "text", "text": "text", "text_pair": "text"}
ROWS = TEXTS | {"label": "text", "group": "text"}


# The rows of the tables that this process has written, by path.
_written: dict[str, int] = {}


@dataclass(frozen=True)
class Table:
    """A CSV file with fixed columns, and further columns of numbers that start with `rest`.

    No two rows have equal values in the columns of `key`. The stage's report `report` has the
    number of rows that were written (`write_report`).
    """

    path: Path
    columns: dict[str, str]
    rest: str | None = None
    key: tuple[str, ...] = ()
    report: Path | None = None

    def read(self) -> pd.DataFrame:
        """Read and parse the table.

        Raises:
            FoldlineError: naming a missing file or column, a value of another type, or rows that
                are missing or stand twice.
        """
        if not self.path.exists():
            raise FoldlineError(f"{self.path} is missing: run `dvc repro` to make it")
        try:
            self._check_end()
            with self.path.open(encoding="utf-8", newline="") as stream:
                table = self.parse(stream)
            self._check_rows(table)
        except OSError as error:
            raise FoldlineError(f"{self.path} cannot be read: {error.strerror}") from error
        return table

    def parse(self, stream: TextIO) -> pd.DataFrame:
        """Read and parse the table from an open stream.

        Raises:
            FoldlineError: naming a missing column, or a value of another type.
        """
        try:
            table = pd.read_csv(
                stream, dtype="str", keep_default_na=False, na_filter=False, lineterminator="\n"
            )
        except ValueError as error:
            raise FoldlineError(f"{self.path} cannot be read ({error}): {MAKE_AGAIN}") from error
        self._check(table)
        for name in table.columns:
            kind = self.columns.get(name, "float")
            if kind != "text":
                table[name] = self._parse_numbers(table, name, TYPES[kind])
        return table

    def write(self, table: pd.DataFrame) -> None:
        """Write the columns of the contract in order, as UTF-8 with LF, reproducibly."""
        self._check(table)
        names = list(self.columns)
        if self.rest:
            names += [
                name for name in table.columns if name.startswith(self.rest) and name not in names
            ]
        with replace_atomically(self.path) as temporary:
            table[names].to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
        _written[self.path.as_posix()] = len(table)

    def _check_end(self) -> None:
        """Raise for a file that was cut inside a row."""
        with self.path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(size - 1, 0))
            if size and stream.read() != b"\n":
                raise FoldlineError(f"{self.path} ends inside a row: {MAKE_AGAIN}")

    def _check_rows(self, table: pd.DataFrame) -> None:
        """Raise for other rows than were written, and for rows that stand twice."""
        report = read_json(self.report) if self.report and self.report.exists() else {}
        written = report.get("tables", {}).get(self.path.as_posix(), len(table))
        if written != len(table):
            raise FoldlineError(
                f"{self.path} has {len(table)} rows, but {written} were written ({self.report}): "
                f"{MAKE_AGAIN}"
            )
        twice = table.duplicated(list(self.key)) if self.key else table.index < 0
        if twice.any():
            values = [" ".join(map(str, row)) for row in table.loc[twice, list(self.key)].values]
            raise FoldlineError(
                f"{self.path} has {twice.sum()} rows twice (by {' and '.join(self.key)}: "
                f"{listing(values, 5)}): {MAKE_AGAIN}"
            )

    def _check(self, table: pd.DataFrame) -> None:
        missing = [name for name in self.columns if name not in table.columns]
        if missing:
            raise FoldlineError(
                f"{self.path} has no column {listing(missing)}; it has "
                f"{listing(table.columns, 20)}. Run `dvc repro` to make it again"
            )

    def _parse_numbers(self, table: pd.DataFrame, name: str, kind: str) -> "pd.Series[Any]":
        try:
            # Python's parser returns exactly the number that was written.
            parse = int if kind == "int64" else float
            return pd.Series([parse(value) for value in table[name]], index=table.index, dtype=kind)
        except ValueError as error:
            raise FoldlineError(f"{self.path}, column {name}: {error}") from error


# The reports of the stages; each has the numbers of rows that its stage wrote.
PREPARE_REPORT = Path("reports/prepare.json")
SPLIT_REPORT = Path("reports/split.json")
AUGMENT_REPORT = Path("reports/augment.json")
TRAIN_REPORT = Path("reports/train.json")
KFOLD_REPORT = Path("reports/folds.json")
ENSEMBLE_REPORT = Path("reports/ensemble.json")
EVALUATE_REPORT = Path("reports/evaluation.json")
PREDICT_REPORT = Path("reports/predict.json")

_ID, _MEMBER = ("id",), ("id", "member")
# prepare
PREPARED = Table(
    Path("data/prepared.csv"),
    {"id": "text", "part": "text"}
    | ROWS
    | {"time": "float", "dup_group": "text", "sentence": "text", "sentence_pair": "text"},
    key=_ID,
    report=PREPARE_REPORT,
)
ORIGINALS = Table(Path("data/originals.csv"), TEXTS | {"part": "text"}, report=PREPARE_REPORT)
UNLABELLED = Table(Path("data/unlabelled.csv"), TEXTS, report=PREPARE_REPORT)
ANNOTATIONS = Table(
    Path("data/annotations.csv"),
    {"id": "text", "annotator": "text", "label": "text"},
    report=PREPARE_REPORT,
)
# The annotators' shares of the classes; no rows if labels are hard.
ANNOTATOR_LABEL_DISTRIBUTIONS = Table(
    Path("data/annotator_label_distributions.csv"), {"id": "text"}, "p_", _ID, PREPARE_REPORT
)
# Weights of rows in training; no rows if all weights are equal.
WEIGHTS = Table(
    Path("data/weights.csv"), {"id": "text", "weight": "float"}, key=_ID, report=PREPARE_REPORT
)
# A further label of training and validation rows; no rows without data.auxiliary_label.
AUXILIARY_LABELS = Table(
    Path("data/auxiliary_labels.csv"),
    {"id": "text", "label": "text"},
    key=_ID,
    report=PREPARE_REPORT,
)
# What evaluate divides rows by beside their texts: time, disagreement, the user's columns.
SLICE_COLUMNS = Table(
    Path("data/slice_columns.csv"),
    {"id": "text", "column": "text", "value": "text"},
    key=("id", "column"),
    report=PREPARE_REPORT,
)
# split
TRAIN = Table(Path("data/train.csv"), ROWS, key=_ID, report=SPLIT_REPORT)
VALID = Table(Path("data/valid.csv"), ROWS, key=_ID, report=SPLIT_REPORT)
TEST = Table(Path("data/test.csv"), ROWS, key=_ID, report=SPLIT_REPORT)
# `repeat` numbers the divisions into folds, from 0. `duplicate` names equal rows that are in
# several folds; empty for other rows.
FOLDS = Table(
    Path("data/folds.csv"),
    {"id": "text", "repeat": "int", "fold": "int", "duplicate": "text"},
    None,
    ("id", "repeat"),
    SPLIT_REPORT,
)
# Class shares of training rows, for soft labels.
SOFT_LABELS = Table(Path("data/soft_labels.csv"), {"id": "text"}, "p_", _ID, SPLIT_REPORT)
# Hashes of held-out texts, which no copy may equal; the texts themselves stay unread.
HELD_OUT_HASHES = Table(Path("data/held_out_hashes.csv"), {"key": "text"}, report=SPLIT_REPORT)
# Unlabelled texts for pre-training; no rows without pre-training.
PRETRAINING_TEXTS = Table(
    Path("data/pretraining_texts.csv"), TEXTS | {"part": "text"}, report=SPLIT_REPORT
)
# augment
AUGMENTED = Table(
    Path("data/train_augmented.csv"),
    ROWS | {"source_id": "text", "method": "text"},
    None,
    _ID,
    AUGMENT_REPORT,
)
# train and kfold: one row per row and member
_PREDICTION_COLUMNS = {"id": "text", "label": "text", "member": "text", "predicted": "text"}
VALID_PREDICTIONS = Table(
    Path("data/predictions/valid.csv"), _PREDICTION_COLUMNS, "p_", _MEMBER, TRAIN_REPORT
)
OUT_OF_FOLD = Table(
    Path("data/predictions/out_of_fold.csv"),
    _PREDICTION_COLUMNS | {"fold": "int"},
    "p_",
    _MEMBER,
    KFOLD_REPORT,
)
# ensemble: the combined predictions of the rows in OUT_OF_FOLD, which other experiments may read
ENSEMBLE_OUT_OF_FOLD = Table(
    Path("data/predictions/ensemble_out_of_fold.csv"),
    {"id": "text", "label": "text", "predicted": "text", "fold": "int"},
    "p_",
    _ID,
    ENSEMBLE_REPORT,
)
# evaluate and predict
TEST_PREDICTIONS = Table(
    Path("data/predictions/test.csv"),
    {"id": "text", "label": "text", "predicted": "text"},
    "p_",
    _ID,
    EVALUATE_REPORT,
)
UNLABELLED_PREDICTIONS = Table(
    Path("data/predictions/unlabelled.csv"),
    {"id": "text", "predicted": "text"},
    "p_",
    report=PREDICT_REPORT,
)

TABLES: dict[str, Table] = {
    table.path.as_posix(): table
    for table in (
        PREPARED,
        ORIGINALS,
        UNLABELLED,
        ANNOTATIONS,
        ANNOTATOR_LABEL_DISTRIBUTIONS,
        WEIGHTS,
        AUXILIARY_LABELS,
        SLICE_COLUMNS,
        TRAIN,
        VALID,
        TEST,
        FOLDS,
        SOFT_LABELS,
        HELD_OUT_HASHES,
        PRETRAINING_TEXTS,
        AUGMENTED,
        VALID_PREDICTIONS,
        OUT_OF_FOLD,
        ENSEMBLE_OUT_OF_FOLD,
        TEST_PREDICTIONS,
        UNLABELLED_PREDICTIONS,
    )
}


def write_report(path: Path, content: dict[str, Any]) -> None:
    """Write a stage's report, with the numbers of rows of the tables that the stage has written."""
    names = [name for name, table in TABLES.items() if table.report == path and name in _written]
    write_json(path, content | {"tables": {name: _written[name] for name in names}})
