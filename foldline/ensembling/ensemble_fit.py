"""Fit an ensemble to out-of-fold predictions, and cross-fit every method on them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import listing
from foldline.core.io import schemas
from foldline.core.io.labels import Labels, decide
from foldline.core.params.members import MODEL, is_revision
from foldline.ensembling.calibrators import NONE, calibrate_out_of_fold, fit_calibrator
from foldline.ensembling.costs import Costs
from foldline.ensembling.ensemble import Calibration, Ensemble, describe_texts
from foldline.ensembling.members import read_predictions
from foldline.ensembling.methods.interface import Context
from foldline.ensembling.methods.registry import METHODS, combine_out_of_fold
from foldline.ensembling.priors import Prior, adapt_out_of_fold, fit_weights
from foldline.ensembling.revisions import read_revision
from foldline.ensembling.thresholds import COST, F1, decide_out_of_fold, fit_thresholds


@dataclass(frozen=True)
class OutOfFold:
    """Members' out-of-fold predictions, with targets and duplicate groups of their rows."""

    task: str
    target: np.ndarray
    groups: np.ndarray
    predictions: dict[str, np.ndarray]
    context: Context
    adapts: bool = False
    _combined: dict[tuple[str, str], np.ndarray] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def folds(self) -> np.ndarray:
        """Return the folds (n,) of the rows."""
        assert self.context.folds is not None, "out-of-fold rows have folds"
        return self.context.folds

    def combine(self, method: str, calibration: str = NONE) -> np.ndarray:
        """Return combined predictions, each fold by what was fitted to the other folds.

        `adapts` says whether they are adapted to the shares of classes, before calibration. What
        was combined before is returned again: it must not be changed.
        """
        key = (method, calibration)
        if key not in self._combined:
            self._combined[key] = self._combine(method, calibration)
        return self._combined[key]

    def _combine(self, method: str, calibration: str) -> np.ndarray:
        task, target = self.task, self.target
        if calibration != NONE:
            before = self.combine(method)
            return calibrate_out_of_fold(calibration, before, target, task, self.folds)
        combined = combine_out_of_fold(method, self.predictions, target, task, self.context)
        if self.adapts:
            return adapt_out_of_fold(combined, target, task, self.folds)
        return combined

    def decide(self, final: np.ndarray, costs: Sequence[Sequence[float]] = ()) -> np.ndarray:
        """Return decisions on final predictions by costs, or by thresholds.

        Thresholds are fitted: each fold is decided by those of the other folds.
        """
        if costs:
            return decide(self.task, final, costs=costs)
        return decide_out_of_fold(final, self.target, self.task, self.folds)

    def share(self, ensemble: Ensemble) -> dict[str, float]:
        """Return each member's share of the combination; they sum to 1."""
        share = METHODS[ensemble.method].share
        return share(ensemble.state, self.predictions, self.task, self.context)


def read_out_of_fold(
    table: pd.DataFrame,
    rows: pd.DataFrame,
    members: Sequence[str],
    labels: Labels,
    seed: int,
    revisions: Mapping[str, str],
    adapts: bool = False,
    methods: Iterable[str] = METHODS,
) -> OutOfFold:
    """Return members' out-of-fold predictions of rows with texts and groups, in their order.

    `revisions` are the commits of members that are other experiments. `adapts` says whether
    combinations of them are adapted to the shares of classes. `methods` will combine them: texts
    are described only for those that read them.

    Raises:
        FoldlineError: if a member has no prediction of a row.
    """
    ids = rows["id"].tolist()
    tables = {
        name: read_revision(name, revisions[name], schemas.ENSEMBLE_OUT_OF_FOLD, ids)
        if name in revisions
        else read_predictions(schemas.OUT_OF_FOLD, table, name, ids)
        for name in members
    }
    folds = next(iter(tables.values()))["fold"].to_numpy()
    reads_texts = any(METHODS[name].reads_texts for name in methods)
    return OutOfFold(
        task=labels.task,
        target=labels.encode(rows["label"]),
        groups=rows["group"].to_numpy(dtype=str),
        predictions={name: labels.predictions(own) for name, own in tables.items()},
        context=Context(seed, folds, describe_texts(rows) if reads_texts else None),
        adapts=adapts,
    )


def fit_ensemble(
    method: str,
    out_of_fold: OutOfFold,
    revisions: Mapping[str, str] | None = None,
    calibration: str = NONE,
    threshold: str = NONE,
    costs: Costs = (),
) -> Ensemble:
    """Return the ensemble of all members, fitted to all out-of-fold predictions.

    Weights of classes, calibration and thresholds are fitted to rows that were combined, adapted
    and calibrated by what was fitted to other folds. The threshold `cost` decides by `costs`.
    """
    members, task, target = out_of_fold.predictions, out_of_fold.task, out_of_fold.target
    state = METHODS[method].fit(members, target, task, out_of_fold.context)
    fitted = None
    if calibration != NONE:
        combined = out_of_fold.combine(method)
        fitted = Calibration(calibration, fit_calibrator(calibration, combined, target, task))
    thresholds = []
    if threshold == F1:
        thresholds = fit_thresholds(out_of_fold.combine(method, calibration), target, task)
    prior = None
    if out_of_fold.adapts:
        plain = replace(out_of_fold, adapts=False).combine(method)
        prior = Prior(fit_weights(plain, target, task), [])
    own_costs = [list(row) for row in costs] if threshold == COST else []
    return Ensemble(
        method, list(members), state, dict(revisions or {}), fitted, thresholds, own_costs, prior
    )


def select_members(members: Sequence[str], available: set[str]) -> list[str]:
    """Return the members with predictions: a recipe that equals an earlier one counts only once."""
    names = [name for name in members if name in available or is_revision(name)]
    # The recipe of params.yaml comes first, whether or not it is to vote.
    return names or [MODEL]


def describe_equal_members(members: Mapping[str, Any], selected: Sequence[str]) -> str | None:
    """Return a note on members with changes that were left out as equal to others, or None."""
    equal = [name for name, changes in members.items() if changes and name not in selected]
    if not equal:
        return None
    return (
        f"{listing(equal)}: the same recipe as another member or as params.yaml itself, so it "
        "counts once"
    )
