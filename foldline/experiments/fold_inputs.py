"""Params and rows of a cross-validation, for commands that train parts of one."""

from dataclasses import dataclass

import pandas as pd

from foldline.core import params as types
from foldline.core.errors import FoldlineError
from foldline.core.io import labels, schemas
from foldline.core.io.labels import Labels
from foldline.core.params.loading import load_params
from foldline.ensembling.cross_validation import make_folds
from foldline.ensembling.folds import Fold
from foldline.models.soft_labels import add_auxiliary_labels, add_soft_labels, add_weights


class FoldParams(types.Recipe):
    """What a cross-validation reads, and where the validation rows come from."""

    data: types.Data
    augment: types.Augment
    kfold: types.Kfold
    members: types.Members
    runner: types.Runner


@dataclass(frozen=True)
class FoldInputs:
    """Params, and the rows as the stages read them."""

    params: FoldParams
    labels: Labels
    train: pd.DataFrame
    valid: pd.DataFrame
    folds: pd.DataFrame
    pretraining_texts: pd.DataFrame

    def make_folds(self) -> list[Fold]:
        """Return the folds of all members, those that `kfold` fits."""
        params = self.params
        rows = pd.concat([self.train, self.valid], ignore_index=True)
        return make_folds(
            rows, self.folds, self.labels, params.members, params.augment, params.kfold,
            self.pretraining_texts,
        )  # fmt: skip


def load_fold_inputs() -> FoldInputs:
    """Read params and the tables of `split`.

    Raises:
        FoldlineError: if a table is missing.
    """
    params = load_params(FoldParams)
    needed = (labels.FILE, schemas.TRAIN.path, schemas.FOLDS.path)
    for path in needed:
        if not path.exists():
            raise FoldlineError(f"{path.as_posix()} is missing: run `dvc repro augment` first")
    own, shares, weights = Labels.load(), schemas.SOFT_LABELS.read(), schemas.WEIGHTS.read()
    auxiliary = schemas.AUXILIARY_LABELS.read()
    train, valid = (
        add_auxiliary_labels(
            add_weights(add_soft_labels(table.read(), shares, own), weights), auxiliary
        )
        for table in (schemas.TRAIN, schemas.VALID)
    )
    texts = schemas.PRETRAINING_TEXTS.read()
    return FoldInputs(params, own, train, valid, schemas.FOLDS.read(), texts)
