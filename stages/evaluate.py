"""Open the test set, once everything is decided, and score the final predictions."""

from dataclasses import replace
from pathlib import Path

from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.components import Component
from foldline.core.io.files import read_json, write_metrics
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.stage import run, say
from foldline.ensembling.ensemble import Ensemble
from foldline.evaluation.bounds import make_bounds
from foldline.evaluation.comparison import compare_with_others, get_decisions, write_comparison
from foldline.evaluation.external import read_answers
from foldline.evaluation.findings import Judged, format_findings, make_findings
from foldline.evaluation.ledger import ON_REQUEST
from foldline.evaluation.parts import (
    CLOSED,
    NO_TEST,
    make_parts,
    read_own_predictions,
    select_rows,
)
from foldline.evaluation.plots import write_plots
from foldline.evaluation.report import format_scores, make_details, select_headline_metrics
from foldline.evaluation.scores import score_parts
from foldline.evaluation.slice_features import find_conditions
from foldline.report.command import write_report

AGREEMENT = Path("reports/agreement.json")


class Params(types.Section):
    seed: int
    evaluate: types.Evaluate
    components: types.Components


def read_judged(options: types.Evaluate, seed: int) -> Judged:
    """Read all rows and predictions; the test rows stay unread where the test set is closed."""
    ensemble, folds = Ensemble.load(), schemas.OUT_OF_FOLD.read()
    labels = ensemble.set_thresholds(Labels.load())
    train, valid, is_closed = schemas.TRAIN.read(), schemas.VALID.read(), options.test == ON_REQUEST
    test = train.iloc[:0] if is_closed else schemas.TEST.read()
    rows = select_rows(train, valid, test, folds)
    own = read_own_predictions(ensemble, labels, rows["out_of_fold"], folds, seed)
    parts = make_parts(labels, ensemble, rows, schemas.VALID_PREDICTIONS.read(), folds, own)
    final = "out_of_fold" if "out_of_fold" in parts else "test"
    if test.empty:
        say(CLOSED if is_closed else NO_TEST)
    prepared = None if test.empty else schemas.PREPARED.read()
    external = read_answers(options.external, labels, rows[final])
    bounds = make_bounds(labels, rows, final, get_decisions(parts[final]), prepared)
    parts[final] = replace(parts[final], external=external, bounds=bounds)
    rows["predict"] = schemas.UNLABELLED.read()
    return Judged(labels, ensemble, rows, parts, final, folds, own)


def main(params: Params) -> None:
    options, seed = params.evaluate, derive_seed(params.seed, "evaluate")
    judged = read_judged(options, params.seed)
    labels, rows, final = judged.labels, judged.rows, judged.final
    part, test = judged.parts[final], judged.rows["test"]
    own_metrics = [Component(name, "metric", params.components) for name in options.own_metrics]
    scores = score_parts(judged.parts, options, seed, own_metrics)
    if final in scores:
        scores[final]["comparisons"] = compare_with_others(part, options, seed)
    columns = schemas.SLICE_COLUMNS.read()
    conditions = find_conditions(rows, final, judged.folds, columns, labels, options.slices)
    findings = make_findings(judged, conditions, options, params.components, params.seed)
    table = labels.table(judged.parts["test"].final).assign(id=test["id"], label=test["label"])
    schemas.TEST_PREDICTIONS.write(table)
    write_plots(part, rows[final]["label"].tolist(), options.level)
    ceiling = read_json(AGREEMENT).get("ceiling", {})
    schemas.write_report(schemas.EVALUATE_REPORT, make_details(scores, final, ceiling) | findings)
    metrics = select_headline_metrics(labels.task, scores, final)
    write_metrics(Path("metrics/evaluate.json"), metrics)
    lines = format_scores(labels, scores, final, options.level, ceiling)
    lines += format_findings(findings, final)
    if final in scores:
        written = schemas.TEST_PREDICTIONS if final == "test" else schemas.ENSEMBLE_OUT_OF_FOLD
        lines += write_comparison(
            part, rows[final], written, scores[final], options, seed, conditions
        )
    for line in lines:
        say(line)
    write_report()


if __name__ == "__main__":
    run(main, Params)
