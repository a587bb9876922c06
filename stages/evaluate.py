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
from foldline.evaluation.behaviour.report import format_behaviour_report
from foldline.evaluation.behaviour.run import make_behaviour_report
from foldline.evaluation.bounds import make_bounds
from foldline.evaluation.comparison import (
    compare_with_others,
    get_decisions,
    write_comparison,
)
from foldline.evaluation.decision_report import format_decision_report, make_decision_report
from foldline.evaluation.errors import format_errors_report, make_errors_report
from foldline.evaluation.external import read_answers
from foldline.evaluation.ledger import ON_REQUEST
from foldline.evaluation.parts import (
    CLOSED,
    NO_TEST,
    make_parts,
    read_own_predictions,
    select_rows,
)
from foldline.evaluation.plots import write_plots
from foldline.evaluation.probability_report import (
    format_probability_report,
    make_probability_report,
)
from foldline.evaluation.report import format_summary, make_details, select_headline_metrics
from foldline.evaluation.scores import score_parts
from foldline.evaluation.slice_features import find_conditions
from foldline.evaluation.slices import format_slices_report, make_slices_report
from foldline.report.command import write_report

AGREEMENT = Path("reports/agreement.json")


class Params(types.Section):
    seed: int
    evaluate: types.Evaluate
    components: types.Components


def main(params: Params) -> None:
    ensemble, folds = Ensemble.load(), schemas.OUT_OF_FOLD.read()
    labels = ensemble.set_thresholds(Labels.load())
    options, seed = params.evaluate, derive_seed(params.seed, "evaluate")
    train, valid, is_closed = schemas.TRAIN.read(), schemas.VALID.read(), options.test == ON_REQUEST
    test = train.iloc[:0] if is_closed else schemas.TEST.read()
    prepared = None if test.empty else schemas.PREPARED.read()
    rows, unlabelled = select_rows(train, valid, test, folds), schemas.UNLABELLED.read()
    valid_predictions = schemas.VALID_PREDICTIONS.read()
    own = read_own_predictions(ensemble, labels, rows["out_of_fold"], folds, params.seed)
    parts = make_parts(labels, ensemble, rows, valid_predictions, folds, own)
    final = "out_of_fold" if "out_of_fold" in parts else "test"
    if test.empty:
        say(CLOSED if is_closed else NO_TEST)
    external = read_answers(options.external, labels, rows[final])
    bounds = make_bounds(labels, rows, final, get_decisions(parts[final]), prepared)
    parts[final] = replace(parts[final], external=external, bounds=bounds)
    own_metrics = [Component(name, "metric", params.components) for name in options.own_metrics]
    scores = score_parts(parts, options, seed, own_metrics)
    columns = schemas.SLICE_COLUMNS.read()
    conditions = find_conditions(rows, final, folds, columns, labels, options.slices)
    if final in scores:
        scores[final]["comparisons"] = compare_with_others(parts[final], options, seed)
    predicted = (test, parts["test"].members)
    probabilities = make_probability_report(ensemble, labels, own, predicted, options, params.seed)
    decisions = make_decision_report(
        ensemble, labels, own, parts, rows | {"predict": unlabelled}, options, params.seed
    )
    errors = make_errors_report(parts[final], rows, final, folds, options.level)
    behaviour = make_behaviour_report(
        ensemble, labels, rows[final], final, options, params.components, params.seed
    )
    table = labels.table(parts["test"].final).assign(id=test["id"], label=test["label"])
    schemas.TEST_PREDICTIONS.write(table)
    write_plots(parts[final], rows[final]["label"].tolist(), options.level)
    ceiling = read_json(AGREEMENT).get("ceiling", {})
    slices = make_slices_report(parts[final], rows[final]["id"], conditions, options)
    details = make_details(scores, final, ceiling) | probabilities | decisions
    details |= slices | errors | behaviour
    schemas.write_report(schemas.EVALUATE_REPORT, details)
    metrics = select_headline_metrics(labels.task, scores, final)
    write_metrics(Path("metrics/evaluate.json"), metrics)
    # Without test rows, published scores are often those of the official validation rows.
    shown = [final, *(["valid"] if test.empty and "valid" in scores else [])]
    lines = [
        line
        for part in shown
        for line in format_summary(
            labels.task, scores, part, options.level, ceiling, labels.classes
        )
    ]
    lines += format_probability_report(probabilities, final)
    lines += format_decision_report(decisions) + format_slices_report(slices)
    lines += format_errors_report(errors)
    lines += format_behaviour_report(behaviour)
    if final in scores:
        written = schemas.TEST_PREDICTIONS if final == "test" else schemas.ENSEMBLE_OUT_OF_FOLD
        lines += write_comparison(
            parts[final], rows[final], written, scores[final], options, seed, conditions
        )
    for line in lines:
        say(line)
    write_report()


if __name__ == "__main__":
    run(main, Params)
