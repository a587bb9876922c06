"""Fits as tasks: a model, what it predicts of other rows, and the record of its training."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Recipe
from foldline.core.params.kind_options import OPTIONS, select_options
from foldline.core.params.models import SINGLE_THREADED, is_transformer
from foldline.ensembling.bagging import draw_bag
from foldline.execution.gpu_slots import list_gpus
from foldline.execution.store import code_version, fingerprint, library_versions, load_or_compute
from foldline.execution.tasks import Task
from foldline.models import registry
from foldline.models.chain import is_chained
from foldline.models.interface import FitResult, Job, TrainingRecord
from foldline.models.soft_labels import AUXILIARY
from foldline.models.training_score import score_training_rows

MODEL, PREDICTIONS, RECORD = "model", "predictions.npy", "record.json"
TORCH_IMPORTS = ("torch", "transformers")
TRAINING_IMPORTS = ("foldline.models.neural.training",)
CODE = ("core/io", "encoders", "metrics", "models")

# Fits a job; `key` names the run for trackers.
FitJob = Callable[[Job, str], tuple[FitResult, dict[str, Any]]]


def fit_job(job: Job, key: str) -> tuple[FitResult, dict[str, Any]]:
    """Fit a job, without a tracker."""
    return registry.fit(job), {}


def remember(job: Job, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """Return an array that follows from a job: that of the store, or computed and stored."""
    texts = select_texts(job.recipe, job.pretraining_texts)
    described = describe_recipe(job.recipe, job.labels)
    key = fingerprint(name, job.train, job.valid, texts, *described, code_version(*CODE))
    return load_or_compute(key, compute)


@dataclass(frozen=True)
class Fit:
    """What a model learns from, and the rows that it then predicts.

    `valid` are rows for early stopping. `sample_ids` are those of its rows whose predictions are
    kept after each epoch. `bag` is the number of a bootstrap sample of the training rows, 0 for all
    of them.
    """

    name: str
    train: pd.DataFrame
    valid: pd.DataFrame
    predicted: pd.DataFrame
    labels: Labels
    recipe: Recipe
    pretraining_texts: pd.DataFrame = field(default_factory=pd.DataFrame)
    sample_ids: tuple[str, ...] = ()
    bag: int = 0

    @property
    def training_seed(self) -> int:
        """Return the seed of the training."""
        seed = self.recipe.seed
        return derive_seed(seed, "bag", self.bag) % 2**31 if self.bag else seed

    @cached_property
    def key(self) -> str:
        """Return the hash of everything that the result depends on."""
        return fingerprint(
            "fit",
            select_columns(self.recipe, self.train),
            select_columns(self.recipe, self.valid),
            self.predicted[["id", "text", "text_pair"]],
            select_texts(self.recipe, self.pretraining_texts),
            list(self.sample_ids),
            self.bag,
            *describe_recipe(self.recipe, self.labels),
            code_version(*CODE, *(["ensembling"] if self.bag else [])),
        )

    def make_task(self, fit: FitJob = fit_job) -> Task:
        """Return the task that fits and predicts."""
        name = f"{self.name}, bag {self.bag}" if self.bag else self.name
        return make_task(name, self.key, fit_rows, (self, fit), self.recipe)


def select_texts(recipe: Recipe, pretraining_texts: pd.DataFrame) -> pd.DataFrame:
    """Return the texts for pre-training that a recipe reads; only transformers do."""
    is_read = any(model not in OPTIONS for model in recipe.models)
    return pretraining_texts if is_read else pd.DataFrame()


def select_columns(recipe: Recipe, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows without the auxiliary label, unless the recipe's chain learns it."""
    is_read = is_chained(recipe) and recipe.chain.predicts == "auxiliary"
    return rows if is_read else rows.drop(columns=AUXILIARY, errors="ignore")


def select_distinct(recipes: dict[str, Recipe]) -> dict[str, Recipe]:
    """Return what each recipe's kind reads of it, without recipes that equal an earlier one."""
    distinct: dict[str, Recipe] = {}
    for name, recipe in recipes.items():
        options = select_options(recipe)
        if options not in distinct.values():
            distinct[name] = options
    return distinct


def describe_recipe(recipe: Recipe, labels: Labels) -> list[object]:
    """Return what a fit depends on besides rows and our code, for its key.

    The number of bags is no part of it, so that more of them keep the first, nor is what changes
    predictions alone.
    """
    return [
        recipe.model_dump(exclude={"bagging", "tta"}),
        registry.list_dependencies(recipe, labels),
        library_versions(),
        describe_device(recipe),
    ]


def describe_device(recipe: Recipe) -> str:
    """Return the class of the device that a recipe trains on: `cuda` or `cpu`."""
    return "cuda" if uses_torch(recipe) and list_gpus() else "cpu"


def uses_torch(recipe: Recipe) -> bool:
    """Return whether a recipe's model, or the first of its chain, runs torch."""
    return any(model not in SINGLE_THREADED for model in recipe.models)


def make_task(
    name: str, key: str, function: Callable[..., None], arguments: tuple[Any, ...], recipe: Recipe
) -> Task:
    """Return a task that fits a recipe."""
    has_threads = "train" in vars(recipe)  # else the kind reads no `train`
    is_torch, is_trained = uses_torch(recipe), any(map(is_transformer, recipe.models))
    return Task(
        name,
        key,
        function,
        arguments,
        threads=recipe.train.cpu_threads * recipe.processes if has_threads else 1,
        uses_torch=is_torch,
        imports=TRAINING_IMPORTS if is_trained else TORCH_IMPORTS * is_torch,
        files=tuple(registry.list_files(recipe)),
    )


def fit_rows(folder: Path, scratch: Path, fit: Fit, fit_job: FitJob) -> None:
    """Fit a model and write it, its predictions and its record into a folder."""
    seed, recipe = fit.training_seed, fit.recipe
    recipe = recipe if seed == recipe.seed else recipe.model_copy(update={"seed": seed})
    train = draw_bag(fit.train, fit.bag, seed)
    job = Job(
        train, fit.valid, fit.labels, recipe, scratch, fit.pretraining_texts, fit.sample_ids,
        remember=remember,
    )  # fmt: skip
    fitted, usage = fit_job(job, fit.key)
    write_fit(folder, fitted, job, fit.predicted, {"usage": usage})


def write_fit(
    folder: Path,
    fitted: FitResult,
    job: Job,
    predicted: pd.DataFrame,
    details: Mapping[str, Any],
) -> None:
    """Write a fitted model, its predictions of rows and its record into a folder."""
    np.save(folder / PREDICTIONS, fitted.model.predict(predicted), allow_pickle=False)
    registry.save(fitted.model, job.recipe.model, job.labels, folder / MODEL)
    own = {"train": score_training_rows(fitted.model, job), **details}
    write_json(folder / RECORD, {"training": asdict(fitted.record), "details": own})


@dataclass(frozen=True)
class FitRecord:
    """What a fit left in the store: predictions, the training's record, details, the model."""

    predictions: np.ndarray
    training: TrainingRecord
    details: dict[str, Any]
    model: Path


def read_fit(folder: Path) -> FitRecord:
    """Read what `write_fit` wrote."""
    content = read_json(folder / RECORD)
    training = TrainingRecord(**content["training"])
    samples = {int(epoch): np.asarray(values) for epoch, values in training.samples.items()}
    return FitRecord(
        predictions=np.load(folder / PREDICTIONS, allow_pickle=False),
        training=replace(training, samples=samples),
        details=content["details"],
        model=folder / MODEL,
    )
