"""Decide how the members vote, by their out-of-fold predictions alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core import params as types
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import write_metrics
from foldline.core.io.labels import MAIN, Labels
from foldline.core.stage import run, say
from foldline.ensembling.members import Ensemble, out_of_fold_member
from foldline.ensembling.voting import VOTES, fit_weights, out_of_fold
from foldline.metrics.registry import measure


class Params(types.Section):
    ensemble: types.Ensemble


def main(params: Params) -> None:
    labels = Labels.load()
    table = schemas.OUT_OF_FOLD.read()
    members = _members(params.ensemble.members, set(table["member"]))
    families = list(dict.fromkeys(members.values()))
    first = table[table["member"] == families[0]]
    target, folds = labels.encode(first["label"]), first["fold"].to_numpy()
    predictions = _aligned(table, families, first, labels)
    weights = fit_weights(predictions, target)
    models = {name: len(np.unique(folds)) if name == "folds" else 1 for name in members}
    Ensemble(params.ensemble.method, models, weights).save()
    main_metric = MAIN[labels.task]
    combined = {name: out_of_fold(name, predictions, target, folds) for name in VOTES}
    scores = {
        name: measure(labels.task, target, values, names=[main_metric])[main_metric]
        for name, values in (predictions | combined).items()
    }
    write_metrics(Path("metrics/ensemble.json"), {"out_of_fold": scores, "weight": weights})
    chosen = params.ensemble.method
    say(f"{chosen} vote of {', '.join(members)}: {main_metric} {scores[chosen]:.4f} out of fold")


def _members(wanted: Sequence[str], there: set[str]) -> dict[str, str]:
    """Give each member's family; where the model is TF-IDF itself it does not vote twice."""
    members = {name: out_of_fold_member(name) for name in wanted}
    members = {name: own for name, own in members.items() if own in there}
    if not members:
        raise FoldlineError(
            f"ensemble.members={wanted}: the model is TF-IDF itself; name 'model' or 'folds'"
        )
    return members


def _aligned(
    table: pd.DataFrame, families: list[str], first: pd.DataFrame, labels: Labels
) -> dict[str, np.ndarray]:
    """Give each family's predictions in the order of the first one's rows."""
    found = {}
    for family in families:
        own = table[table["member"] == family].set_index("id").loc[first["id"].tolist()]
        found[family] = labels.predictions(own)
    return found


if __name__ == "__main__":
    run(main, Params)
