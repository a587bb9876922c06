"""The contract between stages: path, columns and types of every table that they exchange.

Columns have the pipeline's names; only `prepare` knows the user's names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.files import replace_atomically

TYPES: dict[str, Any] = {"text": "str", "int": "int64", "float": "float64"}

# The columns that a model may see, and those that evaluation also needs.
TEXTS = {"id": "text", "text": "text", "text_pair": "text"}
ROWS = TEXTS | {"label": "text", "group": "text"}


@dataclass(frozen=True)
class Table:
    """A CSV file with fixed columns, and further columns of numbers that start with `rest`."""

    path: Path
    columns: dict[str, str]
    rest: str | None = None

    def read(self) -> pd.DataFrame:
        """Read and parse the table.

        Raises:
            FoldlineError: naming a missing file or column, or a value of another type.
        """
        if not self.path.exists():
            raise FoldlineError(f"{self.path} is missing: run `dvc repro` to make it")
        try:
            with self.path.open(encoding="utf-8", newline="") as stream:
                return self.parse(stream)
        except OSError as error:
            raise FoldlineError(f"{self.path} cannot be read: {error.strerror}") from error

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
            raise FoldlineError(
                f"{self.path} cannot be read ({error}): run `dvc repro` to make it again"
            ) from error
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


# prepare
PREPARED = Table(
    Path("data/prepared.csv"),
    {"id": "text", "part": "text"}
    | ROWS
    | {"time": "float", "dup_group": "text", "sentence": "text", "sentence_pair": "text"},
)
ORIGINALS = Table(Path("data/originals.csv"), TEXTS | {"part": "text"})
UNLABELLED = Table(Path("data/unlabelled.csv"), TEXTS)
ANNOTATIONS = Table(
    Path("data/annotations.csv"), {"id": "text", "annotator": "text", "label": "text"}
)
# The annotators' shares of the classes; no rows if labels are hard.
ANNOTATOR_LABEL_DISTRIBUTIONS = Table(
    Path("data/annotator_label_distributions.csv"), {"id": "text"}, rest="p_"
)
# Weights of rows in training; no rows if all weights are equal.
WEIGHTS = Table(Path("data/weights.csv"), {"id": "text", "weight": "float"})
# split
TRAIN = Table(Path("data/train.csv"), ROWS)
VALID = Table(Path("data/valid.csv"), ROWS)
TEST = Table(Path("data/test.csv"), ROWS)
# `duplicate` names equal rows that are in several folds; empty for other rows.
FOLDS = Table(Path("data/folds.csv"), {"id": "text", "fold": "int", "duplicate": "text"})
# Inner folds of the rows outside `fold`, for tuning; no rows if kfold.nested is 0.
NESTED_FOLDS = Table(Path("data/nested_folds.csv"), {"id": "text", "fold": "int", "inner": "int"})
# Class shares of training rows, for soft labels.
SOFT_LABELS = Table(Path("data/soft_labels.csv"), {"id": "text"}, rest="p_")
# Hashes of held-out texts, which no copy may equal; the texts themselves stay unread.
HELD_OUT_HASHES = Table(Path("data/held_out_hashes.csv"), {"key": "text"})
# Unlabelled texts for pre-training; no rows without pre-training.
PRETRAINING_TEXTS = Table(Path("data/pretraining_texts.csv"), TEXTS | {"part": "text"})
# augment
AUGMENTED = Table(Path("data/train_augmented.csv"), ROWS | {"source_id": "text", "method": "text"})
# train and kfold: one row per row and member
_PREDICTION_COLUMNS = {"id": "text", "label": "text", "member": "text", "predicted": "text"}
VALID_PREDICTIONS = Table(Path("data/predictions/valid.csv"), _PREDICTION_COLUMNS, rest="p_")
OUT_OF_FOLD = Table(
    Path("data/predictions/out_of_fold.csv"), _PREDICTION_COLUMNS | {"fold": "int"}, "p_"
)
# evaluate and predict
TEST_PREDICTIONS = Table(
    Path("data/predictions/test.csv"), {"id": "text", "label": "text", "predicted": "text"}, "p_"
)
UNLABELLED_PREDICTIONS = Table(
    Path("data/predictions/unlabelled.csv"), {"id": "text", "predicted": "text"}, "p_"
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
        TRAIN,
        VALID,
        TEST,
        FOLDS,
        NESTED_FOLDS,
        SOFT_LABELS,
        HELD_OUT_HASHES,
        PRETRAINING_TEXTS,
        AUGMENTED,
        VALID_PREDICTIONS,
        OUT_OF_FOLD,
        TEST_PREDICTIONS,
        UNLABELLED_PREDICTIONS,
    )
}
