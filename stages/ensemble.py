"""Combine the members by a method that is fitted to their out-of-fold predictions alone."""

import pandas as pd

from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.stage import run, say
from foldline.ensembling.costs import make_costs
from foldline.ensembling.ensemble_fit import (
    describe_equal_members,
    fit_ensemble,
    read_out_of_fold,
    select_members,
)
from foldline.ensembling.ensemble_report import (
    describe_missing_gain,
    format_report,
    make_report,
    select_metrics,
)
from foldline.ensembling.label_shift import describe_missing_shift, fit_shift
from foldline.ensembling.priors import NONE, PREDICT
from foldline.ensembling.revisions import resolve_revisions


class Params(types.Section):
    seed: int
    ensemble: types.Ensemble
    evaluate: types.Evaluate


def main(params: Params) -> None:
    labels, table = Labels.load(), schemas.OUT_OF_FOLD.read()
    rows = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()], ignore_index=True)
    rows = rows[rows["id"].isin(set(table["id"]))]
    members = select_members(list(params.ensemble.members), set(table["member"]))
    revisions = resolve_revisions(members, schemas.FOLDS.read(), labels)
    own, prior = params.ensemble, params.ensemble.prior
    out_of_fold = read_out_of_fold(
        table, rows, members, labels, params.seed, revisions, adapts=prior != NONE
    )
    method, calibration, costs = own.method, own.calibration, make_costs(own.costs or {}, labels)
    ensemble = fit_ensemble(method, out_of_fold, revisions, calibration, own.threshold, costs)
    final = out_of_fold.combine(method, calibration)
    if prior == PREDICT:
        unlabelled = schemas.UNLABELLED.read()
        ensemble = fit_shift(ensemble, out_of_fold, unlabelled, labels, params.evaluate.level)
    ensemble.save()
    combined = labels.table(final)
    if ensemble.thresholds or ensemble.costs:
        combined["predicted"] = labels.name(out_of_fold.decide(final, ensemble.costs))
    combined = combined.assign(id=rows["id"].to_numpy(), label=rows["label"].to_numpy())
    schemas.ENSEMBLE_OUT_OF_FOLD.write(combined.assign(fold=out_of_fold.folds))
    options, seed = params.evaluate, derive_seed(params.seed, "ensemble")
    report = make_report(ensemble, out_of_fold, options.resamples, options.level, seed)
    schemas.write_report(schemas.ENSEMBLE_REPORT, report)
    write_stage_metrics("ensemble", "out_of_fold", select_metrics(report))
    for line in format_report(report):
        say(line)
    notes = [
        describe_missing_shift(prior, ensemble),
        describe_missing_gain(ensemble, report),
        describe_equal_members(params.ensemble.members, members),
    ]
    for note in filter(None, notes):
        say(f"note: {note}")


if __name__ == "__main__":
    run(main, Params)
