"""Checks of kinds of models.

A kind is anything with `fit(job)` and `load(folder, labels)`: a module, or an entry of the
library's registry.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.components import short_name
from foldline.core.io.labels import Labels
from foldline.core.params import Recipe
from foldline.core.params.loading import read_params
from foldline.models.interface import FitResult, Job, Kind, Model
from foldline.testing.contract import equal_arrays, require
from foldline.testing.sample_data import HARD_PAIRS, HARD_TEXTS, sample_labels, sample_rows

Predict = Callable[[pd.DataFrame], np.ndarray]
# (rows to learn from, validation rows) -> the fitted model
Fit = Callable[[pd.DataFrame, pd.DataFrame], Model]
CLOSE = 1e-5  # batches of other lengths round differently


def check_model(kind: Any, recipe: Recipe | None = None) -> None:
    """Check a kind of model for the task of a recipe.

    `kind` has `fit(job)`, `load(folder, labels)`, `STOPS_EARLY = True` if it looks at the
    validation rows, and `USES_WEIGHTS = True` if it follows the column `weight` of the training
    rows. Without a recipe, params.yaml of the working directory is it.

    Raises:
        ContractError: naming what is wrong and what to change.
    """
    from foldline.models.registry import fit_kind

    recipe = recipe or read_recipe(getattr(kind, "__name__", "tfidf"))
    own, labels = _wrap_kind(kind), sample_labels(recipe.task)
    with TemporaryDirectory() as name:

        def fit(train: pd.DataFrame, valid: pd.DataFrame) -> Model:
            with TemporaryDirectory(dir=name) as scratch:
                return fit_kind(own, Job(train, valid, labels, recipe, Path(scratch))).model

        for pairs in (True, False):
            rows = sample_rows(recipe.task, pairs)
            model = fit(rows.iloc[:28], rows.iloc[28:34])
            check_row_order(model.predict, rows.iloc[34:], labels)
            check_any_text(model.predict, rows, labels)
        check_saved_model(model, lambda folder: own.load(folder, labels), rows.iloc[34:])
        check_seed(fit, rows.iloc[:28], rows.iloc[28:34])
        check_validation_labels(fit, rows.iloc[:28], rows.iloc[28:34], own.stops_early)
        check_absent_class(fit, rows, labels)
        if own.uses_weights:
            check_weights(fit, rows.iloc[:28], rows.iloc[28:34])


def read_recipe(name: str, path: Path = Path("params.yaml")) -> Recipe:
    """Return the recipe of a params file with `model` set to this name."""
    content = read_params(path)
    own = {key: content[key] for key in Recipe.model_fields} | {"model": name}
    own["components"] = {short_name(name): {}} | own["components"]
    return Recipe.model_validate(own)


def check_predictions(predictions: Any, n: int, labels: Labels) -> None:
    """Check shape, type and range of the predictions of n rows."""
    advice = "`predict(rows)` must return a numpy array of float64, a row of it for each row"
    require(isinstance(predictions, np.ndarray), f"predictions are a {type(predictions)}", advice)
    require(predictions.dtype == np.float64, f"predictions are of {predictions.dtype}", advice)
    shape = (n,) if labels.task == "regression" else (n, len(labels.classes))
    require(
        predictions.shape == shape,
        f"predictions of {n} rows have the shape {predictions.shape}, not {shape}",
        "Return a number for each row"
        if labels.task == "regression"
        else "Return a column for each of `labels.classes`, in their order, also for a class "
        "that the training rows lack",
    )
    require(
        np.isfinite(predictions).all(),
        f"{np.count_nonzero(~np.isfinite(predictions))} of {predictions.size} predictions are NaN "
        "or infinite",
        "Return finite numbers for any text: look at divisions by 0, logarithms of 0, empty texts",
    )
    if labels.task == "regression":
        return
    require(
        (predictions >= 0).all() and (predictions <= 1 + 1e-6).all(),
        f"predictions go from {predictions.min(initial=0):g} to {predictions.max(initial=0):g}",
        "Return probabilities, from 0 to 1: apply a softmax (multilabel: a sigmoid) to scores",
    )
    sums = predictions.sum(axis=1)
    require(
        labels.task == "multilabel" or equal_arrays(sums, np.ones(n), 1e-6),
        f"the probabilities of a row sum to {sums[np.abs(sums - 1).argmax()] if n else 1:g}, not 1",
        "Divide each row of the predictions by its sum",
    )


def check_row_order(predict: Predict, rows: pd.DataFrame, labels: Labels) -> None:
    """Check that a row's prediction follows from the row alone, and the table stays as it was."""
    before = rows.copy(deep=True)
    together = predict(rows)
    check_predictions(together, len(rows), labels)
    require(
        rows.equals(before),
        "`predict` changed the table that it was given",
        "Work on `rows.copy()`",
    )
    advice = (
        "`predict` must treat each row by itself: move what it computes over all rows (means, "
        "vocabularies, ranks) to `fit`, and keep the order of the rows"
    )
    reverse = predict(rows.iloc[::-1])[::-1]
    require(
        equal_arrays(reverse, together, CLOSE),
        "rows in reverse order have other predictions",
        advice,
    )
    alone = np.concatenate([predict(rows.iloc[i : i + 1]) for i in range(len(rows))])
    require(
        equal_arrays(alone, together, CLOSE),
        "a row predicted alone has another prediction than among other rows",
        advice,
    )


