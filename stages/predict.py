"""Predict the unlabelled rows, and write a submission in their order."""

from pathlib import Path

from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.files import replace_atomically
from foldline.core.io.formulas import escape_formulas
from foldline.core.io.labels import Labels
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.stage import run, say
from foldline.data.sample_submission import plan_sample
from foldline.ensembling.ensemble import Ensemble
from foldline.evaluation.submission import make_submission, predicted_class_shares

FILE = Path("data/predictions/submission.csv")


class Params(types.Section):
    data: types.Data
    predict: types.Predict


def main(params: Params) -> None:
    ensemble = Ensemble.load()
    labels = ensemble.set_thresholds(Labels.load())
    rows = schemas.UNLABELLED.read()
    others = ensemble.read_revisions(labels, schemas.UNLABELLED_PREDICTIONS, rows)
    combined = ensemble.combine(ensemble.predict_members(rows) | others, rows, labels.task)
    final = ensemble.shift(combined, labels.task)
    table = labels.table(final).assign(id=rows["id"])
    schemas.UNLABELLED_PREDICTIONS.write(table)
    path = params.predict.sample_submission if params.data.predict else None
    plan = plan_sample(rows["id"].tolist(), labels, params.data, path)
    for note in plan.notes if plan else []:
        say(f"note: {note}")
    submission = make_submission(rows["id"].tolist(), final, labels, params.data, plan)
    if params.predict.escape_formulas:
        submission = escape_formulas(submission)
    with replace_atomically(FILE) as temporary:
        submission.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    shares = predicted_class_shares(table["predicted"].tolist(), labels)
    notes = plan.notes if plan else []
    report = {"rows": len(rows), "share": shares, "notes": notes}
    schemas.write_report(schemas.PREDICT_REPORT, report)
    write_stage_metrics("predict", "predict", {"rows": len(rows)})
    say(f"{len(rows)} rows predicted: {FILE}")


if __name__ == "__main__":
    run(main, Params)
