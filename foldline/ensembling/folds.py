"""One fold of a cross-validation: what it is fitted to, and what it predicts.

Augmentation, vectorisers, tokenizers and early stopping use only the fold's training rows.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from foldline.augmentation.augment_rows import augment_rows
from foldline.augmentation.external_inputs import hash_external_inputs
from foldline.augmentation.sampling_plan import list_methods
from foldline.core.errors import FoldlineError, listing
from foldline.core.io import schemas
from foldline.core.io.components import hash_components
from foldline.core.io.group_split import compute_strata, split_groups
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Augment, Recipe
from foldline.data.leaks import text_digest
from foldline.ensembling.bagging import draw_bag
from foldline.ensembling.chain_gap import score_chain
from foldline.ensembling.fits import (
    describe_recipe,
    make_task,
    remember,
    select_columns,
    select_texts,
    write_fit,
)
from foldline.execution.store import code_version, fingerprint
from foldline.execution.tasks import Task
from foldline.models import registry
from foldline.models.interface import Job

MAX_SHOWN = 5  # rows named in a message
_FOLDERS = ("core/io", "data", "encoders", "metrics", "augmentation", "models", "ensembling")


@dataclass(frozen=True)
class Fold:
    """One fold of one member: all rows with their `fold`, and what to fit.

    `repeat` numbers the divisions into folds, `training` the trainings of one fold; each has a seed
    of its own, and so has each `bag`: 0 is all training rows, others are bootstrap samples of them.
    Soft labels are columns `p_<class>` of the rows, so the key covers them.
    `pretraining_texts` have no labels and none of them occurs in a row.
    """

    member: str
    number: int
    rows: pd.DataFrame
    labels: Labels
    recipe: Recipe
    augment: Augment
    inner_valid: float
    pretraining_texts: pd.DataFrame = field(default_factory=pd.DataFrame)
    repeat: int = 0
    training: int = 0
    bag: int = 0

    @property
    def name(self) -> str:
        """Return the name for messages."""
        repeat = f", division {self.repeat + 1}" if self.repeat else ""
        training = f", training {self.training + 1}" if self.training else ""
        bag = f", bag {self.bag}" if self.bag else ""
        return f"{self.member}, fold {self.number + 1}{repeat}{training}{bag}"

    @property
    def held_out(self) -> pd.DataFrame:
        """Return the rows to predict."""
        return self.rows[self.rows["fold"] == self.number]

    @property
    def training_seed(self) -> int:
        """Return the seed of the training."""
        others: list[str | int] = (
            [self.repeat, self.training] if self.repeat or self.training else []
        )
        others += ["bag", self.bag] if self.bag else []
        return derive_seed(self.recipe.seed, "fold", self.number, *others) % 2**31

    @cached_property
    def key(self) -> str:
        """Return the hash of everything that the result depends on."""
        return fingerprint(
            "fold",
            self.number,
            self.repeat,
            self.training,
            self.bag,
            select_columns(self.recipe, self.rows),
            select_texts(self.recipe, self.pretraining_texts),
            *describe_recipe(self.recipe, self.labels),
            _select_determining_options(self.augment),
            hash_external_inputs(self.augment),
            hash_components(*list_methods(self.augment)),
            self.inner_valid,
            code_version(*_FOLDERS),
        )

    def make_task(self) -> Task:
        """Return the task that fits the fold."""
        task = make_task(self.name, self.key, fit_fold, (self,), self.recipe)
        files = map(Path, hash_external_inputs(self.augment))
        return replace(task, files=(*task.files, *files))


def _select_determining_options(augment: Augment) -> dict[str, Any]:
    """Return the options that augmented rows depend on.

    An answer of a language model is the same whether recorded or replayed, and from any server.
    """
    options = augment.model_dump(exclude={"llm": {"mode", "url", "key_variable"}})
    return options | {"llm_off": augment.llm.mode == "off"}


def join_folds(rows: pd.DataFrame, folds: pd.DataFrame, n_splits: int) -> pd.DataFrame:
    """Return the rows of train and valid with their `fold`, without those in no fold.

    `folds` are those of one division. `split` leaves out of them the valid rows that test rows
    equal.

    Raises:
        FoldlineError: for folds outside 0 to n_splits - 1, or of other rows than these.
    """
    outside = folds[~folds["fold"].isin(range(n_splits))]
    unknown = folds[~folds["id"].isin(set(rows["id"]))]
    empty = n_splits - folds["fold"].nunique()
    for wrong, found in [
        (len(outside), f"{len(outside)} rows have a fold outside 0 to {n_splits - 1}"),
        (len(unknown), f"{len(unknown)} rows are in neither data/train.csv nor data/valid.csv"),
        (empty, f"{empty} of {n_splits} folds have no rows"),
    ]:
        if wrong:
            ids = listing((outside if len(outside) else unknown)["id"], MAX_SHOWN)
            raise FoldlineError(
                f"{schemas.FOLDS.path}: {found}{f' ({ids})' if ids else ''}: {schemas.MAKE_AGAIN}"
            )
    return rows.merge(folds.drop(columns="repeat"), on="id", validate="one_to_one")


def split_training_rows(fold: Fold) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the augmented training rows of a fold, and its rows for early stopping.

    The rows for early stopping are whole groups of the training part, so that held-out rows do
    not even choose the epoch. A model that never stops early trains on all rows.
    """
    rows = _rows_to_learn(fold)
    if not registry.stops_early(fold.recipe):
        stopping = rows.iloc[:0]
        return _augment(fold, rows, stopping), stopping
    codes = split_groups(
        rows["id"].tolist(),
        rows["group"].tolist(),
        compute_strata(rows["label"], fold.labels.task),
        [1 - fold.inner_valid, fold.inner_valid],
        derive_seed(fold.recipe.seed, "inner", fold.number),
    )
    training, stopping = (rows[codes == code].reset_index(drop=True) for code in (0, 1))
    return _augment(fold, training, stopping), stopping


def _rows_to_learn(fold: Fold) -> pd.DataFrame:
    """Return the rows of other folds, without duplicates of the held-out rows."""
    held_out = set(fold.held_out["duplicate"]) - {""}
    learnt = (fold.rows["fold"] != fold.number) & ~fold.rows["duplicate"].isin(held_out)
    return fold.rows[learnt].reset_index(drop=True)


def _augment(fold: Fold, training: pd.DataFrame, stopping: pd.DataFrame) -> pd.DataFrame:
    """Augment the training rows; no copy equals a row for early stopping.

    Held-out texts are not read, not even to refuse copies of them: they would influence training.
    """
    texts = zip(stopping["text"].tolist(), stopping["text_pair"].tolist(), strict=True)
    hashes = frozenset(text_digest(*pair) for pair in texts)
    result = augment_rows(
        training,
        fold.augment,
        fold.labels.task,
        fold.recipe.seed,
        hashes,
        components=fold.recipe.components,
    )
    return result.rows


def fit_fold(folder: Path, scratch: Path, fold: Fold) -> None:
    """Fit one fold and predict its held-out rows; write the results into a folder."""
    training, stopping = split_training_rows(fold)
    training = draw_bag(training, fold.bag, fold.training_seed)
    recipe = fold.recipe.model_copy(update={"seed": fold.training_seed})
    texts = fold.pretraining_texts
    job = Job(training, stopping, fold.labels, recipe, scratch, texts, remember=remember)
    fitted = registry.fit(job)
    details: dict[str, Any] = {"learnt_from": len(training), "stopped_by": len(stopping)}
    details |= score_chain(fitted.model, recipe, fold.held_out, fold.labels)
    write_fit(folder, fitted, job, fold.held_out, details)