def check_any_text(predict: Predict, rows: pd.DataFrame, labels: Labels) -> None:
    """Check that any text is predicted, an empty, strange or very long one as well; also no row."""
    table = rows.iloc[: len(HARD_TEXTS)].copy()
    if (table["text_pair"] != "").any():
        table["text_pair"] = list(HARD_PAIRS)
    table["text"] = list(HARD_TEXTS)
    together = predict(table)
    check_predictions(together, len(table), labels)
    require(
        equal_arrays(predict(table.iloc[:1]), together[:1], CLOSE),
        "an empty text has another prediction alone than among other rows",
        "Treat each row by itself in `predict`",
    )
    check_predictions(predict(table.iloc[:0]), 0, labels)


def check_saved_model(model: Model, load: Callable[[Path], Model], rows: pd.DataFrame) -> None:
    """Check that a saved and loaded model predicts the same."""
    with TemporaryDirectory() as name:
        model.save(Path(name))
        require(
            any(Path(name).iterdir()),
            "`save` wrote no file",
            "Write all that `predict` needs into the folder that it is given",
        )
        loaded = load(Path(name))
        predictions = loaded.predict(rows)
    require(
        equal_arrays(predictions, model.predict(rows)),
        "a saved and loaded model gives other predictions",
        "Let `save` write all that `predict` needs, in full precision, and `load` read it",
    )


def check_seed(fit: Fit, train: pd.DataFrame, valid: pd.DataFrame) -> None:
    """Check that two fits to the same rows with one seed give the same predictions."""
    first, second = (fit(train, valid).predict(train) for _ in range(2))
    require(
        equal_arrays(first, second),
        "two fits with the same seed give different predictions",
        "Seed everything random by `job.recipe.seed`: `np.random.default_rng(job.recipe.seed)`, "
        "or `random_state=job.recipe.seed` in scikit-learn",
    )


def check_validation_labels(
    fit: Fit, train: pd.DataFrame, valid: pd.DataFrame, stops_early: bool
) -> None:
    """Check that nothing is learnt of the validation rows.

    A kind that stops early may look at their labels, but must also work without such rows.
    """
    rows = pd.concat([train, valid], ignore_index=True)
    without = fit(train, valid.iloc[:0]).predict(rows)
    if stops_early:
        return
    advice = (
        "`fit` must learn from `job.train` alone: a score on rows that were learnt is worth "
        "nothing. If it only stops training by them, set `STOPS_EARLY = True` in the module"
    )
    changed = valid.assign(label=np.roll(valid["label"].to_numpy(), 1))
    first, second = (fit(train, table).predict(rows) for table in (valid, changed))
    require(
        equal_arrays(first, second),
        "other labels of the validation rows give other predictions: they leak into the model",
        advice,
    )
    require(
        equal_arrays(first, without),
        "without validation rows the predictions differ: these rows leak into the model",
        advice,
    )


def check_weights(fit: Fit, train: pd.DataFrame, valid: pd.DataFrame) -> None:
    """Check that rows that weigh more change the predictions."""
    heavy = train.assign(weight=[50.0] * (len(train) // 2) + [1.0] * (len(train) - len(train) // 2))
    first, second = (fit(table, valid).predict(train) for table in (train, heavy))
    require(
        not equal_arrays(first, second),
        "`USES_WEIGHTS = True`, but weights of the training rows change no prediction",
        "Pass `job.train['weight']`, where there is such a column, to the learner, as "
        "`sample_weight` in scikit-learn; or remove `USES_WEIGHTS`",
    )


def check_absent_class(fit: Fit, rows: pd.DataFrame, labels: Labels) -> None:
    """Check that a class that the training rows lack keeps its column."""
    if labels.task != "classification":
        return
    present = rows["label"].isin(labels.classes[1:])
    predictions = fit(rows[present].iloc[:12], rows.iloc[:0]).predict(rows)
    check_predictions(predictions, len(rows), labels)


def _wrap_kind(kind: Any) -> Kind:
    """Return a kind whose `fit` is checked for its result, and for leaving its tables alone."""

    def fit(job: Job) -> FitResult:
        before = replace(job, train=job.train.copy(deep=True), valid=job.valid.copy(deep=True))
        fitted: FitResult = kind.fit(job)
        require(
            isinstance(fitted, FitResult) and hasattr(fitted.model, "predict"),
            f"`fit` returned {type(fitted).__name__}",
            f"Return `{FitResult.__name__}(model)` of foldline.models.interface, whose model has "
            "`predict(rows)` and `save(folder)`",
        )
        require(
            job.train.equals(before.train) and job.valid.equals(before.valid),
            "`fit` changed the tables of the job",
            "Work on `job.train.copy()`",
        )
        return fitted

    flags = {
        name: bool(getattr(kind, name, getattr(kind, name.upper(), False)))
        for name in ("stops_early", "uses_weights")
    }
    return Kind(fit, kind.load, **flags)
