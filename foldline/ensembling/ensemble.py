"""The ensemble: its members, the method by which they vote, and the fitted weights."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json, write_json
from foldline.ensembling.members import (
    PredictModel,
    model_folders,
    out_of_fold_name,
    predict_member,
    predict_model,
)
from foldline.ensembling.voting import combine

FILE = Path("models/ensemble.json")


@dataclass(frozen=True)
class Ensemble:
    """The voting method, the number of models of each member, and the weights of the votes.

    The trained model and the fold models are one recipe with one vote: the mean of all its
    models. They share their out-of-fold predictions, to which the weights are fitted.
    """

    method: str
    models: dict[str, int]
    weights: dict[str, float]

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
        """Read what `save` wrote."""
        return cls(**read_json(path))
