"""Train the model that params name, the other members, and the baselines that they must beat."""

import time
from functools import partial
from pathlib import Path

from foldline.core.environment import environment_record
from foldline.core.io import schemas
from foldline.core.io.files import copy_folder, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.preprocessing import NAME, Preprocessing
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.params import Members, Recipe, Runner
from foldline.core.params.members import MODEL as NAME_OF_MODEL
from foldline.core.stage import run, say
from foldline.ensembling.baselines import save_baselines
from foldline.ensembling.members import FULL, MODEL, write_models
from foldline.ensembling.training import Training, train_members
from foldline.ensembling.tta import list_augmented_predictions
from foldline.evaluation.report import format_training
from foldline.evaluation.scores import score_predictions
from foldline.evaluation.training_report import write_training_report
from foldline.experiments.tracked_fit import fit_with_tracker
from foldline.models.soft_labels import add_auxiliary_labels, add_soft_labels, add_weights


class Params(Recipe):
    """All that makes a model, and how it is carried out."""

    members: Members
    runner: Runner


def train(params: Params) -> Training:
    """Fit all models to the augmented training rows."""
    labels, soft_labels = Labels.load(), schemas.SOFT_LABELS.read()
    rows = add_soft_labels(schemas.AUGMENTED.read(), soft_labels, labels)
    rows = add_weights(rows, schemas.WEIGHTS.read())
    valid = add_soft_labels(schemas.VALID.read(), soft_labels, labels)
    auxiliary = schemas.AUXILIARY_LABELS.read()
    rows, valid = (add_auxiliary_labels(part, auxiliary) for part in (rows, valid))
    texts = schemas.PRETRAINING_TEXTS.read()
    fit = partial(fit_with_tracker, params.runner.tracker)
    return train_members(rows, valid, texts, params, params.members, labels, params.runner, fit)


def save_models(training: Training, members: Members) -> None:
    """Write the model, the other members' if they predict, and the baselines."""
    copy_folder(training.model.model, MODEL)
    Preprocessing.load().save(MODEL / NAME)
    full = {name: [fit.model for fit in fits] for name, fits in training.members.items()}
    full[NAME_OF_MODEL] = [MODEL]
    full = {} if members.models == "folds" else full
    write_models(FULL, full, list_augmented_predictions(members.recipes))
    save_baselines(training.baselines)


def main(params: Params) -> None:
    start = time.perf_counter()
    training = train(params)
    save_models(training, params.members)
    table, record = training.make_validation_table(), training.model.training
    schemas.VALID_PREDICTIONS.write(table)
    write_training_report(training)
    scores = score_predictions(table[table["member"] == NAME_OF_MODEL], training.labels)
    report = {"valid": scores, "fit": record.summary, "threads": params.train.cpu_threads}
    report["train"] = training.model.details.get("train")
    schemas.write_report(schemas.TRAIN_REPORT, report | {"notes": record.notes})
    write_stage_metrics("train", "valid", scores)
    environment = environment_record(params.train.cpu_threads)
    environment["seconds"] = round(time.perf_counter() - start, 1)
    environment["training"] = record.run_info | {"usage": training.model.details["usage"]}
    write_json(Path("reports/environment.json"), environment)
    for line in format_training(training, scores):
        say(line)


if __name__ == "__main__":
    run(main, Params)
