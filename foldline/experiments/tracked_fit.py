"""Fit a model while a tracker follows it and its resource usage is measured."""

import os
from dataclasses import replace
from typing import Any

from foldline.core.resource_usage import Usage
from foldline.experiments.trackers import create_tracker
from foldline.models import registry
from foldline.models.interface import FitResult, Job
from foldline.models.tracking import track_run


def fit_with_tracker(name: str, job: Job, key: str) -> tuple[FitResult, dict[str, Any]]:
    """Fit a job while the tracker `name` follows it; return the model and its resource usage.

    `key` identifies the run. Kinds that report no steps while they train pass on their history
    afterwards.
    """
    recipe = job.recipe.model_dump(exclude={"runner"})
    experiment = os.environ.get("DVC_EXP_NAME")
    tags = {"stage": "train", "model": job.recipe.model, "experiment": experiment}
    with track_run(create_tracker(name, key), recipe, tags) as tracker:
        with Usage() as usage:
            fitted = registry.fit(replace(job, tracker=tracker))
        if not tracker.steps:
            for row in fitted.history:
                tracker.step(row["step"], {name: v for name, v in row.items() if name != "step"})
        tracker.end(fitted.summary)
    return fitted, usage.summarize()
