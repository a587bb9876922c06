"""The labels of a task: classes and their codes, several labels a row, or numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json, write_json

FILE = Path("data/labels.json")
UNKNOWN = -1
# Between the labels of a row where there may be several; a row without any holds an empty text.
BETWEEN = "|"
THRESHOLD = 0.5  # a label is predicted from this probability on
# The metric that each task is judged by.
MAIN = {"classification": "f1_macro", "multilabel": "f1_macro", "regression": "pearson"}


def split_label_names(label: str) -> list[str]:
    """Return the labels of a row of task multilabel."""
    return label.split(BETWEEN) if label else []


@dataclass(frozen=True)
class Labels:
    """Task and classes in their fixed order; regression has no classes."""

    task: str
    classes: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """Return the number of columns of a prediction."""
        return 1 if self.task == "regression" else len(self.classes)

    @property
    def columns(self) -> list[str]:
        """Name the probability columns of a predictions file."""
        return [f"p_{name}" for name in self.classes]

    def encode(self, column: "pd.Series[Any]") -> np.ndarray:
        """Return (n,) class codes, -1 for a class that is not known, or (n,) numbers.

        Of task multilabel (n, c): 1 where the row has the label, else 0.
        """
        if self.task == "regression":
            return column.to_numpy(dtype=np.float64)
        codes = {name: code for code, name in enumerate(self.classes)}
        if self.task == "multilabel":
            return self._indicators(column, codes)
        return np.array([codes.get(str(v), UNKNOWN) for v in column], dtype=np.int64)

    def unknown(self, column: "pd.Series[Any]") -> list[str]:
        """Return the labels that are not among the classes, each once."""
        if self.task == "regression":
            return []
        labels = dict.fromkeys(column.tolist())
        if self.task == "multilabel":
            labels = dict.fromkeys(name for label in labels for name in split_label_names(label))
        return [name for name in labels if name not in self.classes]

    def decode(self, predictions: np.ndarray) -> list[str] | list[float]:
        """Return the class with the highest probability of each row, or the numbers themselves.

        Of task multilabel all labels from THRESHOLD on, in the order of the classes.
        """
        if self.task == "regression":
            return cast(list[float], predictions.tolist())
        if self.task == "multilabel":
            names = np.array(self.classes, dtype=object)
            return [BETWEEN.join(names[row >= THRESHOLD]) for row in predictions]
        return [self.classes[code] for code in predictions.argmax(axis=1)]

    def table(self, predictions: np.ndarray) -> pd.DataFrame:
        """Return the columns `predicted` and `p_<class>` of a predictions file."""
        columns: dict[str, Any] = {"predicted": self.decode(predictions)}
        if self.classes:
            columns |= {name: predictions[:, i] for i, name in enumerate(self.columns)}
        return pd.DataFrame(columns)

    def predictions(self, table: pd.DataFrame) -> np.ndarray:
        """Read predictions back from a table: (n, c) probabilities or (n,) numbers."""
        columns: Any = "predicted" if self.task == "regression" else self.columns
        return np.asarray(table[columns], dtype=np.float64)

    def _indicators(self, column: "pd.Series[Any]", codes: dict[str, int]) -> np.ndarray:
        found = np.zeros((len(column), len(codes)), dtype=np.int64)
        for row, label in enumerate(column.tolist()):
            for name in split_label_names(label):
                if name in codes:
                    found[row, codes[name]] = 1
        return found

    def save(self, path: Path = FILE) -> None:
        """Write task and classes as JSON."""
        write_json(path, {"task": self.task, "classes": list(self.classes)})

    @classmethod
    def load(cls, path: Path = FILE) -> "Labels":
        """Read what `save` wrote."""
        content = read_json(path)
        try:
            return cls(content["task"], tuple(content["classes"]))
        except (KeyError, TypeError) as error:
            raise FoldlineError(
                f"{path} does not hold labels (found {content!r:.80}): run `dvc repro -f prepare`"
            ) from error
