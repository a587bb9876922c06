"""Shares of classes: those that probabilities assume, and those of new rows without labels.

A model that has seen resampled rows, or class weights, assumes other shares than those of the data.
Its probabilities times (right share / assumed share), normalized, are right again (Elkan, 2001;
Saerens et al., 2002). Labels of multilabel are adapted one by one, by their odds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from foldline.metrics.resampling import Groups, encode_groups
from foldline.metrics.weighted_sample import Codes, Floats

NONE, TRAIN, PREDICT = "none", "train", "predict"
MAX_WEIGHT = 1e3  # of a class against the others, up or down
LEAST = 1e-6  # share of a class among new rows
MAX_STEPS, TOLERANCE = 1000, 1e-10
DIGITS = 9  # of what is fitted: below are rounding errors of sums over rows in another order


@dataclass(frozen=True)
class Prior:
    """Weights (c,) of the classes: `weights` before calibration, `shift` after it, for new rows.

    Without a shift the new rows have the shares of the training rows, or are not known not to.
    """

    weights: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]]
    shift: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]]


def reweight(probabilities: np.ndarray, weights: ArrayLike, task: str) -> Floats:
    """Return probabilities (n, c) times weights (c,), normalized; of multilabel the odds."""
    scaled = probabilities * np.asarray(weights, dtype=np.float64)
    if task == "multilabel":
        return np.asarray(scaled / (scaled + 1 - probabilities))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def fit_weights(probabilities: np.ndarray, target: np.ndarray, task: str) -> list[float]:
    """Return the weights (c,) by which the mean probability of a class is its share of the rows.

    They maximize the likelihood of the labels. Rows of unknown label (-1) are left out.
    """
    if task == "multilabel":
        columns = range(probabilities.shape[1])
        pairs = [_fit_weights(both(probabilities[:, k]), target[:, k]) for k in columns]
        return [float(np.round(own[1] / own[0], DIGITS)) for own in pairs]
    known = target >= 0
    weights = _fit_weights(probabilities[known], target[known])
    return [float(value) for value in np.round(weights / weights.mean(), DIGITS)]


def _fit_weights(probabilities: np.ndarray, target: np.ndarray) -> Floats:
    """Return the weights of classes by Newton's method with step halving; the loss is convex."""
    c = probabilities.shape[1]
    shares, logs, bound = count_shares(target, c), np.zeros(c), np.log(MAX_WEIGHT)

    def loss(logs: Floats) -> float:
        return float(np.log(probabilities @ np.exp(logs)).mean() - shares @ logs)

    value = loss(logs)
    for _ in range(100):
        adapted = reweight(probabilities, np.exp(logs), "classification")
        slope = adapted.mean(axis=0) - shares
        if np.abs(slope).max() < TOLERANCE:
            break
        step = np.linalg.lstsq(spread_of(adapted), slope, rcond=1e-9)[0]
        for halving in range(30):
            new = np.clip(logs - step / 2**halving, -bound, bound)
            if loss(new) < value:
                break
        else:
            break
        logs, value = new, loss(new)
    return np.asarray(np.exp(logs))


def adapt_out_of_fold(
    probabilities: np.ndarray, target: np.ndarray, task: str, folds: np.ndarray
) -> np.ndarray:
    """Return adapted probabilities (n, c), each fold by weights of the other folds."""
    adapted = np.zeros_like(probabilities)
    for fold in np.unique(folds):
        own = folds == fold
        weights = fit_weights(probabilities[~own], target[~own], task)
        adapted[own] = reweight(probabilities[own], weights, task)
    return adapted


def count_shares(target: np.ndarray, c: int) -> Floats:
    """Return the shares (c,) of codes; a class without rows counts as half a row."""
    counts = np.maximum(np.bincount(target, minlength=c), 0.5)
    return np.asarray(counts / counts.sum())


def both(yes: np.ndarray) -> Floats:
    """Return the probabilities of no and yes (n, 2)."""
    return np.column_stack([1 - yes, yes])


def spread_of(adapted: Floats) -> Floats:
    """Return the derivative (c, c) of mean probabilities by the logarithms of weights."""
    return np.asarray(np.diag(adapted.mean(axis=0)) - adapted.T @ adapted / len(adapted))


def estimate_shares(probabilities: np.ndarray, shares: Floats) -> Floats:
    """Return the most likely shares (c,) of classes among new rows, by EM (Saerens et al., 2002).

    The probabilities (n, c) assume `shares`. Without rows those stay.
    """
    new = shares
    for _ in range(MAX_STEPS if len(probabilities) else 0):
        weights = new / shares
        total = probabilities @ weights
        found = np.maximum(weights * ((1 / total) @ probabilities) / len(total), LEAST)
        found /= found.sum()
        change, new = np.abs(found - new).max(), found
        if change < TOLERANCE:
            break
    return np.asarray(new)


