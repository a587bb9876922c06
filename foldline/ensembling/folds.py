"""One fold of a cross-validation: what it is fitted to, and its result in the store.

Augmentation, vectorisers, tokenizers and early stopping use only the fold's training rows. Results
stay in the store until the stage has written its outputs, so that a killed run can resume.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.augmentation.augment_rows import augment_rows
from foldline.augmentation.external_inputs import hash_external_inputs
from foldline.augmentation.sampling_plan import list_methods
from foldline.core.errors import FoldlineError, listing
from foldline.core.io import schemas
from foldline.core.io.components import hash_components
from foldline.core.io.files import read_json, write_json
from foldline.core.io.group_split import compute_strata, split_groups
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Augment, Kfold, Recipe
from foldline.data.leaks import text_digest
from foldline.execution.locks import hold_lock
from foldline.execution.store import Store, code_version, fingerprint, library_versions
from foldline.models import registry
from foldline.models.interface import Job

MAX_SHOWN = 5  # rows named in a message
STORE = "folds"
MODEL, PREDICTIONS, DETAILS = "model", "predictions.npy", "result.json"
_FOLDERS = ("core/io", "data", "encoders", "metrics", "augmentation", "models", "ensembling")


@dataclass(frozen=True)
class Fold:
    """One fold of one member: all rows with their `fold`, and what to fit.

    Soft labels are columns `p_<class>` of the rows, so the key covers them. `pretraining_texts`
    have no labels and none of them occurs in a row.
    """

    member: str
    number: int
    rows: pd.DataFrame
    labels: Labels
    recipe: Recipe
    augment: Augment
    kfold: Kfold
    pretraining_texts: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def name(self) -> str:
        """Return the name for messages."""
        return f"{self.member}, fold {self.number}"

    @property
    def is_baseline(self) -> bool:
        """Return whether the fold is of a baseline, whose results other experiments share."""
        return self.member != "model"

    @property
    def held_out(self) -> pd.DataFrame:
        """Return the rows to predict."""
        return self.rows[self.rows["fold"] == self.number]

    @cached_property
    def key(self) -> str:
        """Return the hash of everything that the result depends on."""
        return fingerprint(
            "fold",
            self.number,
            self.rows,
            self.pretraining_texts,
            registry.list_dependencies(self.recipe, self.labels),
            self.recipe.model_dump(),
            _select_determining_options(self.augment),
            hash_external_inputs(self.augment),
            hash_components(*list_methods(self.augment)),
            self.kfold.model_dump(),
            code_version(*_FOLDERS),
            library_versions(),
        )


def _select_determining_options(augment: Augment) -> dict[str, Any]:
    """Return the options that augmented rows depend on.

    An answer of a language model is the same whether recorded or replayed, and from any server.
    """
    options = augment.model_dump(exclude={"llm": {"mode", "url", "key_variable"}})
    return options | {"llm_off": augment.llm.mode == "off"}


@dataclass(frozen=True)
class FoldResult:
    """A fitted fold: predictions of its held-out rows, numbers, and the folder of its model."""

    fold: Fold
    predictions: np.ndarray
    details: dict[str, Any]
    model: Path | None


def join_folds(rows: pd.DataFrame, folds: pd.DataFrame, n_splits: int) -> pd.DataFrame:
    """Return the rows of train and valid with their `fold`, without those in no fold.

    `split` leaves out of the folds the valid rows that test rows equal.

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
    return rows.merge(folds, on="id", validate="one_to_one")


def split_training_rows(fold: Fold) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the augmented training rows of a fold, and its rows for early stopping.

    The rows for early stopping are whole groups of the training part, so that held-out rows do
    not even choose the epoch. A model that never stops early trains on all rows.
    """
    rows = _rows_to_learn(fold)
    if not registry.get_kind(registry.resolve_kind(fold.recipe.model)).stops_early:
        stopping = rows.iloc[:0]
        return _augment(fold, rows, stopping), stopping
    codes = split_groups(
        rows["id"].tolist(),
        rows["group"].tolist(),
        compute_strata(rows["label"], fold.labels.task),
        [1 - fold.kfold.inner_valid, fold.kfold.inner_valid],
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


def fit_fold(fold: Fold) -> None:
    """Fit and predict one fold, unless its result is in the store."""
    store, key = Store(STORE), fold.key
    with hold_lock(f"fold-{key}"):
        if store.find(key):
            return
        training, stopping = split_training_rows(fold)
        seed = derive_seed(fold.recipe.seed, "fold", fold.number) % 2**31
        recipe = fold.recipe.model_copy(update={"seed": seed})
        scratch = store.scratch_folder(key)
        job = Job(training, stopping, fold.labels, recipe, scratch, fold.pretraining_texts)
        fitted = registry.fit(job)
        predictions = fitted.model.predict(fold.held_out)
        counts = {"learnt_from": len(training), "stopped_by": len(stopping)}
        with store.create(key) as folder:
            _write_result(folder, predictions, counts | fitted.summary)
            if fold.kfold.keep_models:
                registry.save(fitted.model, recipe.model, fold.labels, folder / MODEL)


def _write_result(folder: Path, predictions: np.ndarray, details: dict[str, Any]) -> None:
    np.save(folder / PREDICTIONS, predictions, allow_pickle=False)
    write_json(folder / DETAILS, details)


def make_baseline(fold: Fold) -> Fold:
    """Return the fold of TF-IDF as a baseline: of the part of the recipe that it depends on."""
    recipe = registry.make_baseline_recipe(fold.recipe, "tfidf")
    kfold = fold.kfold.model_copy(update={"keep_models": False})
    return replace(fold, member="tfidf", recipe=recipe, kfold=kfold)


def share_result(result: FoldResult) -> None:
    """Store a result of TF-IDF for experiments in which it is a baseline."""
    baseline = make_baseline(result.fold)
    store = Store(STORE)
    with hold_lock(f"fold-{baseline.key}"):
        if not store.find(baseline.key):
            with store.create(baseline.key) as folder:
                _write_result(folder, result.predictions, result.details)


def load_result(fold: Fold) -> FoldResult:
    """Read the result of a fold from the store.

    Raises:
        FoldlineError: if the store does not have it.
    """
    folder = Store(STORE).find(fold.key)
    if folder is None:
        raise FoldlineError(f"{fold.name}: its result is gone; run `dvc repro` again")
    model = folder / MODEL
    return FoldResult(
        fold=fold,
        predictions=np.load(folder / PREDICTIONS, allow_pickle=False),
        details=read_json(folder / DETAILS),
        model=model if model.exists() else None,
    )


def delete_results(folds: list[Fold]) -> None:
    """Remove the results of folds from the store, but those of baselines, which expire."""
    for fold in folds:
        if fold.is_baseline:
            continue
        Store(STORE).delete(fold.key)
