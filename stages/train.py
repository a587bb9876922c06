"""Train the model that params name, and the baselines that it must beat."""

import time
from pathlib import Path

from foldline.core.environment import environment_record
from foldline.core.io import schemas
from foldline.core.io.files import write_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.stage_metrics import write_stage_metrics
from foldline.core.params import Recipe, Runner
from foldline.core.stage import run, say
from foldline.ensembling.baselines import fit_baselines, make_validation_table
from foldline.ensembling.members import MODEL
from foldline.evaluation.report import list_majority_warnings
from foldline.evaluation.scores import score_predictions
from foldline.execution.store import (
    Store,
    code_version,
    fingerprint,
    library_versions,
    remove_expired,
)
from foldline.experiments.tracked_fit import fit_with_tracker
from foldline.models import registry, sample_predictions
from foldline.models.interface import Job
from foldline.models.soft_labels import add_soft_labels, add_weights
from foldline.models.training_report import write_training_report


class Params(Recipe):
    """All that makes a model, and how it is carried out."""

    runner: Runner


def main(params: Params) -> None:
    remove_expired()
    start = time.perf_counter()
    labels, soft_labels = Labels.load(), schemas.SOFT_LABELS.read()
    rows = add_weights(
        add_soft_labels(schemas.AUGMENTED.read(), soft_labels, labels), schemas.WEIGHTS.read()
    )
    valid = add_soft_labels(schemas.VALID.read(), soft_labels, labels)
    texts = schemas.PRETRAINING_TEXTS.read()
    recipe, identity = (
        params.model_dump(exclude={"runner"}),
        registry.list_dependencies(params, labels),
    )
    code = code_version("core/io", "encoders", "metrics", "models")
    key = fingerprint("train", rows, valid, texts, [recipe, identity, code, library_versions()])
    with Store("train").resume(key) as scratch:
        shown = sample_predictions.select_ids(valid["id"].tolist(), params.seed)
        job = Job(rows, valid, labels, params, scratch, texts, shown)
        fitted, usage = fit_with_tracker(job, params.runner.tracker, key)
        registry.save(fitted.model, params.model, labels, MODEL)
        baselines = fit_baselines(job, fitted.model)
        members = {"model": fitted.model, "tfidf": baselines["tfidf"]}
        table = make_validation_table(members, valid, labels)
        schemas.VALID_PREDICTIONS.write(table)
        write_training_report(fitted, job)
        scores = score_predictions(table[table["member"] == "model"], labels)
        write_json(Path("reports/train.json"), {"valid": scores, "fit": fitted.summary})
        write_stage_metrics("train", "valid", scores)
        environment = environment_record(params.train.threads)
        environment["seconds"] = round(time.perf_counter() - start, 1)
        environment["training"] = fitted.run_info | {"usage": usage}
        write_json(Path("reports/environment.json"), environment)
    shown_scores = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    say(f"{params.model}: {shown_scores or 'no valid rows'}")
    if scores and params.model not in baselines:
        table = make_validation_table({"majority": baselines["majority"]}, valid, labels)
        least, metric = score_predictions(table, labels), MAIN[labels.task]
        for line in list_majority_warnings(params.model, metric, scores, least):
            say(line)


if __name__ == "__main__":
    run(main, Params)
