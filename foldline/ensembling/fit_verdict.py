"""Name over- and underfitting by the scores of learnt and held-out rows, with the usual remedy.

The error of held-out rows has two parts: that of learnt rows, which the model cannot fit, and the
gap between both, which it has learnt by heart. The larger one is what to work on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.core.io.components import is_component
from foldline.core.params import Recipe
from foldline.core.params.kind_options import OPTIONS
from foldline.metrics.registry import METRICS, measure
from foldline.models.training_history import History, best_epoch, evaluated_epochs

LEARNS_NOTHING, OVERFITS, UNDERFITS, FITS = "learns nothing", "overfits", "underfits", "fits"
SMALL = 0.1  # an error that is less of the constant prediction's is small

# What reduces the gap, and what fits the learnt rows better, by kind; None: transformers.
LESS_CAPACITY: dict[str | None, str] = {
    "tfidf": "a larger tfidf.min_df, fewer n-grams (tfidf.words, tfidf.chars)",
    "gbdt": "fewer gbdt.leaves, a larger gbdt.min_leaf or gbdt.l2",
    "static": "fewer static.epochs, a smaller static.c",
    "embed": "a smaller embed.c, more embed.neighbours or embed.weight_decay",
    None: "dropout, train.weight_decay, train.label_smoothing, fewer epochs",
}
MORE_CAPACITY: dict[str | None, str] = {
    "tfidf": "more n-grams (tfidf.words, tfidf.chars), tfidf.min_df=1, another model",
    "gbdt": "more gbdt.iterations, gbdt.leaves or gbdt.dimensions",
    "static": "more static.epochs or static.dimensions, a larger static.c",
    "embed": "another embed.head or embed.encoder, a larger embed.c",
    None: "more epochs, another lr (`foldline lr-find`), less regularization, a larger model",
}
# The regularization of each head of tfidf: the change that lets it learn less, and more.
HEADS = {
    "logistic": ("a smaller tfidf.c", "a larger tfidf.c"),
    "svm": ("a smaller tfidf.svm_c", "a larger tfidf.svm_c"),
    "nbsvm": ("a smaller tfidf.svm_c", "a larger tfidf.svm_c"),
    "ridge": ("a larger tfidf.alpha", "a smaller tfidf.alpha"),
}


@dataclass(frozen=True)
class Score:
    """A metric's value and interval, on rows named by `where`."""

    value: float
    low: float
    high: float
    where: str = ""


@dataclass(frozen=True)
class Verdict:
    """The name of what the scores show, and a line for people."""

    name: str
    line: str


def judge_fit(
    task: str,
    metric: str,
    train: Score | None,
    held_out: Score,
    constant: float,
    recipe: Recipe,
    histories: Sequence[History] = (),
    doubled: Mapping[str, float] | None = None,
) -> Verdict | None:
    """Return what the scores of learnt and held-out rows show; None if one is missing.

    `constant` is the score of a prediction that does not read texts, `histories` are those of the
    trainings, `doubled` the gain of twice the rows with its bounds, if a learning curve is known.
    A gap counts if the intervals do not overlap.
    """
    if train is None or not np.isfinite([train.value, held_out.value]).all():
        return None
    best = METRICS[task][metric].best
    train_error, error = abs(best - train.value), abs(best - held_out.value)
    gap, small = error - train_error, SMALL * abs(best - constant)
    shown = f"train {_show(train.value)}, {held_out.where} {_show(held_out.value)}"
    if not _is_better(held_out, constant, METRICS[task][metric].greater_is_better):
        remedy = f"no better than a constant prediction ({_show(constant)}); `foldline sanity`"
        return Verdict(LEARNS_NOTHING, f"{shown}: {LEARNS_NOTHING}: {remedy} looks for the reason")
    if error <= small:
        return Verdict(FITS, f"{shown}: {FITS}")
    curve = _describe_curve(histories, recipe)
    if _are_apart(train, held_out) and gap > train_error:
        remedies, data = list_remedies(recipe, OVERFITS), _describe_data(doubled)
        line = f"{shown}: {OVERFITS}{curve}; try {remedies}, augmentation{data}"
        return Verdict(OVERFITS, line)
    if train_error > max(gap, small):
        remedies = list_remedies(recipe, UNDERFITS)
        line = (
            f"{shown}: {UNDERFITS}, as most of the error is on learnt rows{curve}; try {remedies}"
        )
        return Verdict(UNDERFITS, line)
    return Verdict(FITS, f"{shown}: {FITS}; neither the gap nor the error of learnt rows is large")


