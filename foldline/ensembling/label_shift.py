"""The shares of classes among the rows of data.predict, by the ensemble's predictions of them."""

from dataclasses import replace

import numpy as np
import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold
from foldline.ensembling.priors import PREDICT, Prior, Shift, estimate_shift


def predict_unlabelled(ensemble: Ensemble, rows: pd.DataFrame, labels: Labels) -> np.ndarray:
    """Return the predictions of rows without labels, not yet adapted to their shares of classes."""
    others = ensemble.read_revisions(labels, schemas.UNLABELLED_PREDICTIONS, rows)
    return ensemble.combine(ensemble.predict_members(rows) | others, rows, labels.task)


def group_equal_texts(rows: pd.DataFrame) -> np.ndarray:
    """Return the groups (n,) of rows without labels: equal texts are not independent."""
    return pd.factorize(rows["text"] + "\0" + rows["text_pair"])[0]


def find_shift(
    own: OutOfFold, final: np.ndarray, rows: pd.DataFrame, predicted: np.ndarray, level: float
) -> Shift:
    """Return the shares of classes among rows without labels, by their predictions.

    `final` are the final out-of-fold predictions, which both are compared with.
    """
    known, new = (final, own.target, own.groups), (predicted, group_equal_texts(rows))
    return estimate_shift(known, new, own.task, level)


def fit_shift(
    ensemble: Ensemble, own: OutOfFold, rows: pd.DataFrame, labels: Labels, level: float
) -> Ensemble:
    """Return the ensemble that adapts new rows to the shares of classes in rows without labels.

    Without rows, or where no other shares than those of training are established, as it was.
    """
    if rows.empty or ensemble.prior is None:
        return ensemble
    final = own.combine(ensemble.method, ensemble.calibration_method)
    shift = find_shift(own, final, rows, predict_unlabelled(ensemble, rows, labels), level)
    weights = shift.weights.tolist() if shift.established.any() else []
    return replace(ensemble, prior=Prior(ensemble.prior.weights, weights))


def describe_missing_shift(prior: str, ensemble: Ensemble) -> str | None:
    """Return a note where new rows keep the shares of the training rows, although asked for."""
    if prior != PREDICT or (ensemble.prior and ensemble.prior.shift):
        return None
    return (
        "ensemble.prior=predict changes nothing: no other shares of classes than those of the "
        "training rows are established among the rows of data.predict (prior_shift in "
        "reports/evaluation.json)"
    )
