"""Boosting of any kind of model: SAMME for classes, residuals for numbers.

SAMME (Zhu et al., 2009) is AdaBoost for any number of classes, with scikit-learn's votes and
probabilities. Numbers are the sum of models of the residuals, each shrunk (Friedman, 2001).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Recipe
from foldline.models.interface import FitResult, Job, Model
from foldline.models.soft_labels import sample_weights
from foldline.models.tracking import SafeTracker

FILE = "boosting.json"
FitKind = Callable[[Job], FitResult]
LoadKind = Callable[[Path, Labels], Model]


@dataclass(frozen=True)
class BoostedModel:
    """Models and their weights; `codes` are the classes of the training rows, `base` is their mean.

    Classification has no base, regression no codes.
    """

    task: str
    n_classes: int
    models: tuple[Model, ...]
    weights: tuple[float, ...]
    codes: tuple[int, ...] = ()
    base: float = 0.0

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) values."""
        predictions = [model.predict(rows) for model in self.models]
        if self.task == "regression":
            return np.asarray(self.base + np.asarray(self.weights) @ np.array(predictions))
        scores = sum_votes(predictions, self.weights, self.codes)
        probabilities = np.zeros((len(rows), self.n_classes))
        probabilities[:, list(self.codes)] = compute_probabilities(scores)
        return probabilities

    def save(self, folder: Path) -> None:
        """Write each model into a folder of its own, and the weights."""
        for number, model in enumerate(self.models):
            own = folder / str(number)
            own.mkdir()
            model.save(own)
        content = {"weights": self.weights, "codes": self.codes, "base": self.base}
        write_json(folder / FILE, content)


def is_boosted(recipe: Recipe) -> bool:
    """Return whether a recipe asks for boosting."""
    section = vars(recipe).get("boosting")
    return section is not None and section.is_on


def is_boosted_folder(folder: Path) -> bool:
    """Return whether a folder holds a boosted model."""
    return (folder / FILE).exists()


def describe_unweighted(model: str) -> str:
    """Return the message for a kind that cannot be boosted."""
    return (
        f"boosting.n_estimators: model={model} does not follow weights of rows. Set it to 1, or "
        "use length, tfidf, gbdt, static, embed or a transformer. A component that follows the "
        "column `weight` of job.train says so by USES_WEIGHTS = True in its module"
    )


def load_boosted(folder: Path, labels: Labels, load: LoadKind) -> BoostedModel:
    """Read the models with the `load` of their kind."""
    content = read_json(folder / FILE)
    weights = tuple(content["weights"])
    models = tuple(load(folder / str(number), labels) for number in range(len(weights)))
    codes = tuple(content["codes"])
    return BoostedModel(labels.task, len(labels.classes), models, weights, codes, content["base"])


def fit_boosted(job: Job, fit: FitKind) -> FitResult:
    """Fit up to `boosting.n_estimators` models by the `fit` of their kind.

    The record is that of the first model. If boosting ends with one model, that is the result.
    """
    if job.labels.task == "regression":
        return _fit_residuals(job, fit)
    return _fit_samme(job, fit)


def _fit_samme(job: Job, fit: FitKind) -> FitResult:
    """Fit each model to weights that grow where the models before it are wrong.

    The algorithm ends with a model that makes no error in the training rows; a model that is no
    better than chance, 1 - 1/k of the weight being wrong, ends it and is left out.
    """
    options, target = job.recipe.boosting, job.labels.encode(job.train["label"])
    codes, given = np.unique(target), sample_weights(job.train)
    weights = np.ones(len(target)) if given is None else given
    fits: list[FitResult] = []
    votes: list[float] = []
    reason = ""
    while len(fits) < options.n_estimators and not reason:
        train = job.train.assign(weight=weights) if fits else job.train
        fitted = fit(_make_job(job, len(fits), train, job.valid))
        wrong = fitted.model.predict(train).argmax(axis=1) != target
        error = float(weights @ wrong / weights.sum())
        vote = compute_vote(error, len(codes), options.learning_rate)
        if error <= 0:
            reason, vote = "it makes no error in the training rows", 1.0
        elif vote <= 0:
            reason = "a model is no better than chance in the weighted training rows"
        if vote > 0 or not fits:
            fits.append(fitted)
            votes.append(vote)
        weights = weights * np.exp(vote * wrong)
        weights = np.maximum(weights / weights.mean(), np.finfo(np.float64).tiny)
    models = tuple(own.model for own in fits)
    model = BoostedModel(
        job.labels.task, job.labels.outputs, models, tuple(votes), tuple(codes.tolist())
    )
    return _make_result(fits, model, options.n_estimators, reason)


