"""Train the model that params name, and the baselines that it must beat."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.environment import record
from foldline.core.io import schemas
from foldline.core.io.files import write_json, write_metrics
from foldline.core.io.labels import MAIN, Labels
from foldline.core.params import Recipe, Runner
from foldline.core.stage import run, say
from foldline.ensembling.members import MODEL, baselines_of, save_baselines
from foldline.evaluation.scores import SHOWN
from foldline.execution.locks import locked
from foldline.execution.store import Store, code_version, fingerprint, libraries, tidy
from foldline.experiments.tracked_fit import fit_followed
from foldline.metrics.registry import measure
from foldline.models import registry, sample_predictions
from foldline.models.interface import FitResult, Job, Model
from foldline.models.soft_labels import add_soft_labels, add_weights
from foldline.models.target_report import write_histograms
from foldline.models.training_curves import write_curves
from foldline.models.training_history import format_summary, write_history, write_speed


class Params(Recipe):
    """All that makes a model, and how it is carried out."""

    runner: Runner


def main(params: Params) -> None:
    tidy()
    begun = time.perf_counter()
    labels = Labels.load()
    shares = schemas.SOFT_LABELS.read()
    rows = add_weights(
        add_soft_labels(schemas.AUGMENTED.read(), shares, labels), schemas.WEIGHTS.read()
    )
    valid = add_soft_labels(schemas.VALID.read(), shares, labels)
    code = code_version("core/io", "encoders", "metrics", "models")
    recipe = params.model_dump(exclude={"runner"})
    made_of = [recipe, registry.list_dependencies(params, labels), code, libraries()]
    further = schemas.PRETRAINING_TEXTS.read()
    key = fingerprint("train", rows, valid, further, made_of)
    store = Store("train")
    with locked(f"train-{key}"):
        shown = sample_predictions.select_ids(valid["id"].tolist(), params.seed)
        job = Job(rows, valid, labels, params, store.scratch(key), further, shown)
        fitted, used = fit_followed(job, params.runner.tracker, key)
        registry.save(fitted.model, params.model, labels, MODEL)
        plain = {
            name: (fitted if name == params.model else _plain(job, name)).model
            for name in baselines_of(params)
        }
        save_baselines(plain, labels, fitted.model)
        own = _predicted("train", fitted.model, valid, labels)
        same = plain["tfidf"] is fitted.model
        other = own if same else _predicted("tfidf", plain["tfidf"], valid, labels)
        schemas.VALID_PREDICTIONS.write(
            pd.concat([own, other.assign(member="tfidf")], ignore_index=True)
        )
        write_history(fitted.history)
        write_speed(fitted.speed)
        write_curves(fitted.history, params.train, labels.task)
        for line in format_summary(fitted.history, params.train, labels.task, params.epochs):
            say(line)
        sample_predictions.write_samples(fitted, valid, shown, labels)
        for line in write_histograms(fitted.model, rows, labels):
            say(line)
        scores = _scores(own, labels)
        write_metrics(Path("metrics/train.json"), {"valid": scores, "fit": fitted.summary})
        seconds = {"seconds": round(time.perf_counter() - begun, 1)}
        ran = seconds | {"training": fitted.run_info | {"usage": used}}
        write_json(Path("reports/environment.json"), record(params.train.threads) | ran)
        store.forget(key)
    shown_scores = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    say(f"{params.model}: {shown_scores or 'no valid rows'}")
    if scores and params.model not in plain:
        least = _scores(_predicted("majority", plain["majority"], valid, labels), labels)
        _warn(params.model, MAIN[labels.task], scores, least)


def _warn(model: str, metric: str, scores: dict[str, float], least: dict[str, float]) -> None:
    """Say where a model has learnt nothing that shows."""
    if not scores[metric] > np.nan_to_num(least[metric]):
        say(
            f"{model} is no better than the majority class, or mean ({metric} "
            f"{scores[metric]:.4f} and {least[metric]:.4f}): `python run.py python -m foldline "
            "sanity` looks for the reason, and `lr-find`, of a transformer, for a learning rate"
        )


def _plain(job: Job, name: str) -> FitResult:
    return registry.fit(replace(job, recipe=job.recipe.model_copy(update={"model": name})))


def _predicted(member: str, model: Model, rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    table = labels.table(model.predict(rows))
    return table.assign(id=rows["id"], label=rows["label"], member=member)


def _scores(table: pd.DataFrame, labels: Labels) -> dict[str, float]:
    if table.empty:
        return {}
    target = labels.encode(table["label"])
    found = measure(labels.task, target, labels.predictions(table))
    return {name: found[name] for name in SHOWN[labels.task]}


if __name__ == "__main__":
    run(main, Params)
