"""A fit that somebody follows, and what it takes of the machine."""

import os
from dataclasses import replace
from typing import Any

from foldline.core.resource_usage import Usage
from foldline.experiments.trackers import tracker
from foldline.models import registry
from foldline.models.interface import FitResult, Job
from foldline.models.tracking import track_run


def fit_followed(job: Job, name: str, key: str) -> tuple[FitResult, dict[str, Any]]:
    """Fit while the tracker of a name hears of it; also give what it took of the machine.

    `key` tells the run from others. A kind that cannot be followed while it is trained has its
    history told afterwards.
    """
    recipe = job.recipe.model_dump(exclude={"runner"})
    experiment = os.environ.get("DVC_EXP_NAME")
    tags = {"stage": "train", "model": job.recipe.model, "experiment": experiment}
    with track_run(tracker(name, key), recipe, tags) as careful:
        with Usage() as usage:
            fitted = registry.fit(replace(job, tracker=careful))
        if not careful.steps:
            for row in fitted.history:
                careful.step(row["step"], {name: v for name, v in row.items() if name != "step"})
        careful.end(fitted.summary)
    return fitted, usage.found()