def compute_vote(error: float, n_classes: int, learning_rate: float) -> float:
    """Return the weight of a model's vote by its weighted error; 0 or less is chance or worse."""
    if n_classes < 2:
        return 0.0
    error = min(max(error, np.finfo(np.float64).tiny), 1 - np.finfo(np.float64).eps)
    return float(learning_rate * (np.log((1 - error) / error) + np.log(n_classes - 1)))


def sum_votes(
    predictions: list[np.ndarray], weights: tuple[float, ...], codes: tuple[int, ...]
) -> np.ndarray:
    """Return scores (n, k) of the classes in `codes`, from -1/(k - 1) to 1.

    Each model votes 1 for the class it predicts and -1/(k - 1) for each other class.
    """
    chosen = np.array([values.argmax(axis=1) for values in predictions])
    votes = np.where(chosen[:, :, None] == np.array(codes), 1.0, -1 / (len(codes) - 1))
    return np.asarray(np.tensordot(weights, votes, axes=1) / sum(weights))


def compute_probabilities(scores: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, k) of scores (n, k): the softmax of scores / (k - 1)."""
    odds = np.exp(scores / (scores.shape[1] - 1))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _fit_residuals(job: Job, fit: FitKind) -> FitResult:
    """Fit each model to what the mean and the models before it leave of the targets."""
    options, parts = job.recipe.boosting, (job.train, job.valid)
    base = float(
        np.average(job.labels.encode(job.train["label"]), weights=sample_weights(job.train))
    )
    residuals = [job.labels.encode(part["label"]) - base for part in parts]
    fits: list[FitResult] = []
    reason = ""
    while len(fits) < options.n_estimators and not reason:
        train, valid = (
            part.assign(label=[repr(value) for value in own.tolist()])
            for part, own in zip(parts, residuals, strict=True)
        )
        fits.append(fit(_make_job(job, len(fits), train, valid)))
        for part, own in zip(parts, residuals, strict=True):
            if len(part):
                own -= options.learning_rate * fits[-1].model.predict(part)
        if not residuals[0].any():
            reason = "no residual is left in the training rows"
    weights = (options.learning_rate,) * len(fits)
    models = tuple(own.model for own in fits)
    model = BoostedModel(job.labels.task, 0, models, weights, base=base)
    return _make_result(fits, model, options.n_estimators, reason)


def _make_job(job: Job, number: int, train: pd.DataFrame, valid: pd.DataFrame) -> Job:
    """Return the job of one of the models, with its own seed and checkpoints.

    A tracker follows the first.
    """
    if not number:
        return replace(job, train=train, valid=valid)
    seed = derive_seed(job.recipe.seed, "boosting", number) % 2**31
    folder = job.checkpoint_folder / f"boosting-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    return replace(
        job,
        train=train,
        valid=valid,
        recipe=job.recipe.model_copy(update={"seed": seed}),
        checkpoint_folder=folder,
        sample_ids=(),
        tracker=SafeTracker(),
    )


def _make_result(
    fits: list[FitResult], model: BoostedModel, n_estimators: int, reason: str
) -> FitResult:
    first = fits[0]
    notes = list(dict.fromkeys(note for own in fits for note in own.notes))
    if reason:
        notes.append(f"boosting ended with {len(fits)} of {n_estimators} models: {reason}")
    summary = first.summary | {"boosted_models": float(len(fits))}
    if len(fits) == 1 and model.task == "classification":
        return replace(first, summary=summary, notes=notes)
    return replace(first, model=model, summary=summary, samples={}, notes=notes)
