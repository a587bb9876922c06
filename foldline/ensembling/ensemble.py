"""The ensemble: its members, and the method that combines them with what it was fitted to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, create_model

from foldline.core.errors import FoldlineError, listing, unknown_name
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import Labels
from foldline.core.params.value_types import MemberName
from foldline.ensembling.calibrators import CALIBRATORS, NONE
from foldline.ensembling.members import (
    MODEL,
    PredictModel,
    list_member_models,
    predict_member,
    predict_model,
    read_augmentations,
)
from foldline.ensembling.methods.interface import Context, StateError, Weight
from foldline.ensembling.methods.registry import METHODS, check_state
from foldline.ensembling.priors import Prior, reweight
from foldline.ensembling.records import one_of, read_record
from foldline.ensembling.revisions import read_revision
from foldline.models.surface_features import surface_features

FILE = Path("models/ensemble.json")
REMEDY = "It was changed after it was written: `dvc repro -s -f ensemble` makes it again"


@dataclass(frozen=True)
class Calibration:
    """How the combined probabilities are calibrated, and what that was fitted to."""

    method: Annotated[str, one_of(*CALIBRATORS)]
    state: dict[str, Any]


@dataclass(frozen=True)
class Ensemble:
    """The method, the members that it combines, and what it was fitted to.

    A member's models, those of its folds and that of all training rows, are one recipe: their mean
    is combined with the other members. `revisions` are the commits of the members that are other
    experiments, whose final predictions are read. Without a `calibration` the combination is final,
    without `thresholds` and `costs` the most probable class is predicted.
    """

    method: Annotated[str, one_of(*METHODS)]
    members: Annotated[list[MemberName], Field(min_length=1)]
    state: dict[str, Any]
    revisions: dict[MemberName, Annotated[str, Field(pattern="^[0-9a-f]{40,64}$")]] = field(
        default_factory=dict
    )
    calibration: Calibration | None = None
    thresholds: list[Annotated[float, Field(gt=0, lt=1)]] = field(default_factory=list)
    costs: list[list[Weight]] = field(default_factory=list)
    prior: Prior | None = None

    @property
    def calibration_method(self) -> str:
        """Return the name of the calibration, `none` without one."""
        return self.calibration.method if self.calibration else NONE

    @classmethod
    def from_member(cls, member: str) -> "Ensemble":
        """Return the ensemble of one member.

        Raises:
            FoldlineError: if there is no such member.
        """
        models = list_member_models()
        if member not in models:
            raise FoldlineError(unknown_name("member", member, sorted(models)))
        return cls("soft", [member], {})

    def list_models(self) -> dict[str, list[Path]]:
        """Return the folders of the models of each member that is no other experiment.

        Raises:
            FoldlineError: if a member has no models.
        """
        models = list_member_models()
        own = [name for name in self.members if name not in self.revisions]
        if missing := [name for name in own if name not in models]:
            raise FoldlineError(
                f"{FILE}: members: there are no models of {listing(missing)}, but of "
                f"{listing(models)}.\n{REMEDY}"
            )
        return {name: models[name] for name in own}

    def predict(
        self, rows: pd.DataFrame, task: str, predict: PredictModel = predict_model
    ) -> np.ndarray:
        """Return the combined prediction of new rows by the members' models: (n, c) or (n,).

        Raises:
            FoldlineError: if a member is another experiment, whose models are not here.
        """
        if self.revisions:
            raise FoldlineError(
                f"{listing(self.revisions)}: only the predictions of other experiments are here, "
                "not their models, so the ensemble cannot predict new texts. Predict with one "
                f"member: --model {(list(self.list_models()) or [MODEL.name])[0]}"
            )
        return self.shift(self.combine(self.predict_members(rows, predict), rows, task), task)

    def predict_members(
        self, rows: pd.DataFrame, predict: PredictModel = predict_model
    ) -> dict[str, np.ndarray]:
        """Return each member's prediction of new rows by its models: (n, c) or (n,)."""
        models, augmentations = self.list_models(), read_augmentations()
        return {
            name: predict_member(own, rows, predict, augmentations.get(name))
            for name, own in models.items()
        }

    def read_revisions(
        self, labels: Labels, table: schemas.Table, rows: pd.DataFrame
    ) -> dict[str, np.ndarray]:
        """Return the predictions of rows by the members that are other experiments."""
        return {
            name: labels.predictions(read_revision(name, commit, table, rows["id"].tolist()))
            for name, commit in self.revisions.items()
        }

    def combine(self, members: dict[str, np.ndarray], rows: pd.DataFrame, task: str) -> np.ndarray:
        """Return the final prediction of rows by all members: (n, c) or (n,).

        Raises:
            FoldlineError: if a state does not fit the members' predictions.
        """
        # Test rows have the shares of the training rows: see `shift` for new rows.
        combined = self.combine_uncalibrated(members, rows, task)
        if self.calibration is None:
            return combined
        try:
            apply = CALIBRATORS[self.calibration.method].apply
            return apply(self.calibration.state, combined, task)
        except StateError as error:
            raise FoldlineError(f"{FILE}: calibration.{error}\n{REMEDY}") from None

    def combine_uncalibrated(
        self, members: Mapping[str, np.ndarray], rows: pd.DataFrame, task: str
    ) -> np.ndarray:
        """Return the combined prediction of rows before calibration: (n, c) or (n,).

        Raises:
            FoldlineError: if the state does not fit the members' predictions.
        """
        own, method = {name: members[name] for name in self.members}, METHODS[self.method]
        context = Context(surface=describe_texts(rows) if method.reads_texts else None)
        try:
            combined = method.combine(self.state, own, task, context)
        except StateError as error:
            raise FoldlineError(f"{FILE}: {error}\n{REMEDY}") from None
        return self._reweight("weights", combined, task)

    def shift(self, final: np.ndarray, task: str) -> np.ndarray:
        """Return final predictions of new rows, adapted to the shares of classes among them.

        They stay as they are where no other shares than those of the training are established.
        """
        return self._reweight("shift", final, task)

    def _reweight(self, key: str, values: np.ndarray, task: str) -> np.ndarray:
        weights = getattr(self.prior, key) if self.prior else []
        if not weights:
            return values
        if len(weights) != values.shape[1]:
            raise FoldlineError(
                f"{FILE}: prior.{key}: must be {values.shape[1]} numbers, one for each class "
                f"(found {len(weights)})\n{REMEDY}"
            )
        return reweight(values, weights, task)

    def set_thresholds(self, labels: Labels) -> Labels:
        """Return labels that are decided by the thresholds or costs of the ensemble.

        Raises:
            FoldlineError: if there are as many as other classes have.
        """
        c = len(labels.classes)
        width = 2 if labels.task == "multilabel" else c
        if self.costs and [len(row) for row in self.costs] != [width] * c:
            raise FoldlineError(
                f"{FILE}: costs: must be {c} lists of {width} numbers, one for each class\n{REMEDY}"
            )
        if self.thresholds and len(self.thresholds) != len(labels.classes):
            raise FoldlineError(
                f"{FILE}: thresholds: must be {len(labels.classes)} numbers, one for each class "
                f"(found {len(self.thresholds)})\n{REMEDY}"
            )
        costs = tuple(map(tuple, self.costs))
        return replace(labels, thresholds=tuple(self.thresholds), costs=costs)

    def save(self, path: Path = FILE) -> None:
        """Write all fields as JSON, those that are fitted on demand only if there are any."""
        optional = {"calibration", "thresholds", "costs", "prior"}
        write_json(path, {k: v for k, v in asdict(self).items() if v or k not in optional})

    @classmethod
    def load(cls, path: Path = FILE) -> "Ensemble":
        """Read what `save` wrote.

        Raises:
            FoldlineError: naming the key that was changed since, what was found and is allowed.
        """
        ensemble: Ensemble = read_record(path, cls, REMEDY)
        types = {"state": _make_type(METHODS[ensemble.method].state)}
        if ensemble.calibration:
            state = _make_type(CALIBRATORS[ensemble.calibration.method].state)
            types["calibration"] = _make_type({"state": state})
        read_record(path, _make_type(types), REMEDY)
        try:
            check_state(ensemble.state, ensemble.members)
        except StateError as error:
            raise FoldlineError(f"{path}: {error}\n{REMEDY}") from None
        return ensemble


def _make_type(types: Mapping[str, Any]) -> Any:
    """Return the type of a mapping with values of these types."""
    fields: Any = {key: (kind, ...) for key, kind in types.items()}
    return create_model("Mapping", **fields)


def describe_texts(rows: pd.DataFrame) -> np.ndarray:
    """Return surface features (n, f) of the texts of rows; those of a pair are joined."""
    pairs = zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
    return surface_features([f"{text} {pair}" if pair else text for text, pair in pairs])
