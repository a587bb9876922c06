"""Fit the weights of an ensemble to out-of-fold predictions."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from foldline.core import params
from foldline.core.errors import FoldlineError
from foldline.core.io.labels import MAIN, Labels
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.members import out_of_fold_name
from foldline.ensembling.voting import METHODS, combine_out_of_fold, fit_weights
from foldline.metrics.registry import measure


def fit_ensemble(
    out_of_fold: pd.DataFrame, options: params.Ensemble, labels: Labels
) -> tuple[Ensemble, dict[str, float]]:
    """Fit the weights to out-of-fold predictions.

    Return the ensemble, and the main metric by voter and by method of combining them.

    Raises:
        FoldlineError: if no member of `options` has out-of-fold predictions.
    """
    members = _select_members(options.members, set(out_of_fold["member"]))
    voters = list(dict.fromkeys(map(out_of_fold_name, members)))
    rows = out_of_fold[out_of_fold["member"] == voters[0]]
    target, folds = labels.encode(rows["label"]), rows["fold"].to_numpy()
    predictions = {}
    for voter in voters:
        own = out_of_fold[out_of_fold["member"] == voter].set_index("id")
        predictions[voter] = labels.predictions(own.loc[rows["id"].tolist()])
    weights = fit_weights(predictions, target)
    models = {name: len(np.unique(folds)) if name == "folds" else 1 for name in members}
    combined = {name: combine_out_of_fold(name, predictions, target, folds) for name in METHODS}
    metric = MAIN[labels.task]
    scores = {
        name: measure(labels.task, target, values, names=[metric])[metric]
        for name, values in (predictions | combined).items()
    }
    return Ensemble(options.method, models, weights), scores


def describe_better_voter(ensemble: Ensemble, scores: dict[str, float], metric: str) -> str | None:
    """Return a note where one voter alone scores higher out of fold than the vote, else None."""
    method = ensemble.method
    voters = {name: scores[name] for name in ensemble.weights}
    best = max(voters, key=lambda name: voters[name])
    if len(voters) < 2 or voters[best] <= scores[method]:
        return None
    members = ",".join(name for name in ensemble.models if out_of_fold_name(name) == best)
    return (
        f"'{best}' alone is better out of fold ({metric} {voters[best]:.4f}) than the {method} "
        f"vote ({scores[method]:.4f}). To take it alone: "
        f"dvc exp run -S 'ensemble.members=[{members}]'"
    )


def _select_members(members: Sequence[str], available: set[str]) -> list[str]:
    """Return the members with out-of-fold predictions: a model that is TF-IDF votes only once."""
    selected = [name for name in members if out_of_fold_name(name) in available]
    if not selected:
        raise FoldlineError(
            f"ensemble.members={members}: the model is TF-IDF itself; name 'model' or 'folds'"
        )
    return selected
