"""Train the model that params name, and the baselines that it must beat."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.combining.members import BASELINE_NAMES, BASELINES, MODEL
from foldline.experiments.trackers import tracker
from foldline.frame import contract
from foldline.frame.environment import record
from foldline.frame.files import replacing, write_json, write_metrics
from foldline.frame.labels import Labels
from foldline.frame.params import Recipe, Runner
from foldline.frame.stage import run, say
from foldline.frame.usage import Usage
from foldline.judging.evaluation import SHOWN
from foldline.judging.metrics import measure
from foldline.modeling import kinds, samples, targets
from foldline.modeling.curves import write_curves
from foldline.modeling.fitted import Fitted, Job
from foldline.modeling.history import write_history
from foldline.modeling.soft import soften
from foldline.modeling.tracking import Careful, followed
from foldline.running.locks import locked
from foldline.running.store import Store, code_version, fingerprint, libraries, tidy

TARGET = Path("metrics/plots/target.csv")


class Params(Recipe):
    """All that makes a model, and how it is carried out."""

    runner: Runner


def main(params: Params) -> None:
    tidy()
    begun = time.perf_counter()
    labels = Labels.load()
    shares = contract.SOFT_LABELS.read()
    rows = soften(contract.AUGMENTED.read(), shares, labels)
    valid = soften(contract.VALID.read(), shares, labels)
    code = code_version("frame", "modeling")
    made_of = [
        params.model_dump(exclude={"runner"}),
        kinds.identity(params, labels),
        code,
        libraries(),
    ]
    further = contract.FURTHER.read()
    key = fingerprint("train", rows, valid, further, made_of)
    store = Store("train")
    with locked(f"train-{key}"):
        shown = samples.drawn(valid["id"].tolist(), params.seed)
        job = Job(rows, valid, labels, params, store.scratch(key), further, shown)
        fitted, used = _followed(job, params, key)
        kinds.save(fitted.model, params.model, labels, MODEL)
        baselines = {n: fitted if n == params.model else _plain(job, n) for n in BASELINE_NAMES}
        for name, plain in baselines.items():
            kinds.save(plain.model, name, labels, BASELINES / name)
        tables = [_predicted("train", fitted, valid, labels)]
        tables.append(_predicted("tfidf", baselines["tfidf"], valid, labels))
        contract.VALID_PREDICTIONS.write(pd.concat(tables, ignore_index=True))
        write_history(fitted.history)
        write_curves(fitted.history, params.train.metric)
        samples.write_samples(fitted, valid, shown, labels)
        _tell_target(fitted, rows, labels)
        scores = _scores(tables[0], labels)
        write_metrics(Path("metrics/train.json"), {"valid": scores, "fit": fitted.summary})
        ran = {
            "seconds": round(time.perf_counter() - begun, 1),
            "training": fitted.ran | {"usage": used},
        }
        write_json(Path("metrics/environment.json"), record(params.train.threads) | ran)
        store.forget(key)
    told = ", ".join(f"{name} {value:.4f}" for name, value in scores.items()) or "no valid rows"
    say(f"{params.model}: {told}")


def _followed(job: Job, params: Params, key: str) -> tuple[Fitted, dict[str, Any]]:
    """Fit while a tracker hears of it; also give what it took of the machine."""
    tags = {"stage": "train", "model": params.model, "experiment": os.environ.get("DVC_EXP_NAME")}
    content = params.model_dump(exclude={"runner"})
    with followed(tracker(params.runner.tracker, key), content, tags) as careful:
        with Usage() as usage:
            fitted = kinds.fit(replace(job, tracker=careful))
        if not careful.steps:  # it could not be followed while it was trained
            _repeat(fitted, careful)
        careful.end(fitted.summary)
    return fitted, usage.found()


def _repeat(fitted: Fitted, careful: Careful) -> None:
    for row in fitted.history:
        careful.step(row["step"], {name: v for name, v in row.items() if name != "step"})


def _tell_target(fitted: Fitted, rows: pd.DataFrame, labels: Labels) -> None:
    """Write the distribution of the numbers to predict, and what a transform made of it."""
    numbers = labels.encode(rows["label"]) if labels.task == "regression" else np.empty(0)
    with replacing(TARGET) as temporary:
        table = targets.histograms(fitted.model, numbers)
        table.to_csv(temporary, index=False, lineterminator="\n")
    if line := targets.told(fitted.model, numbers):
        say(line)


def _plain(job: Job, name: str) -> Fitted:
    return kinds.fit(replace(job, recipe=job.recipe.model_copy(update={"model": name})))


def _predicted(member: str, fitted: Fitted, rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    table = labels.table(fitted.model.predict(rows))
    return table.assign(id=rows["id"], label=rows["label"], member=member)


def _scores(table: pd.DataFrame, labels: Labels) -> dict[str, float]:
    if table.empty:
        return {}
    target = labels.encode(table["label"])
    found = measure(labels.task, target, labels.predictions(table))
    return {name: found[name] for name in SHOWN[labels.task]}


if __name__ == "__main__":
    run(main, Params)
