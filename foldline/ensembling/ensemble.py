"""The ensemble: its members, the method by which they vote, and the fitted weights."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from foldline.core.errors import FoldlineError, listing, unknown_name
from foldline.core.io.files import write_json
from foldline.core.params.value_types import MemberName
from foldline.ensembling.members import (
    PredictModel,
    list_member_models,
    predict_member,
    predict_model,
    read_augmentations,
)
from foldline.ensembling.records import one_of, read_record
from foldline.ensembling.voting import combine

FILE = Path("models/ensemble.json")
REMEDY = "It was changed after it was written: `dvc repro -s -f ensemble` makes it again"
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Ensemble:
    """The voting method, and the weights of the members' votes.

    A member's models, those of its folds and that of all training rows, are one recipe with one
    vote: their mean.
    """

    method: Annotated[str, one_of("soft", "hard", "weighted")]
    weights: Annotated[dict[MemberName, Weight], Field(min_length=1)]

    @classmethod
    def from_member(cls, member: str) -> "Ensemble":
        """Return the ensemble of one member.

        Raises:
            FoldlineError: if there is no such member.
        """
        models = list_member_models()
        if member not in models:
            raise FoldlineError(unknown_name("member", member, sorted(models)))
        return cls("soft", {member: 1.0})

    def list_models(self) -> dict[str, list[Path]]:
        """Return the folders of the models of each member.

        Raises:
            FoldlineError: if a member has no models.
        """
        models = list_member_models()
        if missing := [name for name in self.weights if name not in models]:
            raise FoldlineError(
                f"{FILE}: weights: there are no models of {listing(missing)}, but of "
                f"{listing(models)}.\n{REMEDY}"
            )
        return {name: models[name] for name in self.weights}

    def predict(
        self, rows: pd.DataFrame, task: str, predict: PredictModel = predict_model
    ) -> np.ndarray:
        """Return the combined prediction of new rows: (n, c) or (n,)."""
        return self.combine(self.predict_members(rows, predict), task)

    def predict_members(
        self, rows: pd.DataFrame, predict: PredictModel = predict_model
    ) -> dict[str, np.ndarray]:
        """Return each member's prediction of new rows: (n, c) or (n,)."""
        models, augmentations = self.list_models(), read_augmentations()
        return {
            name: predict_member(own, rows, predict, augmentations.get(name))
            for name, own in models.items()
        }

    def combine(self, members: dict[str, np.ndarray], task: str) -> np.ndarray:
        """Return the combined prediction of all members: (n, c) or (n,)."""
        votes = {name: members[name] for name in self.weights}
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
        if not any(ensemble.weights.values()):
            raise FoldlineError(
                f"{path}: weights: must not all be 0 (found {ensemble.weights}).\n{REMEDY}"
            )
        return ensemble
