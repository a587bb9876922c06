"""Cross-validate: predict every training and validation row by a model that has not seen it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.augmentation.external_inputs import outside
from foldline.core.io import schemas
from foldline.core.io.files import replacing, write_json, write_metrics
from foldline.core.io.labels import MAIN, Labels
from foldline.core.params import Augment, Kfold, Recipe, Runner
from foldline.core.stage import run, say
from foldline.ensembling.cross_validation import Fold, Result, alone, finished, fit_fold, forget
from foldline.ensembling.members import FOLDS, INDEX
from foldline.execution.store import tidy
from foldline.execution.tasks import Task, run_tasks
from foldline.metrics.registry import measure
from foldline.models.soft_labels import add_soft_labels, add_weights


class Params(Recipe):
    augment: Augment
    kfold: Kfold
    runner: Runner


def main(params: Params) -> None:
    tidy()
    labels = Labels.load()
    folds = _folds(params, labels)
    before = outside(params.augment)
    with alone(folds):
        run_tasks([Task(f.name, fit_fold, (f,)) for f in folds], params.runner.jobs, "folds")
        done = [(fold, finished(fold)) for fold in folds]
        table = pd.concat([_table(*one) for one in done], ignore_index=True)
        order = {name: place for place, name in enumerate(folds[0].rows["id"].tolist())}
        table["place"] = table["id"].map(order)
        schemas.OUT_OF_FOLD.write(table.sort_values(["member", "place"], kind="stable"))
        _keep_models(params.kfold, done)
        metrics, details = _scores(done, table, labels)
        write_json(Path("reports/folds.json"), details)
        write_metrics(Path("metrics/kfold.json"), {"kfold": metrics})
        forget(folds)
    if outside(params.augment) != before:
        say(
            "note: the folds asked for answers that were not recorded; the file of answers has "
            "grown, so the next `dvc repro` runs `augment` and `kfold` again, with equal results"
        )
    main_metric = MAIN[labels.task]
    say(f"{main_metric} {metrics['mean']:.4f} +- {metrics['std']:.4f} over {params.kfold.n_splits}")


def _folds(params: Params, labels: Labels) -> list[Fold]:
    rows = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()], ignore_index=True)
    rows = rows.merge(schemas.FOLDS.read(), on="id", validate="one_to_one")
    rows = add_weights(
        add_soft_labels(rows, schemas.SOFT_LABELS.read(), labels), schemas.WEIGHTS.read()
    )
    recipe = Recipe.model_validate(
        {name: value for name, value in params.model_dump().items() if name in Recipe.model_fields}
    )
    further = schemas.PRETRAINING_TEXTS.read()
    # TF-IDF goes along: its out-of-fold predictions decide its weight in the ensemble.
    members = {"model": recipe}
    if recipe.model != "tfidf":
        members["tfidf"] = recipe.model_copy(update={"model": "tfidf"})
    return [
        Fold(member, number, rows, labels, own, params.augment, params.kfold, further)
        for member, own in members.items()
        for number in range(params.kfold.n_splits)
    ]


def _table(fold: Fold, result: Result) -> pd.DataFrame:
    held = fold.held.reset_index(drop=True)
    table = fold.labels.table(result.predictions)
    return table.assign(id=held["id"], label=held["label"], fold=fold.number, member=fold.member)


def _keep_models(kfold: Kfold, done: list[tuple[Fold, Result]]) -> None:
    with replacing(FOLDS) as folder:
        folder.mkdir(parents=True)
        for fold, result in done:
            if fold.member == "model" and result.model:
                shutil.copytree(result.model, folder / str(fold.number))
        index = {"n_splits": kfold.n_splits, "kept": kfold.keep_models}
        write_json(folder / INDEX, index)


def _scores(
    done: list[tuple[Fold, Result]], table: pd.DataFrame, labels: Labels
) -> tuple[dict[str, float], dict[str, object]]:
    main_metric = MAIN[labels.task]
    each: list[dict[str, Any]] = [
        {"member": fold.member, "fold": fold.number}
        | measure(labels.task, labels.encode(fold.held["label"]), result.predictions)
        | result.details
        for fold, result in done
    ]
    own = [row[main_metric] for row in each if row["member"] == "model"]
    metrics = {
        "mean": float(np.mean(own)),
        "std": float(np.std(own, ddof=1)),
        "worst": float(min(own)),
    }
    for member, rows in table.groupby("member"):
        target = labels.encode(rows["label"])
        found = measure(labels.task, target, labels.predictions(rows))
        metrics[str(member)] = found[main_metric]
    return metrics, {"metric": main_metric, "folds": each}


if __name__ == "__main__":
    run(main, Params)
