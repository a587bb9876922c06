"""Linear classifiers over many sparse features: the heads of TF-IDF."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.params import Recipe
from foldline.models.one_vs_rest import Learner, LinearModel, OneVsRestTargets, fit_each
from foldline.models.platt import calibration_folds, fit_calibrated

SMOOTHING = 1.0  # of naive Bayes counts (Laplace)
# Between the SVM weights (1) and their mean magnitude (0) (Wang and Manning, 2012).
INTERPOLATION = 0.25
# Liblinear's own, of its dual and its primal problem. scikit-learn's 1e-4 takes two to three times
# as long with many classes, and changes one label in a thousand.
DUAL_TOLERANCE, PRIMAL_TOLERANCE = 0.1, 0.01


def fit_head(
    recipe: Recipe, features: Any, targets: OneVsRestTargets, rows: pd.DataFrame, counts: int
) -> LinearModel:
    """Fit the head that `tfidf.head` names; the first `counts` features are non-negative.

    Logistic regression returns probabilities by itself. All others are calibrated on out-of-fold
    training rows; folds keep groups and copies of `rows` (n) together.
    """
    options = recipe.tfidf
    features = features[targets.rows]
    if options.head == "logistic":
        fitted = fit_each(
            partial(_fit_logistic, recipe, counts),
            features,
            targets.indicators,
            targets.sample_weight,
        )
        return LinearModel(fitted.weights, fitted.bias, targets.codes)
    balanced = options.class_weights == "balanced"

    def fit(part: Any, indicators: np.ndarray, sample_weight: np.ndarray | None) -> LinearModel:
        if options.head == "complement_nb" and targets.exclusive:
            return fit_complement_nb(part, indicators, sample_weight, counts)
        return fit_each(get_learner(recipe, counts), part, indicators, sample_weight)

    fitted = fit_calibrated(
        fit,
        features,
        targets.indicators,
        targets.sample_weight,
        calibration_folds(rows, recipe.task, recipe.seed)[targets.rows],
        partial(balance_rows, balanced=balanced),
    )
    return LinearModel(fitted.weights, fitted.bias, targets.codes)


def get_learner(recipe: Recipe, counts: int) -> Learner:
    """Return the binary learner that `tfidf.head` names."""
    return {
        "svm": partial(_fit_svm, recipe, counts),
        "nbsvm": partial(_fit_nbsvm, recipe, counts),
        "complement_nb": partial(_fit_naive_bayes, counts),
        "ridge": partial(_fit_ridge, recipe),
    }[recipe.tfidf.head]


def balance_rows(
    indicators: np.ndarray, sample_weight: np.ndarray | None, balanced: bool
) -> np.ndarray:
    """Return (n,) sample weights, scaled if `balanced` so that both sides weigh the same."""
    weights = (
        np.ones(len(indicators)) if sample_weight is None else sample_weight.astype(np.float64)
    )
    if not balanced:
        return weights
    positive = indicators.astype(bool)
    sides = np.where(positive, weights[positive].sum(), weights[~positive].sum())
    return np.asarray(weights * weights.sum() / (2 * sides))


def fit_complement_nb(
    features: Any, indicators: np.ndarray, sample_weight: np.ndarray | None, counts: int
) -> LinearModel:
    """Fit complement naive Bayes (Rennie et al., 2003) to (n, k) indicators, a class a column.

    A class is scored by how little a text looks like all other classes. Scores are centred, which
    does not change their order.
    """
    logs = np.stack(
        [
            _log_shares(features, ~indicators[:, k], sample_weight, counts)
            for k in range(indicators.shape[1])
        ]
    )
    weights = np.zeros((indicators.shape[1], features.shape[1]))
    weights[:, :counts] = logs.mean(axis=0) - logs
    return LinearModel(weights, np.zeros(len(weights)), np.arange(len(weights)))


def _solve_dual(features: Any, counts: int) -> bool:
    """Return whether liblinear's dual problem is the faster one, for the same solution.

    It is with more features than rows. But its coordinate descent converges slowly with the
    similarity measures of pairs, the features after the first `counts`, which are dense.
    """
    return bool(features.shape[1] > features.shape[0]) and counts == features.shape[1]


def _fit_logistic(
    recipe: Recipe,
    counts: int,
    features: Any,
    indicators: np.ndarray,
    sample_weight: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import LogisticRegression

    options = recipe.tfidf
    dual = _solve_dual(features, counts)
    logistic = LogisticRegression(
        C=options.c,
        solver="liblinear",
        dual=dual,
        tol=DUAL_TOLERANCE if dual else PRIMAL_TOLERANCE,
        class_weight=None if options.class_weights == "none" else "balanced",
        max_iter=1000,
        random_state=recipe.seed,
    ).fit(features, indicators, sample_weight=sample_weight)
    return logistic.coef_[0], logistic.intercept_[0]


def _fit_svm(
    recipe: Recipe,
    counts: int,
    features: Any,
    indicators: np.ndarray,
    sample_weight: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    from sklearn.svm import LinearSVC

    options = recipe.tfidf
    dual = _solve_dual(features, counts)
    svm = LinearSVC(
        C=options.svm_c,
        dual=dual,
        tol=DUAL_TOLERANCE if dual else PRIMAL_TOLERANCE,
        class_weight=None if options.class_weights == "none" else "balanced",
        max_iter=10_000,
        random_state=recipe.seed,
    ).fit(features, indicators, sample_weight=sample_weight)
    return svm.coef_[0], svm.intercept_[0]


def _fit_nbsvm(
    recipe: Recipe,
    counts: int,
    features: Any,
    indicators: np.ndarray,
    sample_weight: np.ndarray | None,
) -> tuple[np.ndarray, float]:
    """Fit an SVM to features scaled by their log-count ratio, interpolated with naive Bayes.

    Wang and Manning (2012), with TF-IDF weights instead of their binary features.
    """
    from scipy import sparse

    ratio = np.ones(features.shape[1])
    ratio[:counts] = _fit_naive_bayes(counts, features, indicators, sample_weight)[0][:counts]
    weights, bias = _fit_svm(
        recipe, counts, features @ sparse.diags_array(ratio), indicators, sample_weight
    )
    interpolated = INTERPOLATION * weights + (1 - INTERPOLATION) * np.abs(weights).mean()
    return interpolated * ratio, bias


def _fit_naive_bayes(
    counts: int, features: Any, indicators: np.ndarray, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, float]:
    weights = np.zeros(features.shape[1])
    positive = indicators.astype(bool)
    sides = [_log_shares(features, side, sample_weight, counts) for side in (positive, ~positive)]
    weights[:counts] = sides[0] - sides[1]
    return weights, 0.0


def _log_shares(
    features: Any, chosen: np.ndarray, sample_weight: np.ndarray | None, counts: int
) -> np.ndarray:
    """Return the log share of each of the first `counts` features in the sum of the chosen rows."""
    weights = chosen.astype(np.float64) * (1.0 if sample_weight is None else sample_weight)
    sums = np.asarray(features.T @ weights)[:counts] + SMOOTHING
    return np.asarray(np.log(sums / sums.sum()))


def _fit_ridge(
    recipe: Recipe, features: Any, indicators: np.ndarray, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, float]:
    from sklearn.linear_model import Ridge

    weights = balance_rows(indicators, sample_weight, recipe.tfidf.class_weights == "balanced")
    target = 2.0 * indicators - 1
    ridge = Ridge(alpha=recipe.tfidf.alpha, random_state=recipe.seed, solver="sag").fit(
        features, target, weights
    )
    return ridge.coef_, float(ridge.intercept_)
