"""Fit an ensemble to out-of-fold predictions, and cross-fit every method on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError, listing
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.ensembling.ensemble import Ensemble, describe_texts
from foldline.ensembling.members import out_of_fold_name
from foldline.ensembling.methods.interface import Context
from foldline.ensembling.methods.registry import METHODS, combine_out_of_fold


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions by voter, with targets and duplicate groups of their rows."""

    task: str
    target: np.ndarray
    groups: np.ndarray
    predictions: dict[str, np.ndarray]
    context: Context

    def combine(self, method: str) -> np.ndarray:
        """Return combined predictions, each fold by what was fitted to the other folds."""
        return combine_out_of_fold(method, self.predictions, self.target, self.task, self.context)

    def share(self, ensemble: Ensemble) -> dict[str, float]:
        """Return each voter's share of the combination; they sum to 1."""
        share = METHODS[ensemble.method].share
        return share(ensemble.state, self.predictions, self.task, self.context)


def read_out_of_fold(
    table: pd.DataFrame, rows: pd.DataFrame, voters: Sequence[str], labels: Labels, seed: int
) -> OutOfFold:
    """Return the out-of-fold predictions of rows with texts and groups, in the order of the rows.

    Raises:
        FoldlineError: if a voter has no prediction of a row.
    """
    ids, predictions = rows["id"].tolist(), {}
    for voter in voters:
        own = table[table["member"] == voter].set_index("id")
        missing = [name for name in ids if name not in own.index]
        if missing:
            raise FoldlineError(
                f"{schemas.OUT_OF_FOLD.path}: member {voter} has no prediction of {len(missing)} "
                f"of {len(ids)} rows ({listing(missing, 5)}): {schemas.MAKE_AGAIN}"
            )
        predictions[voter] = labels.predictions(own.loc[ids])
        folds = own.loc[ids, "fold"].to_numpy()
    return OutOfFold(
        task=labels.task,
        target=labels.encode(rows["label"]),
        groups=rows["group"].to_numpy(dtype=str),
        predictions=predictions,
        context=Context(seed, folds, describe_texts(rows)),
    )


def fit_ensemble(method: str, members: Sequence[str], out_of_fold: OutOfFold) -> Ensemble:
    """Return the ensemble of members, fitted to all out-of-fold predictions."""
    n_folds = len(out_of_fold.context.split())
    models = {name: n_folds if name == "folds" else 1 for name in members}
    state = METHODS[method].fit(
        out_of_fold.predictions, out_of_fold.target, out_of_fold.task, out_of_fold.context
    )
    return Ensemble(method, models, state)


def select_members(members: Sequence[str], available: set[str]) -> list[str]:
    """Return the members with out-of-fold predictions: a model that is TF-IDF votes only once.

    Raises:
        FoldlineError: if there are none.
    """
    selected = [name for name in members if out_of_fold_name(name) in available]
    if not selected:
        raise FoldlineError(
            f"ensemble.members={members}: the model is TF-IDF itself; name 'model' or 'folds'"
        )
    return selected
