"""The score of a model on rows that it has learnt: beside that of others, it shows overfitting."""

from typing import Any

import numpy as np

from foldline.core.io.labels import MAIN
from foldline.core.io.seeds import derive_seed, rank_keys
from foldline.metrics.intervals import bootstrap_intervals
from foldline.metrics.registry import measure
from foldline.models.interface import Job, Model

MAX_ROWS, RESAMPLES = 2_000, 300
# These learn nothing from the texts of training rows.
WITHOUT = ("majority", "random", "uniform", "keywords", "external", "zero-shot")


def score_training_rows(model: Model, job: Job) -> dict[str, Any] | None:
    """Return the metrics of a sample of the training rows, and the interval of the main one.

    Copies made by augmentation are left out. None for a kind that does not learn from texts.
    """
    if job.recipe.model in WITHOUT:
        return None
    rows = job.train
    if "source_id" in rows:
        rows = rows[rows["id"] == rows["source_id"]]
    keys = rank_keys(derive_seed(job.recipe.seed, "training score"), rows["id"].tolist())
    rows = rows.iloc[np.argsort(keys, kind="stable")[:MAX_ROWS]]
    if rows.empty:
        return None
    task, metric = job.labels.task, MAIN[job.labels.task]
    target, predictions = job.labels.encode(rows["label"]), model.predict(rows)
    groups = rows["group"].tolist() if "group" in rows else None
    interval = bootstrap_intervals(
        task, target, predictions, groups, RESAMPLES, job.recipe.seed, names=[metric]
    )[metric]
    scores = measure(task, target, predictions, classes=job.labels.classes)
    return {"rows": len(rows)} | scores | interval._asdict()