def estimate_shares_by_decisions(
    known: np.ndarray, target: np.ndarray, new: np.ndarray, shares: Floats
) -> Floats:
    """Return the shares (c,) among new rows by their predicted classes (BBSE, Lipton et al., 2018).

    They are those that explain how often each class is predicted, given which class was predicted
    for known rows (n, c) of each class.
    """
    c = known.shape[1]
    joint = np.zeros((c, c))
    np.add.at(joint, (known.argmax(axis=1), target), 1 / len(target))
    predicted = np.bincount(new.argmax(axis=1), minlength=c) / len(new)
    found = np.maximum(np.linalg.lstsq(joint, predicted, rcond=None)[0], 0) * shares
    return np.asarray(found / found.sum()) if found.sum() else shares


@dataclass(frozen=True)
class Shift:
    """Shares (c,) of classes in training and new rows, with bounds, and by BBSE.

    `weights` (c,) adapt probabilities to the new shares. `established` says of each class whether
    its interval excludes the training share and BBSE is on the same side of it.
    """

    train: Floats
    share: Floats
    low: Floats
    high: Floats
    by_decisions: Floats
    weights: Floats
    established: np.ndarray


def estimate_shift(
    known: tuple[np.ndarray, np.ndarray, Groups],
    new: tuple[np.ndarray, Groups],
    task: str,
    level: float,
) -> Shift:
    """Return the shares of classes among new rows, with intervals that hold together.

    `known` are out-of-fold probabilities (n, c), targets and groups, `new` probabilities and
    groups. Both are first brought to the training shares, so that what a model gets wrong in both
    alike is no shift. Intervals are for the difference to the training shares, with the sampling
    error of both, by the influence of whole groups (the limit of a bootstrap over groups), at the
    level of Bonferroni for all classes.
    """
    probabilities, target, groups = known
    if task == "classification":
        kept = target >= 0
        names = None if groups is None else encode_groups(groups)[kept]
        tests = 1 if probabilities.shape[1] == 2 else probabilities.shape[1]
        own = (probabilities[kept], target[kept], names)
        return _estimate_shift(own, new, 1 - (1 - level) / tests)
    c = probabilities.shape[1]
    found = [
        _estimate_shift(
            (both(probabilities[:, k]), target[:, k], groups),
            (both(new[0][:, k]), new[1]),
            1 - (1 - level) / c,
        )
        for k in range(c)
    ]
    second = {
        key: np.array([getattr(own, key)[1] for own in found])
        for key in ("train", "share", "low", "high", "by_decisions", "established")
    }
    odds = np.array([own.weights[1] / own.weights[0] for own in found])
    return Shift(weights=odds, **second)


def _estimate_shift(
    known: tuple[np.ndarray, np.ndarray, Groups], new: tuple[np.ndarray, Groups], level: float
) -> Shift:
    c, target = known[0].shape[1], known[1]
    weights, train = _fit_weights(known[0], target), count_shares(target, c)
    before, after = (reweight(own[0], weights, "classification") for own in (known, new))
    share = np.round(estimate_shares(after, train), DIGITS)
    codes = [encode_groups(own) if own is not None else None for own in (known[2], new[1])]
    z = NormalDist().inv_cdf((1 + level) / 2)
    margin, usual = (
        z * np.sqrt(_compute_variance((before, target, train), after, around, codes))
        for around in (share, train)
    )
    # An estimate near 0 looks surer than it is; the training share does not.
    margin = np.where(margin < share, margin, np.maximum(margin, usual))
    decisions = estimate_shares_by_decisions(before, target, after, train)
    # Without a shift both means are equal, whatever the model.
    error = np.sqrt(_sum_squares(before - train, codes[0]) + _sum_squares(after - train, codes[1]))
    moved = (np.abs(after.mean(axis=0) - train) > z * error) & (np.abs(share - train) > margin)
    total = weights * share / train
    return Shift(
        train,
        share,
        np.clip(share - margin, 0, 1),
        np.clip(share + margin, 0, 1),
        decisions,
        np.round(total / total.mean(), DIGITS),
        moved & (np.sign(decisions - train) == np.sign(share - train)),
    )


def _compute_variance(
    known: tuple[Floats, np.ndarray, Floats],
    after: Floats,
    share: Floats,
    codes: Sequence[Codes | None],
) -> Floats:
    """Return the variance (c,) of estimated minus training shares, around `share`.

    Rows of both parts are sampled: those of the known ones move the weights and training shares.
    """
    before, target, train = known
    c = len(train)
    truth = np.eye(c)[target]
    adapted = reweight(after, share / train, "classification")
    spread = spread_of(adapted)
    inverse = np.linalg.pinv(np.eye(c) - spread / share)
    by_weights = (truth - before) @ np.linalg.pinv(spread_of(before)) + 1 - truth / train
    of_known = by_weights @ (inverse @ spread).T - (truth - train)
    of_new = (adapted - adapted.mean(axis=0)) @ inverse.T
    return _sum_squares(of_known, codes[0]) + _sum_squares(of_new, codes[1])


def _sum_squares(influence: Floats, codes: Codes | None) -> Floats:
    """Return the variance (c,) of the mean of rows (n, c) whose groups are drawn as a whole."""
    sums = influence
    if codes is not None:
        sums = np.zeros((int(codes.max(initial=-1)) + 1, influence.shape[1]))
        np.add.at(sums, codes, influence)
    return np.asarray(np.square(sums).sum(axis=0) / len(influence) ** 2)
