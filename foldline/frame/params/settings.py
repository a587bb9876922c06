"""The whole of params.yaml, and the rules between its sections."""

from typing import Self

from pydantic import model_validator

from foldline.frame import checks
from foldline.frame.params.balance import Augment
from foldline.frame.params.base import KINDS
from foldline.frame.params.data import Data, Prepare, Split
from foldline.frame.params.kinds import NEEDED, check_kind
from foldline.frame.params.models import Ensemble, Evaluate, Kfold, Predict, Recipe, Runner


class Settings(Recipe):
    """The whole of params.yaml."""

    data: Data
    prepare: Prepare
    split: Split
    augment: Augment
    kfold: Kfold
    ensemble: Ensemble
    evaluate: Evaluate
    predict: Predict
    runner: Runner

    @model_validator(mode="after")
    def _known_model(self) -> Self:
        checks.known_model(self.model, KINDS)
        sections = {name: getattr(self, name) for name, _, _ in NEEDED.values()}
        check_kind(self.model, self.task, self.tfidf.head, sections)
        return self

    @model_validator(mode="after")
    def _somebody_votes(self) -> Self:
        members = self.ensemble.members
        if "folds" in members and not self.kfold.keep_models:
            raise ValueError(
                "ensemble.members: 'folds' cannot vote, as kfold.keep_models is false; take it "
                "out of the list, or keep the models"
            )
        if self.model == "tfidf" and members == ["tfidf"]:
            raise ValueError(
                "ensemble.members: with model=tfidf name 'train' or 'folds': they are TF-IDF"
            )
        return self

    @model_validator(mode="after")
    def _split_needs_a_column(self) -> Self:
        needed = {"time": "time", "grouped": "group"}.get(self.split.method)
        if needed and getattr(self.data, needed) is None:
            raise ValueError(
                f"split.method: {self.split.method} needs the column that data.{needed} names, "
                "which is null"
            )
        return self

    @model_validator(mode="after")
    def _balance_suits_the_task(self) -> Self:
        if self.task == "regression":
            self.augment.check_numbers()
        return self

    @model_validator(mode="after")
    def _numbers_and_classes(self) -> Self:
        aggregate = self.data.annotations.aggregate
        if self.task == "regression" and aggregate in ("majority", "soft"):
            raise ValueError(
                f"data.annotations.aggregate: {aggregate} needs classes; use mean for regression"
            )
        if self.task != "regression" and aggregate == "mean":
            raise ValueError(
                "data.annotations.aggregate: mean needs task=regression; use majority or soft"
            )
        if self.task != "regression" and self.target.transform != "none":
            raise ValueError("target.transform: needs numbers; set it to none for classification")
        return self
