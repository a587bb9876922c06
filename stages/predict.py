"""Predict the unlabelled rows, and write a submission in their order."""

from collections import Counter
from pathlib import Path

from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.files import replacing, write_metrics
from foldline.core.io.labels import Labels
from foldline.core.stage import run, say
from foldline.data.multilabel import split_labels
from foldline.data.reading import read_raw
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.members import predict_member
from foldline.evaluation.submission import make_submission

FILE = Path("data/predictions/submission.csv")


class Params(types.Section):
    data: types.Data
    predict: types.Predict


def main(params: Params) -> None:
    labels, ensemble = Labels.load(), Ensemble.load()
    rows = schemas.UNLABELLED.read()
    if params.data.predict is None:
        say("note: data.predict is null, so the submission has no rows")
    members = {name: predict_member(name, rows) for name in ensemble.models}
    final = ensemble.combine(members, labels.task)
    table = labels.table(final).assign(id=rows["id"])
    schemas.UNLABELLED_PREDICTIONS.write(table)
    path = params.predict.sample_submission if params.data.predict else None
    sample = read_raw(Path(path)).columns if path else None
    submission = make_submission(rows["id"].tolist(), final, labels, params.data, sample)
    with replacing(FILE) as temporary:
        submission.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    metrics: dict[str, float] = {"rows": len(rows)}
    if labels.classes:
        names = [
            name for own in split_labels(table["predicted"].tolist(), labels.task) for name in own
        ]
        counts = Counter(names).most_common(8)
        metrics |= {f"share_{name}": count / len(table) for name, count in counts}
    write_metrics(Path("metrics/predict.json"), {"predict": metrics})
    say(f"{len(rows)} rows predicted: {FILE}")


if __name__ == "__main__":
    run(main, Params)
