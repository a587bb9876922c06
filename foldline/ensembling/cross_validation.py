"""Cross-validation: every row is predicted by a model that saw neither it nor its group.

All that is fitted (balance, vectoriser, tokenizer, the moment to stop) is fitted inside the
training part of its fold. Finished folds stand in the store until the stage ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.augmentation.augment_rows import balance
from foldline.augmentation.changing import methods_of
from foldline.augmentation.external_inputs import outside
from foldline.core.errors import FoldlineError
from foldline.core.io.components import hash_components
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive
from foldline.core.params import Augment, Kfold, Recipe
from foldline.data.allocation import allocate, strata_of
from foldline.data.leaks import digest
from foldline.execution.locks import locked
from foldline.execution.store import Store, code_version, fingerprint, libraries
from foldline.models import registry
from foldline.models.interface import Job

MODEL, PREDICTIONS, RESULT = "model", "predictions.npy", "result.json"
_FOLDERS = ("core/io", "data", "encoders", "augmentation", "models", "ensembling")


@dataclass(frozen=True)
class Fold:
    """One fold of one member: all rows with their `fold`, and what to fit.

    Rows with soft labels have them as columns `p_<class>`, so the key follows them, too. `further`
    are texts without labels, none of which stands in a row.
    """

    member: str
    number: int
    rows: pd.DataFrame
    labels: Labels
    recipe: Recipe
    augment: Augment
    kfold: Kfold
    further: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def name(self) -> str:
        """Name the fold for messages."""
        return f"{self.member}, fold {self.number}"

    @property
    def held(self) -> pd.DataFrame:
        """Give the rows to predict."""
        return self.rows[self.rows["fold"] == self.number]

    @cached_property
    def key(self) -> str:
        """Hash everything that the fold's result depends on."""
        return fingerprint(
            "fold",
            self.number,
            self.rows,
            self.further,
            registry.identity(self.recipe, self.labels),
            self.recipe.model_dump(),
            _determining(self.augment),
            outside(self.augment),
            hash_components(*methods_of(self.augment)),
            self.kfold.model_dump(),
            code_version(*_FOLDERS),
            libraries(),
        )


def _determining(augment: Augment) -> dict[str, Any]:
    """Give what a balanced row depends on: an answer is the same, whoever gave or replayed it."""
    found = augment.model_dump(exclude={"llm": {"mode", "url", "key_variable"}})
    return found | {"llm_off": augment.llm.mode == "off"}


@dataclass(frozen=True)
class Result:
    """A finished fold: predictions of its held rows, numbers, and the model's folder."""

    predictions: np.ndarray
    details: dict[str, Any]
    model: Path | None


def training_rows(fold: Fold) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give the balanced rows to learn from, and the rows to stop by, of a fold.

    The rows to stop by come from the training part, whole groups, so that the held rows do not
    even choose the epoch; a model that never stops early learns from all.
    """
    part = fold.rows[fold.rows["fold"] != fold.number].reset_index(drop=True)
    kind = registry.get_kind(registry.kind_of(fold.recipe.model))
    seed = derive(fold.recipe.seed, "inner", fold.number)
    if not kind.stops_early:
        return _balanced(fold, part, part.iloc[:0]), part.iloc[:0]
    shares = [1 - fold.kfold.inner_valid, fold.kfold.inner_valid]
    strata = strata_of(part["label"], fold.labels.task)
    codes = allocate(part["id"].tolist(), part["group"].tolist(), strata, shares, seed)
    learn, stop = (part[codes == code].reset_index(drop=True) for code in (0, 1))
    return _balanced(fold, learn, stop), stop


def _balanced(fold: Fold, learn: pd.DataFrame, stop: pd.DataFrame) -> pd.DataFrame:
    """Balance the rows to learn from; no copy is a row to stop by.

    No text of the held rows is looked at, not even to keep a copy from being one: they would
    decide what is learnt.
    """
    texts = zip(stop["text"].tolist(), stop["text_pair"].tolist(), strict=True)
    held = frozenset(digest(*pair) for pair in texts)
    options = fold.recipe.components
    balanced = balance(
        learn, fold.augment, fold.labels.task, fold.recipe.seed, held, components=options
    )
    return balanced.rows


@contextmanager
def alone(folds: list[Fold]) -> Iterator[None]:
    """Let one process at a time work on these folds, from the first fit to `forget`.

    Two experiments that differ in nothing that a fold depends on share its results: one must
    not forget them while the other goes on to read them.
    """
    with locked("kfold-" + fingerprint([fold.key for fold in folds])):
        yield


def fit_fold(fold: Fold) -> None:
    """Fit and predict one fold, unless it stands in the store already."""
    store, key = Store("folds"), fold.key
    with locked(f"fold-{key}"):
        if store.find(key):
            return
        learn, stop = training_rows(fold)
        seed = derive(fold.recipe.seed, "fold", fold.number) % 2**31
        recipe = fold.recipe.model_copy(update={"seed": seed})
        job = Job(learn, stop, fold.labels, recipe, store.scratch(key), fold.further)
        fitted = registry.fit(job)
        predictions = fitted.model.predict(fold.held)
        with store.making(key) as folder:
            np.save(folder / PREDICTIONS, predictions, allow_pickle=False)
            details = {"learnt_from": len(learn), "stopped_by": len(stop), **fitted.summary}
            write_json(folder / RESULT, details)
            if fold.kfold.keep_models:
                registry.save(fitted.model, recipe.model, fold.labels, folder / MODEL)


def finished(fold: Fold) -> Result:
    """Read a fold from the store.

    Raises:
        FoldlineError: where it is not there.
    """
    folder = Store("folds").find(fold.key)
    if folder is None:
        raise FoldlineError(f"{fold.name}: its result is gone; run `dvc repro` again")
    model = folder / MODEL
    return Result(
        predictions=np.load(folder / PREDICTIONS, allow_pickle=False),
        details=read_json(folder / RESULT),
        model=model if model.exists() else None,
    )


def forget(folds: list[Fold]) -> None:
    """Remove the folds' results from the store: the stage's outputs hold them now."""
    for fold in folds:
        Store("folds").forget(fold.key)
