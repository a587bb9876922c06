"""The ensemble: its members, and the method that combines them with what it was fitted to."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, create_model

from foldline.core.errors import FoldlineError
from foldline.core.io.files import write_json
from foldline.core.params.value_types import Count
from foldline.ensembling.members import (
    FOLDS,
    INDEX,
    PredictModel,
    model_folders,
    out_of_fold_name,
    predict_member,
    predict_model,
)
from foldline.ensembling.methods.interface import Context, StateError
from foldline.ensembling.methods.registry import METHODS, check_state
from foldline.ensembling.records import one_of, read_record
from foldline.models.surface_features import surface_features

FILE = Path("models/ensemble.json")
REMEDY = "It was changed after it was written: `dvc repro -s -f ensemble` makes it again"


@dataclass(frozen=True)
class Ensemble:
    """The method, the number of models of each member, and what the method was fitted to.

    The trained model and the fold models are one recipe with one vote: the mean of all its
    models. They share their out-of-fold predictions, to which the method is fitted.
    """

    method: Annotated[str, one_of(*METHODS)]
    models: Annotated[
        dict[Annotated[str, one_of("model", "folds", "tfidf")], Count], Field(min_length=1)
    ]
    state: dict[str, Any]

    @property
    def voters(self) -> list[str]:
        """Return the names of the out-of-fold predictions that the method combines."""
        return list(dict.fromkeys(map(out_of_fold_name, self.models)))

    @classmethod
    def from_member(cls, member: str) -> "Ensemble":
        """Return the ensemble of one member."""
        return cls("soft", {member: len(model_folders(member))}, {})

    def predict(
        self, rows: pd.DataFrame, task: str, predict: PredictModel = predict_model
    ) -> np.ndarray:
        """Return the combined prediction of new rows: (n, c) or (n,)."""
        members = {name: predict_member(name, rows, predict) for name in self.models}
        return self.combine(members, rows, task)

    def combine(self, members: dict[str, np.ndarray], rows: pd.DataFrame, task: str) -> np.ndarray:
        """Return the combined prediction of rows by all members: (n, c) or (n,).

        Raises:
            FoldlineError: if the state does not fit the members' predictions.
        """
        votes = {}
        for voter in self.voters:
            counts = {m: n for m, n in self.models.items() if out_of_fold_name(m) == voter}
            predictions = [members[name] for name in counts]
            votes[voter] = np.average(predictions, axis=0, weights=list(counts.values()))
        method = METHODS[self.method]
        context = Context(surface=describe_texts(rows) if method.reads_texts else None)
        try:
            return method.combine(self.state, votes, task, context)
        except StateError as error:
            raise FoldlineError(f"{FILE}: {error}\n{REMEDY}") from None

    def save(self, path: Path = FILE) -> None:
        """Write all fields as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path = FILE) -> "Ensemble":
        """Read what `save` wrote.

        Raises:
            FoldlineError: naming the key that was changed since, what was found and is allowed.
        """
        ensemble: Ensemble = read_record(path, cls, REMEDY)
        fields: Any = {key: (kind, ...) for key, kind in METHODS[ensemble.method].state.items()}
        state = create_model("State", **fields)
        read_record(path, create_model("File", state=(state, ...)), REMEDY)
        for name, count in ensemble.models.items():
            check_model_count(path, name, count)
        try:
            check_state(ensemble.state, ensemble.voters)
        except StateError as error:
            raise FoldlineError(f"{path}: {error}\n{REMEDY}") from None
        return ensemble


def describe_texts(rows: pd.DataFrame) -> np.ndarray:
    """Return surface features (n, f) of the texts of rows; those of a pair are joined."""
    pairs = zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
    return surface_features([f"{text} {pair}" if pair else text for text, pair in pairs])


def check_model_count(path: Path, member: str, count: int) -> None:
    """Refuse a number of models that a member does not have.

    Raises:
        FoldlineError: naming both numbers.
    """
    existing = len(model_folders(member)) if (FOLDS / INDEX).exists() or member != "folds" else 0
    if existing and existing != count:
        raise FoldlineError(
            f"{path}: models.{member}: must be {existing}, the number of its models (found "
            f"{count}).\n{REMEDY}"
        )
