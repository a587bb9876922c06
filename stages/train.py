"""Train the model that params name, and the baselines that it must beat."""

import time
from functools import partial
from pathlib import Path

from foldline.core.environment import environment_record
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import Labels
from foldline.core.io.preprocessing import NAME, Preprocessing
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.params import Recipe, Runner
from foldline.core.stage import run, say
from foldline.ensembling.members import MODEL
from foldline.ensembling.training import train_with_baselines
from foldline.evaluation.report import format_training
from foldline.evaluation.scores import score_predictions
from foldline.execution.store import remove_expired
from foldline.experiments.tracked_fit import fit_with_tracker
from foldline.models.soft_labels import add_soft_labels, add_weights
from foldline.models.training_report import write_training_report


class Params(Recipe):
    """All that makes a model, and how it is carried out."""

    runner: Runner


def main(params: Params) -> None:
    remove_expired()
    start = time.perf_counter()
    labels, soft_labels = Labels.load(), schemas.SOFT_LABELS.read()
    rows = add_soft_labels(schemas.AUGMENTED.read(), soft_labels, labels)
    rows = add_weights(rows, schemas.WEIGHTS.read())
    valid = add_soft_labels(schemas.VALID.read(), soft_labels, labels)
    texts = schemas.PRETRAINING_TEXTS.read()
    fit = partial(fit_with_tracker, params.runner.tracker)
    with train_with_baselines(rows, valid, texts, params, labels, fit) as training:
        Preprocessing.load().save(MODEL / NAME)
        table, fitted = training.predict_validation(), training.fitted
        schemas.VALID_PREDICTIONS.write(table)
        write_training_report(fitted, training.job)
        scores = score_predictions(table[table["member"] == "model"], labels)
        report = {"valid": scores, "fit": fitted.summary, "threads": params.train.cpu_threads}
        schemas.write_report(schemas.TRAIN_REPORT, report | {"notes": fitted.notes})
        write_stage_metrics("train", "valid", scores)
        environment = environment_record(params.train.cpu_threads)
        environment["seconds"] = round(time.perf_counter() - start, 1)
        environment["training"] = fitted.run_info | {"usage": training.usage}
        write_json(Path("reports/environment.json"), environment)
    for line in format_training(training, scores):
        say(line)


if __name__ == "__main__":
    run(main, Params)
