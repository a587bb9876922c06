"""Model soup (Wortsman et al., 2022): the mean of the weights of models with the same start."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foldline.core.io.files import remove, replace_atomically
from foldline.core.io.seeds import derive_seed
from foldline.core.stage import say
from foldline.models.interface import Job
from foldline.models.neural.collectives import decide_in_first, get_rank, wait_for_all
from foldline.models.neural.training_log import TrainingResult
from foldline.models.neural.validation_metric import greater_is_better
from foldline.models.tracking import SafeTracker

Weights = dict[str, torch.Tensor]


def train_soup(
    job: Job,
    model: Any,
    train: Callable[[Job], TrainingResult],
    score: Callable[[], float] | None,
) -> TrainingResult:
    """Train each ingredient from the weights of `model`, and leave the soup in it.

    `train` trains `model` in place, `score` returns its validation metric; without validation rows
    all ingredients enter. The result is that of the first ingredient, with all scores in the
    summary. A finished ingredient is a file beside the checkpoints, so that a killed training goes
    on with the one it was in.
    """
    initial = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    jobs = make_jobs(job)
    files = [own.checkpoint_folder.with_suffix(".pt") for own in jobs]
    for own, file in zip(jobs, files, strict=True):
        if not decide_in_first(file.exists):
            model.load_state_dict(initial)
            _write_ingredient(file, train(own), model)
            if get_rank() == 0:
                remove(own.checkpoint_folder)
    metric = job.recipe.train.metric
    sign = 1.0 if greater_is_better(metric, job.recipe.task) else -1.0

    def score_mean(numbers: Sequence[int]) -> float:
        model.load_state_dict(average_weights(_read_weights(files[n]) for n in sorted(numbers)))
        return sign * score() if score else 0.0

    scores = [score_mean([number]) for number in range(len(jobs))]
    chosen, best = choose_ingredients(scores, score_mean)
    score_mean(chosen)
    summary: dict[str, float] = {"soup_models": float(len(chosen))}
    if score:
        summary[f"soup_valid_{metric}"] = sign * best
        say(_format_soup(chosen, len(jobs), metric, sign * best, sign * max(scores)))
    for number, own in enumerate(jobs):
        summary[f"soup_{number}_entered"] = float(number in chosen)
        summary[f"soup_{number}_lr"] = own.recipe.peak_lr
        if score:
            summary[f"soup_{number}_valid_{metric}"] = sign * scores[number]
    first = _read_ingredient(files[0])[1]
    return replace(first, summary=first.summary | summary)


def make_jobs(job: Job) -> list[Job]:
    """Return the job of each ingredient: seed, learning rate, and checkpoints of its own.

    The learning rates are spaced geometrically. A tracker and sample rows follow the first.
    """
    options, rows = job.recipe.train, []
    exponents = np.linspace(-1, 1, options.soup).tolist()
    for number, exponent in enumerate(exponents):
        seed = derive_seed(job.recipe.seed, "soup", number) % 2**31
        update = {
            "seed": seed if number else job.recipe.seed,
            "lr": job.recipe.peak_lr * options.soup_lr_spread**exponent,
        }
        rows.append(
            replace(
                job,
                recipe=job.recipe.model_copy(update=update),
                checkpoint_folder=job.checkpoint_folder / f"soup-{number}",
                sample_ids=() if number else job.sample_ids,
                tracker=SafeTracker() if number else job.tracker,
            )
        )
    return rows


def choose_ingredients(
    scores: Sequence[float], score_mean: Callable[[Sequence[int]], float]
) -> tuple[list[int], float]:
    """Return the ingredients of the greedy soup and its score; a higher score is better.

    Starting from the best one, each enters in the order of the scores if the score of the mean
    does not fall.
    """
    order = sorted(range(len(scores)), key=lambda number: -scores[number])
    chosen, best = order[:1], scores[order[0]]
    for number in order[1:]:
        found = score_mean([*chosen, number])
        if found >= best:
            chosen, best = [*chosen, number], found
    return chosen, best


def average_weights(states: Iterable[Weights]) -> Weights:
    """Return the mean of the weights, summed in float64; what is not a float is the first's."""
    total: Weights = {}
    count = 0
    for state in states:
        count += 1
        for name, value in state.items():
            if not value.is_floating_point():
                total.setdefault(name, value)
            elif name in total:
                total[name] += value.double()
            else:
                total[name] = value.double()
    return {n: v / count if v.is_floating_point() else v for n, v in total.items()}


def _format_soup(chosen: list[int], count: int, metric: str, own: float, best: float) -> str:
    return (
        f"soup: {len(chosen)} of {count} models entered; validation {metric} {own:.4f}, of the "
        f"best of them alone {best:.4f}"
    )


def _write_ingredient(file: Path, result: TrainingResult, model: Any) -> None:
    if get_rank() == 0:
        with replace_atomically(file) as temporary:
            torch.save((model.state_dict(), result), temporary)
    wait_for_all()


def _read_ingredient(file: Path) -> tuple[Weights, TrainingResult]:
    # Written by this training, so that it may hold more than tensors.
    content: tuple[Weights, TrainingResult] = torch.load(
        file, map_location="cpu", weights_only=False
    )
    return content


def _read_weights(file: Path) -> Weights:
    return _read_ingredient(file)[0]
