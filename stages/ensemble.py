"""Decide how the members vote, by their out-of-fold predictions alone."""

from pathlib import Path

from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.stage import run, say
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import describe_better_voter, fit_ensemble


class Params(types.Section):
    ensemble: types.Ensemble


def main(params: Params) -> None:
    labels, method = Labels.load(), params.ensemble.method
    voters = list(params.ensemble.members)
    weights, scores = fit_ensemble(schemas.OUT_OF_FOLD.read(), voters, method, labels)
    Ensemble(method, weights).save()
    write_stage_metrics("ensemble", "out_of_fold", scores)
    write_json(Path("reports/ensemble.json"), {"out_of_fold": scores, "weight": weights})
    metric = MAIN[labels.task]
    if note := describe_better_voter(weights, method, scores, metric):
        say(f"note: {note}")
    say(f"{method} vote of {', '.join(weights)}: {metric} {scores[method]:.4f} out of fold")


if __name__ == "__main__":
    run(main, Params)
