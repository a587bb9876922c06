"""The labels of a task: classes and their codes, or numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from foldline.frame.errors import FoldlineError
from foldline.frame.files import read_json, write_json

FILE = Path("data/labels.json")
UNKNOWN = -1


@dataclass(frozen=True)
class Labels:
    """Task and classes in their fixed order; regression has no classes."""

    task: str
    classes: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """Give the number of columns of a prediction."""
        return len(self.classes) if self.task == "classification" else 1

    @property
    def columns(self) -> list[str]:
        """Name the probability columns of a predictions file."""
        return [f"p_{name}" for name in self.classes]

    def encode(self, column: "pd.Series[Any]") -> np.ndarray:
        """Give (n,) class codes, -1 for a class that is not known, or (n,) numbers."""
        if self.task == "regression":
            return column.to_numpy(dtype=np.float64)
        codes = {name: code for code, name in enumerate(self.classes)}
        return np.array([codes.get(str(v), UNKNOWN) for v in column], dtype=np.int64)

    def decode(self, predictions: np.ndarray) -> list[str] | list[float]:
        """Give the class with the highest probability of each row, or the numbers themselves."""
        if self.task == "regression":
            return cast(list[float], predictions.tolist())
        return [self.classes[code] for code in predictions.argmax(axis=1)]

    def table(self, predictions: np.ndarray) -> pd.DataFrame:
        """Give the columns `predicted` and `p_<class>` of a predictions file."""
        columns: dict[str, Any] = {"predicted": self.decode(predictions)}
        if self.task == "classification":
            columns |= {name: predictions[:, i] for i, name in enumerate(self.columns)}
        return pd.DataFrame(columns)

    def predictions(self, table: pd.DataFrame) -> np.ndarray:
        """Read predictions back from a table: (n, c) probabilities or (n,) numbers."""
        columns: Any = "predicted" if self.task == "regression" else self.columns
        return np.asarray(table[columns], dtype=np.float64)

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
