"""Decide how the members vote, by their out-of-fold predictions alone."""

from pathlib import Path

from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.stage import run, say
from foldline.ensembling.ensemble_fit import describe_better_voter, fit_ensemble


class Params(types.Section):
    ensemble: types.Ensemble


def main(params: Params) -> None:
    labels = Labels.load()
    ensemble, scores = fit_ensemble(schemas.OUT_OF_FOLD.read(), params.ensemble, labels)
    ensemble.save()
    write_stage_metrics("ensemble", "out_of_fold", scores)
    report = {"out_of_fold": scores, "weight": ensemble.weights}
    write_json(Path("reports/ensemble.json"), report)
    method, members = ensemble.method, ", ".join(ensemble.models)
    metric = MAIN[labels.task]
    if note := describe_better_voter(ensemble, scores, metric):
        say(f"note: {note}")
    say(f"{method} vote of {members}: {metric} {scores[method]:.4f} out of fold")


if __name__ == "__main__":
    run(main, Params)
