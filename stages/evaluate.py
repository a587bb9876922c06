"""Open the test set, once everything is decided, and score the final predictions."""

from functools import partial
from pathlib import Path

import pandas as pd

from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.components import Component
from foldline.core.io.files import read_json, write_metrics
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.stage import run, say
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.members import read_validation_predictions
from foldline.evaluation.plots import write_plots
from foldline.evaluation.probability_report import (
    format_probability_report,
    make_probability_report,
)
from foldline.evaluation.report import format_summary, make_details, select_headline_metrics
from foldline.evaluation.scores import (
    make_evaluation_set,
    make_out_of_fold_set,
    score_parts,
)

NO_TEST = (
    "note: there are no test rows, so no score is called test: out-of-fold scores are of all "
    "training and validation rows, each predicted by models that have not seen it"
)
AGREEMENT = Path("reports/agreement.json")


class Params(types.Section):
    seed: int
    evaluate: types.Evaluate
    components: types.Components


def main(params: Params) -> None:
    ensemble = Ensemble.load()
    labels = ensemble.set_thresholds(Labels.load())
    read_revisions = partial(ensemble.read_revisions, labels)
    folds = schemas.OUT_OF_FOLD.read()
    train, valid, test = schemas.TRAIN.read(), schemas.VALID.read(), schemas.TEST.read()
    # `split` leaves out of the folds the rows of valid that are in test, too.
    in_folds = set(folds["id"])
    train, valid = (rows[rows["id"].isin(in_folds)] for rows in (train, valid))
    parts = {
        "test": make_evaluation_set(
            test,
            labels,
            ensemble,
            ensemble.predict_members(test) | read_revisions(schemas.TEST_PREDICTIONS, test),
        ),
        "valid": make_evaluation_set(
            valid,
            labels,
            ensemble,
            read_validation_predictions(
                valid["id"].tolist(),
                list(ensemble.list_models()),
                schemas.VALID_PREDICTIONS.read(),
                folds,
                labels,
            )
            | read_revisions(schemas.ENSEMBLE_OUT_OF_FOLD, valid),
        ),
    }
    final, judged = "test", test
    if test.empty:
        final, judged = "out_of_fold", pd.concat([train, valid], ignore_index=True)
        parts[final] = make_out_of_fold_set(judged, labels, ensemble, folds, params.seed)
        say(NO_TEST)
    options, seed = params.evaluate, derive_seed(params.seed, "evaluate")
    own_metrics = [Component(name, "metric", params.components) for name in options.own_metrics]
    scores = score_parts(parts, options, seed, own_metrics)
    write_plots(parts[final], judged["label"].tolist(), options.level)
    probabilities = make_probability_report(
        ensemble,
        labels,
        (folds, pd.concat([train, valid], ignore_index=True)),
        (test, parts["test"].members),
        options,
        params.seed,
    )
    table = labels.table(parts["test"].final).assign(id=test["id"], label=test["label"])
    schemas.TEST_PREDICTIONS.write(table)
    ceiling = read_json(AGREEMENT).get("ceiling", {})
    schemas.write_report(
        schemas.EVALUATE_REPORT, make_details(scores, final, ceiling) | probabilities
    )
    metrics = select_headline_metrics(labels.task, scores, final)
    write_metrics(Path("metrics/evaluate.json"), metrics)
    level, classes = params.evaluate.level, labels.classes
    # Without test rows, published scores are often those of the official validation rows.
    for part in [final, *(["valid"] if test.empty and "valid" in scores else [])]:
        for line in format_summary(labels.task, scores, part, level, ceiling, classes):
            say(line)
    for line in format_probability_report(probabilities, final):
        say(line)


if __name__ == "__main__":
    run(main, Params)
