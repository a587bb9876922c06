"""Predict the unlabelled rows, and write a submission in their order."""

from pathlib import Path

from foldline.combining.members import Ensemble, predict
from foldline.corpus.reading import read
from foldline.frame import contract
from foldline.frame import params as types
from foldline.frame.files import replacing, write_metrics
from foldline.frame.labels import Labels
from foldline.frame.stage import run, say
from foldline.judging.submission import submission

FILE = Path("data/predictions/submission.csv")


class Params(types.Section):
    data: types.Data
    predict: types.Predict


def main(params: Params) -> None:
    labels, ensemble = Labels.load(), Ensemble.load()
    rows = contract.UNLABELLED.read()
    if params.data.predict is None:
        say("note: data.predict is null, so the submission has no rows")
    final = ensemble.combine({name: predict(name, rows) for name in ensemble.models})
    table = labels.table(final).assign(id=rows["id"])
    contract.UNLABELLED_PREDICTIONS.write(table)
    given = params.predict.sample_submission if params.data.predict else None
    sample = read(Path(given)) if given else None
    names = (params.data.id or "id", params.data.label)
    written = submission(
        rows["id"].tolist(), labels.decode(final), sample.columns if sample else None, names
    )
    with replacing(FILE) as temporary:
        written.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    metrics: dict[str, float] = {"rows": len(rows)}
    if labels.classes:
        shares = table["predicted"].value_counts(normalize=True)
        metrics |= {f"share_{name}": float(share) for name, share in shares.head(8).items()}
    write_metrics(Path("metrics/predict.json"), {"predict": metrics})
    say(f"{len(rows)} rows predicted: {FILE}")


if __name__ == "__main__":
    run(main, Params)
