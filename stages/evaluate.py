"""Open the test set, once everything is decided, and judge."""

from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core import params as types
from foldline.core.io import schemas
from foldline.core.io.components import Component
from foldline.core.io.files import read_json, replacing, write_json, write_metrics
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive
from foldline.core.stage import run, say
from foldline.ensembling.members import Ensemble, predict, predicted_baselines
from foldline.evaluation.scores import (
    Judged,
    confusion_table,
    details,
    reliability_table,
    scatter_table,
    scores,
    shown,
    summary,
)

PLOTS = Path("reports/plots")
AGREEMENT = Path("reports/agreement.json")


class Params(types.Section):
    seed: int
    evaluate: types.Evaluate
    components: types.Components


def main(params: Params) -> None:
    labels, ensemble = Labels.load(), Ensemble.load()
    valid, test = _in_folds(schemas.VALID.read()), schemas.TEST.read()
    parts = {"test": _test(test, labels, ensemble), "valid": _valid(valid, labels, ensemble)}
    options, seed = params.evaluate, derive(params.seed, "evaluate")
    own = [Component(name, "metric", params.components) for name in options.own_metrics]
    found = {
        part: scores(judged, options.resamples, options.level, seed, own)
        for part, judged in parts.items()
        if len(judged.target)
    }
    if list(found) == ["valid"]:
        say(
            "note: split.ratios leave no test rows; the scores are of the validation rows, which "
            "have chosen the epoch and the votes' weights, and flatter a little"
        )
    final = next(iter(found), "valid")
    _write_plots(parts[final], (test if final == "test" else valid)["label"].tolist())
    table = labels.table(parts["test"].final).assign(id=test["id"], label=test["label"])
    schemas.TEST_PREDICTIONS.write(table)
    ceiling = read_json(AGREEMENT).get("ceiling", {})
    write_json(Path("reports/evaluation.json"), details(found, final, ceiling))
    numbers = shown(labels.task, found, final)
    write_metrics(Path("metrics/evaluate.json"), numbers)
    for line in summary(labels.task, found, final, options.level, ceiling, labels.classes):
        say(line)


def _in_folds(valid: pd.DataFrame) -> pd.DataFrame:
    """Leave out rows that no fold holds, as `split` does with those that stand in test too."""
    return valid[valid["id"].isin(set(schemas.OUT_OF_FOLD.read()["id"]))]


def _test(rows: pd.DataFrame, labels: Labels, ensemble: Ensemble) -> Judged:
    members = {name: predict(name, rows) for name in ensemble.models}
    return _judged(rows, labels, ensemble, members)


def _valid(rows: pd.DataFrame, labels: Labels, ensemble: Ensemble) -> Judged:
    """Judge validation rows by predictions that exist: none is by a model that learnt from them."""
    trained, held = schemas.VALID_PREDICTIONS.read(), schemas.OUT_OF_FOLD.read()
    members = {}
    for name in ensemble.models:
        table = held[held["member"] == "model"] if name == "folds" else trained
        own = table if name == "folds" else table[table["member"] == name]
        members[name] = labels.predictions(own.set_index("id").loc[rows["id"].tolist()])
    return _judged(rows, labels, ensemble, members)


def _judged(
    rows: pd.DataFrame, labels: Labels, ensemble: Ensemble, members: dict[str, np.ndarray]
) -> Judged:
    return Judged(
        labels=labels,
        target=labels.encode(rows["label"]),
        groups=rows["group"].to_numpy(dtype=str),
        final=ensemble.combine(members, labels.task),
        members=members,
        baselines=predicted_baselines(rows),
    )


def _write_plots(judged: Judged, actual: list[str]) -> None:
    shown_as = confusion_table(judged, actual) if judged.labels.classes else scatter_table(judged)
    for name, table in (("predictions", shown_as), ("reliability", reliability_table(judged))):
        with replacing(PLOTS / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")


if __name__ == "__main__":
    run(main, Params)
