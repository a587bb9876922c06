"""Parts of the data with their targets and predictions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.ensembling.baselines import predict_baselines
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold, read_out_of_fold
from foldline.ensembling.members import read_predictions, read_validation_predictions
from foldline.evaluation.bounds import Bound
from foldline.evaluation.external import Answers
from foldline.evaluation.ledger import OPEN
from foldline.metrics.resampling import encode_groups

NO_TEST = (
    "note: there are no test rows, so no score is called test: out-of-fold scores are of all "
    "training and validation rows, each predicted by models that have not seen it"
)

CLOSED = (
    "note: the test set is closed (evaluate.test: on_request): scores are of all training and "
    f"validation rows, each predicted by models that have not seen it. {OPEN} opens it"
)


@dataclass(frozen=True)
class EvaluationSet:
    """Targets and predictions of a part; rows of one of the `groups` (codes) are not independent.

    `decided` are the predicted codes where an ensemble has thresholds, else None.
    `external` are the answers of other systems or people, `bounds` no contestants.
    """

    labels: Labels
    target: np.ndarray
    groups: np.ndarray
    final: np.ndarray
    members: Mapping[str, np.ndarray]
    baselines: Mapping[str, np.ndarray]
    decided: np.ndarray | None = None
    external: Mapping[str, Answers] = field(default_factory=dict)
    bounds: Mapping[str, Bound] = field(default_factory=dict)

    def decide(self) -> np.ndarray:
        """Return the predicted codes (n,), for multilabel 0 and 1 (n, c), or the numbers (n,)."""
        if self.labels.task == "regression":
            return self.final
        return self.labels.decide(self.final) if self.decided is None else self.decided


def make_evaluation_set(
    rows: pd.DataFrame, labels: Labels, ensemble: Ensemble, members: dict[str, np.ndarray]
) -> EvaluationSet:
    """Return rows with the predictions of the ensemble, its members and the baselines."""
    final = ensemble.combine(members, rows, labels.task)
    return EvaluationSet(
        labels=labels,
        target=labels.encode(rows["label"]),
        groups=encode_groups(rows["group"].tolist()),
        final=final,
        decided=labels.decide(final) if labels.has_own_decisions else None,
        members=members,
        baselines=predict_baselines(rows),
    )


def read_own_predictions(
    ensemble: Ensemble, labels: Labels, rows: pd.DataFrame, table: pd.DataFrame, seed: int
) -> OutOfFold:
    """Return the out-of-fold predictions of the ensemble's members, to be combined as it does."""
    return read_out_of_fold(
        table,
        rows,
        ensemble.members,
        labels,
        seed,
        ensemble.revisions,
        adapts=ensemble.prior is not None,
        methods=[ensemble.method],
    )


def make_out_of_fold_set(
    rows: pd.DataFrame, labels: Labels, ensemble: Ensemble, table: pd.DataFrame, own: OutOfFold
) -> EvaluationSet:
    """Return training and validation rows with their out-of-fold predictions.

    Each fold is combined by what was fitted to the other folds. Members that do not vote are the
    baselines.
    """
    others = sorted(set(table["member"]) - set(ensemble.members))
    ids = rows["id"].tolist()
    final = own.combine(ensemble.method, ensemble.calibration_method)
    return EvaluationSet(
        labels=labels,
        target=own.target,
        groups=encode_groups(own.groups),
        final=final,
        decided=own.decide(final, labels.costs) if labels.has_own_decisions else None,
        members=own.predictions,
        baselines={
            name: labels.predictions(read_predictions(schemas.OUT_OF_FOLD, table, name, ids))
            for name in others
        },
    )


def select_rows(
    train: pd.DataFrame, valid: pd.DataFrame, test: pd.DataFrame, folds: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return the rows of each part; `out_of_fold` are those of train and valid in the folds.

    `split` leaves out of the folds the rows of valid that are in test, too.
    """
    in_folds = set(folds["id"])
    learnt = [rows[rows["id"].isin(in_folds)] for rows in (train, valid)]
    out_of_fold = pd.concat(learnt, ignore_index=True)
    return {"test": test, "valid": learnt[1], "out_of_fold": out_of_fold}


def make_parts(
    labels: Labels,
    ensemble: Ensemble,
    rows: dict[str, pd.DataFrame],
    valid_predictions: pd.DataFrame,
    folds: pd.DataFrame,
    own: OutOfFold,
) -> dict[str, EvaluationSet]:
    """Return test and valid with their predictions; out-of-fold rows where there is no test.

    `own` are the out-of-fold predictions of the ensemble's members.
    """
    test, valid = rows["test"], rows["valid"]
    ids = valid["id"].tolist()
    members = list(ensemble.list_models())
    predictions = {
        "test": ensemble.predict_members(test),
        "valid": read_validation_predictions(ids, members, valid_predictions, folds, labels),
    }
    tables = {"test": schemas.TEST_PREDICTIONS, "valid": schemas.ENSEMBLE_OUT_OF_FOLD}
    for name, table in tables.items():
        predictions[name] |= ensemble.read_revisions(labels, table, rows[name])
    parts = {
        name: make_evaluation_set(rows[name], labels, ensemble, values)
        for name, values in predictions.items()
    }
    if test.empty:
        known = rows["out_of_fold"]
        parts["out_of_fold"] = make_out_of_fold_set(known, labels, ensemble, folds, own)
    return parts
