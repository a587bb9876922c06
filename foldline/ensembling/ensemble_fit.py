"""Fit the weights of an ensemble to out-of-fold predictions."""

from collections.abc import Mapping, Sequence

import pandas as pd

from foldline.core.io import schemas
from foldline.core.io.labels import MAIN, Labels
from foldline.core.params.members import MODEL
from foldline.ensembling.members import read_predictions
from foldline.ensembling.voting import METHODS, combine_out_of_fold, fit_weights
from foldline.metrics.registry import measure


def fit_ensemble(
    out_of_fold: pd.DataFrame, voters: Sequence[str], method: str, labels: Labels
) -> tuple[dict[str, float], dict[str, float]]:
    """Fit the weights to out-of-fold predictions.

    Return the weights, and the main metric by voter and by method of combining them.
    """
    names = select_voters(voters, set(out_of_fold["member"]))
    rows = out_of_fold[out_of_fold["member"] == names[0]]
    target, folds = labels.encode(rows["label"]), rows["fold"].to_numpy()
    ids, table = rows["id"].tolist(), schemas.OUT_OF_FOLD
    predictions = {
        name: labels.predictions(read_predictions(table, out_of_fold, name, ids)) for name in names
    }
    weights = fit_weights(predictions, target)
    combined = {name: combine_out_of_fold(name, predictions, target, folds) for name in METHODS}
    metric = MAIN[labels.task]
    scores = {
        name: measure(labels.task, target, values, names=[metric])[metric]
        for name, values in (predictions | combined).items()
    }
    return weights, scores


def describe_better_voter(
    weights: Mapping[str, float], method: str, scores: Mapping[str, float], metric: str
) -> str | None:
    """Return a note where one voter alone scores higher out of fold than the vote, else None."""
    best = max(weights, key=lambda name: scores[name])
    if len(weights) < 2 or scores[best] <= scores[method]:
        return None
    others = " ".join(f"-S '~ensemble.members.{name}'" for name in weights if name != best)
    return (
        f"'{best}' alone is better out of fold ({metric} {scores[best]:.4f}) than the {method} "
        f"vote ({scores[method]:.4f}). To take it alone: dvc exp run {others}"
    )


def select_voters(voters: Sequence[str], available: set[str]) -> list[str]:
    """Return the voters with predictions: a recipe that equals an earlier one votes only once."""
    names = [name for name in voters if name in available]
    # The recipe of params.yaml comes first, whether or not it is to vote.
    return names or [MODEL]
