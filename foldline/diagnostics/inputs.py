"""The inputs of every diagnostic: params, labels, and the rows of a training."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io import labels, schemas
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import rank_keys
from foldline.core.params import Recipe
from foldline.core.params.loading import load_params
from foldline.core.params.training import AVERAGES
from foldline.models.interface import Job
from foldline.models.registry import PRETRAINED, resolve_kind
from foldline.models.soft_labels import add_auxiliary_labels, add_soft_labels, add_weights

REQUIRED = (
    schemas.AUGMENTED.path,
    schemas.VALID.path,
    schemas.SOFT_LABELS.path,
    schemas.WEIGHTS.path,
    schemas.AUXILIARY_LABELS.path,
    labels.FILE,
)
# All regularisation off, so that a training can overfit.
NO_REGULARISATION = {
    "label_smoothing": 0.0, "weight_decay": 0.0, "rdrop": 0.0, "contrastive": 0.0,
    "dropout_samples": 1, "adversarial": "none", **AVERAGES,
}  # fmt: skip


@dataclass(frozen=True)
class DiagnosticInputs:
    """Training and validation rows, labels and recipe."""

    recipe: Recipe
    labels: Labels
    train: pd.DataFrame
    valid: pd.DataFrame

    @property
    def is_transformer(self) -> bool:
        """Return whether the model is a trained transformer."""
        return resolve_kind(self.recipe.model) in ("scratch", PRETRAINED)

    def sample(self, train: int, valid: int) -> "DiagnosticInputs":
        """Return a sample of so many rows of each part."""
        parts = (
            sample_rows(self.train, train, self.recipe),
            sample_rows(self.valid, valid, self.recipe),
        )
        return replace(self, train=parts[0], valid=parts[1])

    def with_options(
        self, options: Mapping[str, Any] | None = None, **top: Any
    ) -> "DiagnosticInputs":
        """Change top-level keys of the recipe, and those of its section `train`."""
        section = self.recipe.train.model_copy(update=options or {})
        return replace(self, recipe=self.recipe.model_copy(update=top | {"train": section}))

    @contextmanager
    def temporary_job(self) -> Iterator[Job]:
        """Yield a job without validation rows; its checkpoints are deleted."""
        with TemporaryDirectory(prefix="foldline-") as folder:
            none = self.valid.iloc[:0]
            yield Job(self.train, none, self.labels, self.recipe, Path(folder))


def load_inputs() -> DiagnosticInputs:
    """Read params and the tables that the stages wrote.

    Raises:
        FoldlineError: if a table is missing or empty.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    recipe = load_params(Recipe)
    missing = [path.as_posix() for path in REQUIRED if not path.exists()]
    if missing:
        raise FoldlineError(f"{missing[0]} is missing: run `dvc repro augment` first")
    stored = Labels.load()
    if stored.task != recipe.task:
        raise FoldlineError(
            f"task is {recipe.task} in params.yaml and {stored.task} in {labels.FILE}: run "
            "`dvc repro augment` first"
        )
    shares = schemas.SOFT_LABELS.read()
    parts = []
    for table in (schemas.AUGMENTED, schemas.VALID):
        rows = table.read()
        if rows.empty:
            raise FoldlineError(f"{table.path} has no rows: add rows, or change split.ratios")
        parts.append(add_soft_labels(rows, shares, stored))
    auxiliary = schemas.AUXILIARY_LABELS.read()
    train, valid = (add_auxiliary_labels(part, auxiliary) for part in parts)
    return DiagnosticInputs(recipe, stored, add_weights(train, schemas.WEIGHTS.read()), valid)


def sample_rows(rows: pd.DataFrame, count: int, recipe: Recipe) -> pd.DataFrame:
    """Return sampled rows, independent of their order; all if there are fewer."""
    keys = rank_keys(recipe.seed, rows["id"].tolist())
    return rows.iloc[np.argsort(keys, kind="stable")[:count]].reset_index(drop=True)
