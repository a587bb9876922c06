"""Predict the unlabelled rows, and write a submission in their order."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.files import replacing, write_metrics
from foldline.core.io.labels import Labels, names_of
from foldline.core.stage import run, say
from foldline.data.multilabel import split_labels
from foldline.data.normalization import normalize_text
from foldline.data.reading import read_raw
from foldline.ensembling.members import Ensemble, predict
from foldline.evaluation.submission import submission

FILE = Path("data/predictions/submission.csv")


class Params(types.Section):
    data: types.Data
    predict: types.Predict


def main(params: Params) -> None:
    labels, ensemble = Labels.load(), Ensemble.load()
    rows = schemas.UNLABELLED.read()
    if params.data.predict is None:
        say("note: data.predict is null, so the submission has no rows")
    members = {name: predict(name, rows) for name in ensemble.models}
    final = ensemble.combine(members, labels.task)
    table = labels.table(final).assign(id=rows["id"])
    schemas.UNLABELLED_PREDICTIONS.write(table)
    given = params.predict.sample_submission if params.data.predict else None
    sample = read_raw(Path(given)) if given else None
    probabilities = _probabilities(params.data, labels, final)
    written = submission(
        rows["id"].tolist(),
        _answers(params.data, labels, final, probabilities),
        probabilities,
        sample.columns if sample else None,
        params.data.id or "id",
    )
    with replacing(FILE) as temporary:
        written.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    metrics: dict[str, float] = {"rows": len(rows)}
    if labels.classes:
        each = [
            name for own in split_labels(table["predicted"].tolist(), labels.task) for name in own
        ]
        counts = Counter(each).most_common(8)
        metrics |= {f"share_{name}": count / len(table) for name, count in counts}
    write_metrics(Path("metrics/predict.json"), {"predict": metrics})
    say(f"{len(rows)} rows predicted: {FILE}")


def _probabilities(data: types.Data, labels: Labels, final: np.ndarray) -> dict[str, list[float]]:
    """Give the probabilities by class; 0 for a column of labels that no training row has."""
    names = (
        [] if isinstance(data.label, str) else [normalize_text(name, "NFC") for name in data.label]
    )
    found = {name: [0.0] * len(final) for name in names}
    return found | {name: final[:, place].tolist() for place, name in enumerate(labels.classes)}


def _answers(
    data: types.Data, labels: Labels, final: np.ndarray, probabilities: dict[str, list[float]]
) -> dict[str, list[Any]]:
    """Give the answers as the user's own files hold labels, by column."""
    if not isinstance(data.label, str):
        return dict(probabilities)
    decoded = labels.decode(final)
    if labels.task != "multilabel":
        return {data.label: decoded}
    return {data.label: [data.separator.join(names_of(str(label))) for label in decoded]}


if __name__ == "__main__":
    run(main, Params)
