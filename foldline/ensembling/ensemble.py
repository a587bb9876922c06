"""The ensemble: its members, the method by which they vote, and the fitted weights."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from foldline.core.errors import FoldlineError, listing
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
from foldline.ensembling.records import one_of, read_record
from foldline.ensembling.voting import combine

FILE = Path("models/ensemble.json")
REMEDY = "It was changed after it was written: `dvc repro -s -f ensemble` makes it again"
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Ensemble:
    """The voting method, the number of models of each member, and the weights of the votes.

    The trained model and the fold models are one recipe with one vote: the mean of all its
    models. They share their out-of-fold predictions, to which the weights are fitted.
    """

    method: Annotated[str, one_of("soft", "hard", "weighted")]
    models: dict[Annotated[str, one_of("model", "folds", "tfidf")], Count]
    weights: dict[Annotated[str, one_of("model", "tfidf")], Weight]

    @classmethod
    def from_member(cls, member: str) -> "Ensemble":
        """Return the ensemble of one member."""
        models = {member: len(model_folders(member))}
        return cls("soft", models, {out_of_fold_name(member): 1.0})

    def predict(
        self, rows: pd.DataFrame, task: str, predict: PredictModel = predict_model
    ) -> np.ndarray:
        """Return the combined prediction of new rows: (n, c) or (n,)."""
        members = {name: predict_member(name, rows, predict) for name in self.models}
        return self.combine(members, task)

    def combine(self, members: dict[str, np.ndarray], task: str) -> np.ndarray:
        """Return the combined prediction of all members: (n, c) or (n,)."""
        votes = {}
        for voter in self.weights:
            counts = {m: n for m, n in self.models.items() if out_of_fold_name(m) == voter}
            predictions = [members[name] for name in counts]
            votes[voter] = np.average(predictions, axis=0, weights=list(counts.values()))
        return combine(self.method, votes, self.weights, task)

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
        voters = list(dict.fromkeys(map(out_of_fold_name, ensemble.models)))
        if set(voters) != set(ensemble.weights) or not any(ensemble.weights.values()):
            raise FoldlineError(
                f"{path}: weights: must be of {listing(voters)}, which `models` names, and not all "
                f"0 (found {ensemble.weights}).\n{REMEDY}"
            )
        for name, count in ensemble.models.items():
            check_model_count(path, name, count)
        return ensemble


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
