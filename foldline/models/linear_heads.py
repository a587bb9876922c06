"""Linear learners of classes on many sparse features: the heads of TF-IDF."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.params import Recipe
from foldline.models.one_vs_rest import Learner, Linear, Problem, each
from foldline.models.platt import calibrated, calibration_folds

SMOOTHING = 1.0  # of naive Bayes counts: Laplace's
# How much of an NB-SVM is its own: the rest are weights of one size (Wang and Manning, 2012).
OWN = 0.25


def fit_head(
    recipe: Recipe, features: Any, found: Problem, rows: pd.DataFrame, counts: int
) -> Linear:
    """Fit the head that `tfidf.head` names; the first `counts` features are never negative.

    Logistic regression gives probabilities by itself; all others are calibrated on training rows
    out of their folds, which keep groups and copies of `rows` (n) together.
    """
    options = recipe.tfidf
    features = features[found.places]
    if options.head == "logistic":
        fitted = each(partial(_logistic, recipe), features, found.holds, found.shares)
        return Linear(fitted.weights, fitted.bias, found.codes)
    balanced = options.class_weights == "balanced"

    def fit(part: Any, holds: np.ndarray, shares: np.ndarray | None) -> Linear:
        if options.head == "complement_nb" and found.rivals:
            return complement_nb(part, holds, shares, counts)
        return each(learner(recipe, counts), part, holds, shares)

    fitted = calibrated(
        fit,
        features,
        found.holds,
        found.shares,
        calibration_folds(rows, recipe.task, recipe.seed)[found.places],
        partial(row_weights, balanced=balanced),
    )
    return Linear(fitted.weights, fitted.bias, found.codes)


def learner(recipe: Recipe, counts: int) -> Learner:
    """Give the learner of one class against the rest."""
    return {
        "svm": partial(_svm, recipe),
        "nbsvm": partial(_nbsvm, recipe, counts),
        "complement_nb": partial(_naive_bayes, counts),
        "ridge": partial(_ridge, recipe),
    }[recipe.tfidf.head]


def row_weights(holds: np.ndarray, shares: np.ndarray | None, balanced: bool) -> np.ndarray:
    """Give (n,) weights: the shares, times what lets both sides weigh the same if `balanced`."""
    weights = np.ones(len(holds)) if shares is None else shares.astype(np.float64)
    if not balanced:
        return weights
    positive = holds.astype(bool)
    sides = np.where(positive, weights[positive].sum(), weights[~positive].sum())
    return np.asarray(weights * weights.sum() / (2 * sides))


def complement_nb(
    features: Any, holds: np.ndarray, shares: np.ndarray | None, counts: int
) -> Linear:
    """Fit complement naive Bayes (Rennie et al., 2003): (n, k) `holds`, a class in each column.

    A class is scored by how little a text looks like all the others; scores are centred, which
    leaves their order.
    """
    logs = np.stack(
        [_log_shares(features, ~holds[:, k], shares, counts) for k in range(holds.shape[1])]
    )
    weights = np.zeros((holds.shape[1], features.shape[1]))
    weights[:, :counts] = logs.mean(axis=0) - logs
    return Linear(weights, np.zeros(len(weights)), np.arange(len(weights)))


def _logistic(
    recipe: Recipe, features: Any, holds: np.ndarray, shares: np.ndarray | None
) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    options = recipe.tfidf
    logistic = LogisticRegression(
        C=options.c,
        solver="liblinear",
        dual=features.shape[1] > features.shape[0],  # the faster way to the same answer
        class_weight=None if options.class_weights == "none" else "balanced",
        max_iter=1000,
        random_state=recipe.seed,
    ).fit(features, holds, sample_weight=shares)
    return logistic.coef_[0], logistic.intercept_[0]


def _svm(
    recipe: Recipe, features: Any, holds: np.ndarray, shares: np.ndarray | None
) -> tuple[np.ndarray, float]:
    from sklearn.svm import LinearSVC

    options = recipe.tfidf
    machine = LinearSVC(
        C=options.svm_c,
        class_weight=None if options.class_weights == "none" else "balanced",
        max_iter=10_000,
        random_state=recipe.seed,
    ).fit(features, holds, sample_weight=shares)
    return machine.coef_[0], machine.intercept_[0]


def _nbsvm(
    recipe: Recipe, counts: int, features: Any, holds: np.ndarray, shares: np.ndarray | None
) -> tuple[np.ndarray, float]:
    """Fit an SVM to features times their log-count ratio, between it and naive Bayes.

    Wang and Manning (2012), on TF-IDF weights in place of their binary ones.
    """
    from scipy import sparse

    ratio = np.ones(features.shape[1])
    ratio[:counts] = _naive_bayes(counts, features, holds, shares)[0][:counts]
    weights, bias = _svm(recipe, features @ sparse.diags_array(ratio), holds, shares)
    own = OWN * weights + (1 - OWN) * np.abs(weights).mean()
    return own * ratio, bias


def _naive_bayes(
    counts: int, features: Any, holds: np.ndarray, shares: np.ndarray | None
) -> tuple[np.ndarray, float]:
    weights = np.zeros(features.shape[1])
    positive = holds.astype(bool)
    sides = [_log_shares(features, side, shares, counts) for side in (positive, ~positive)]
    weights[:counts] = sides[0] - sides[1]
    return weights, 0.0


def _log_shares(
    features: Any, chosen: np.ndarray, shares: np.ndarray | None, counts: int
) -> np.ndarray:
    """Give the log share of each of the first `counts` features in the chosen rows' sum."""
    weights = chosen.astype(np.float64) * (1.0 if shares is None else shares)
    sums = np.asarray(features.T @ weights)[:counts] + SMOOTHING
    return np.asarray(np.log(sums / sums.sum()))


def _ridge(
    recipe: Recipe, features: Any, holds: np.ndarray, shares: np.ndarray | None
) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import Ridge

    weights = row_weights(holds, shares, recipe.tfidf.class_weights == "balanced")
    target = 2.0 * holds - 1
    found = Ridge(alpha=recipe.tfidf.alpha, random_state=recipe.seed, solver="sag").fit(
        features, target, weights
    )
    return found.coef_, float(found.intercept_)
