"""The labels of a task: classes and their codes, several labels per row, or numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json, write_json

FILE = Path("data/labels.json")
UNKNOWN = -1
# Separates the labels of a multilabel row; a row without labels has an empty string.
BETWEEN = "|"
THRESHOLD = 0.5  # the lowest probability at which a label is predicted
COST_DIGITS = 12  # of expected costs: below are rounding errors, which must not choose
# The main metric of each task.
MAIN = {"classification": "f1_macro", "multilabel": "f1_macro", "regression": "pearson"}


def split_label_names(label: str) -> list[str]:
    """Return the labels of a multilabel row."""
    return label.split(BETWEEN) if label else []


def decide(
    task: str,
    predictions: np.ndarray,
    thresholds: Sequence[float] = (),
    costs: Sequence[Sequence[float]] = (),
) -> np.ndarray:
    """Return the codes (n,) of predicted classes; multilabel: 0 and 1 for each label (n, c).

    Without thresholds (c,) they are all equal: the most probable class, labels from THRESHOLD on.
    With costs it is the decision of least expected cost (Elkan, 2001): `costs` (c, c) has a row for
    each true class, for multilabel (c, 2) the costs of predicting a label wrongly and of missing
    it. Of equal costs the first class is taken, and a label is predicted.
    """
    if costs:
        return _decide_by_cost(task, predictions, np.asarray(costs, dtype=np.float64))
    if task == "multilabel":
        return (predictions >= np.asarray(thresholds or THRESHOLD)).astype(np.int64)
    scaled = predictions / np.asarray(thresholds) if thresholds else predictions
    return np.asarray(scaled.argmax(axis=1))


def _decide_by_cost(task: str, predictions: np.ndarray, costs: np.ndarray) -> np.ndarray:
    if task == "multilabel":
        missed, wrong = predictions * costs[:, 1], (1 - predictions) * costs[:, 0]
        return np.asarray(np.round(missed - wrong, COST_DIGITS) >= 0).astype(np.int64)
    # Not `@`: its sums depend on the number of rows, and a row's decision must not.
    expected = np.einsum("nt,tk->nk", predictions, costs, optimize=False)
    return np.asarray(np.round(expected, COST_DIGITS).argmin(axis=1))


@dataclass(frozen=True)
class Labels:
    """The task and its classes in fixed order; regression has no classes.

    `thresholds` (c,) or `costs` are those by which an ensemble decides, see `decide`.
    """

    task: str
    classes: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    costs: tuple[tuple[float, ...], ...] = ()

    @property
    def has_own_decisions(self) -> bool:
        """Return whether thresholds or costs decide, not the highest probability."""
        return bool(self.thresholds or self.costs)

    @property
    def outputs(self) -> int:
        """Return the number of columns of a prediction."""
        return 1 if self.task == "regression" else len(self.classes)

    @property
    def columns(self) -> list[str]:
        """Return the names of the probability columns of a predictions file."""
        return [f"p_{name}" for name in self.classes]

    def encode(self, column: "pd.Series[Any]") -> np.ndarray:
        """Return class codes, (n,) int with -1 for an unknown class, or numbers, (n,) float.

        Multilabel: (n, c) of 0 and 1.
        """
        if self.task == "regression":
            return column.to_numpy(dtype=np.float64)
        codes = {name: code for code, name in enumerate(self.classes)}
        if self.task == "multilabel":
            return self._indicators(column, codes)
        return np.array(
            [codes.get(str(value), UNKNOWN) for value in column.tolist()], dtype=np.int64
        )

    def unknown(self, column: "pd.Series[Any]") -> list[str]:
        """Return the unique labels that are not among the classes."""
        if self.task == "regression":
            return []
        labels = dict.fromkeys(column.tolist())
        if self.task == "multilabel":
            labels = dict.fromkeys(name for label in labels for name in split_label_names(label))
        return [name for name in labels if name not in self.classes]

    def decode(self, predictions: np.ndarray) -> list[str] | list[float]:
        """Return the predicted class of each row, or the numbers themselves.

        Multilabel: all predicted labels, in class order.
        """
        if self.task == "regression":
            return cast(list[float], predictions.tolist())
        return self.name(self.decide(predictions))

    def decide(self, predictions: np.ndarray) -> np.ndarray:
        """Return the codes of predicted classes, see `decide`."""
        return decide(self.task, predictions, self.thresholds, self.costs)

    def name(self, codes: np.ndarray) -> list[str]:
        """Return the labels of codes (n,); multilabel: of 0 and 1 (n, c)."""
        if self.task == "multilabel":
            names = np.array(self.classes, dtype=object)
            return [BETWEEN.join(names[row == 1]) for row in codes]
        return [self.classes[code] for code in codes]

    def table(self, predictions: np.ndarray) -> pd.DataFrame:
        """Return the columns `predicted` and `p_<class>` of a predictions file."""
        columns: dict[str, Any] = {"predicted": self.decode(predictions)}
        if self.classes:
            columns |= {name: predictions[:, i] for i, name in enumerate(self.columns)}
        return pd.DataFrame(columns)

    def predictions(self, table: pd.DataFrame) -> np.ndarray:
        """Return the predictions in a table: (n, c) probabilities or (n,) numbers."""
        columns: Any = "predicted" if self.task == "regression" else self.columns
        return np.asarray(table[columns], dtype=np.float64)

    def _indicators(self, column: "pd.Series[Any]", codes: dict[str, int]) -> np.ndarray:
        indicators = np.zeros((len(column), len(codes)), dtype=np.int64)
        for row, label in enumerate(column.tolist()):
            for name in split_label_names(label):
                if name in codes:
                    indicators[row, codes[name]] = 1
        return indicators

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