def score_constant(task: str, target: np.ndarray, metric: str) -> float:
    """Return the metric of predicting the shares of the labels, or the mean, for every row.

    The correlation of a constant, which is undefined, counts as 0.
    """
    n = len(target)
    if task == "regression":
        values = np.full(n, target.mean())
    elif task == "multilabel":
        values = np.tile(target.mean(axis=0), (n, 1))
    else:
        shares = np.bincount(target[target >= 0], minlength=int(target.max(initial=0)) + 1) / n
        values = np.tile(shares, (n, 1))
    return float(np.nan_to_num(measure(task, target, values, names=[metric])[metric]))


def list_remedies(recipe: Recipe, name: str) -> str:
    """Return the usual remedies of a verdict for a kind of model."""
    table = LESS_CAPACITY if name == OVERFITS else MORE_CAPACITY
    model = recipe.model
    if is_component(model):
        own = "stronger regularization" if name == OVERFITS else "a more flexible model"
    else:
        own = table.get(model if model in OPTIONS else None, "another model")
    if model == "tfidf" and recipe.tfidf.head in HEADS:
        own = f"{HEADS[recipe.tfidf.head][name == UNDERFITS]}, {own}"
    if name == UNDERFITS:
        return f"{own}; contradicting labels (reports/prepare.json) cannot be fitted"
    return own


def read_score(content: Mapping[str, Any] | None, metric: str, where: str) -> Score | None:
    """Return the score that a fit's details or a report hold, or None."""
    if not content:
        return None
    values = (content.get(name) for name in (metric, "low", "high"))
    value, low, high = (float("nan") if v is None else float(v) for v in values)
    return Score(value, low, high, where)


def _describe_data(doubled: Mapping[str, float] | None) -> str:
    if doubled is None:
        return ", or more data (`foldline learning-curve` estimates its gain)"
    low, high = sorted((doubled["gain_low"], doubled["gain_high"]))
    if low > 0 or high < 0:
        return f", or more data (twice the rows: {doubled['gain']:+.3f})"
    return f"; twice the rows ({doubled['gain']:+.3f}) may change nothing"


def _is_better(score: Score, constant: float, greater_is_better: bool) -> bool:
    return score.low > constant if greater_is_better else score.high < constant


def _are_apart(first: Score, other: Score) -> bool:
    """Return whether the intervals do not overlap; without one, whether the values differ."""
    if not np.isfinite([first.low, first.high, other.low, other.high]).all():
        return first.value != other.value
    return first.low > other.high or other.low > first.high


def _describe_curve(histories: Sequence[History], recipe: Recipe) -> str:
    """Return what most of the trainings' validation losses show, as part of a sentence."""
    if not histories or recipe.model in OPTIONS or is_component(recipe.model):
        return ""
    if not recipe.train.keeps_best_epoch:
        return ""
    shapes = [_find_shape(history, recipe) for history in histories]
    for shape, words in (
        ("rising", ", and the validation loss rose after the epoch that is kept"),
        ("falling", ", and the last epoch was the best: training may have ended too soon"),
    ):
        if 2 * shapes.count(shape) > len(shapes):
            return words
    return ""


def _find_shape(history: History, recipe: Recipe) -> str:
    epochs, best = evaluated_epochs(history), best_epoch(history, recipe.train.metric)
    if best is None:
        return ""
    if best == len(epochs) - 1:
        return "falling" if len(epochs) == recipe.epochs else ""
    return "rising" if epochs[-1]["valid_loss"] > epochs[best]["valid_loss"] else ""


def _show(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value >= 0 else f"{value:.3f}"
