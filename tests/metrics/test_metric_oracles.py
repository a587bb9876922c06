"""Metrics: each agrees with that of scikit-learn or scipy, or with its formula."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from foldline.core.io.labels import MAIN
from foldline.metrics.registry import METRICS
from tests.helpers.metric_cases import MEMBERS, Array, rows

Oracle = Callable[[Array, Array, Array], float]


def one_vs_rest(score: Callable[..., float]) -> Oracle:
    """Return scikit-learn's ranking metric, the mean over classes that are not empty or all."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        codes = [1] if p.shape[1] == 2 else range(p.shape[1])
        present = [k for k in codes if 0 < (target[weights > 0] == k).mean() < 1]
        return float(np.mean([score(target == k, p[:, k], sample_weight=weights) for k in present]))

    return oracle


def of_labels(score: Callable[..., float], average: str) -> Oracle:
    """Return scikit-learn's metric of labels; weight 0 must not make a class occur."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        keep = weights > 0
        labels, w = (target[keep], p.argmax(axis=1)[keep]), weights[keep]
        return float(score(*labels, average=average, sample_weight=w, zero_division=0))

    return oracle


def of_codes(score: Callable[..., float], **options: Any) -> Oracle:
    """Return scikit-learn's metric of labels, on the rows that have a weight."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        keep = weights > 0
        found = p.argmax(axis=1)[keep]
        return float(score(target[keep], found, sample_weight=weights[keep], **options))

    return oracle


def top3(target: Array, p: Array, weights: Array) -> float:
    """Return scikit-learn's top-3 accuracy; NaN where every label is among three."""
    c = p.shape[1]
    if c <= 3:
        return float("nan")
    # Of tied classes the first comes first, as in argmax.
    untied = p - 1e-9 * np.arange(c)
    options = {"k": 3, "sample_weight": weights, "labels": range(c)}
    return float(sk.top_k_accuracy_score(target, untied, **options))


def ece(target: Array, p: Array, weights: Array) -> float:
    """Return Guo's formula, bin by bin."""
    total, confidence, hit = 0.0, p.max(axis=1), p.argmax(axis=1) == target
    for m in range(1, 16):
        inside = (confidence > (m - 1) / 15) & (confidence <= m / 15) & (weights > 0)
        if inside.any():
            accuracy = np.average(hit[inside], weights=weights[inside])
            mean = np.average(confidence[inside], weights=weights[inside])
            total += weights[inside].sum() * abs(accuracy - mean)
    return float(total / weights.sum())


def of_several(score: Callable[..., float], average: str, empty: int = 0) -> Oracle:
    """Return scikit-learn's metric of labels a row; weight 0 must not make a label occur."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        keep = weights > 0
        true, found, w = target[keep], (p >= 0.5)[keep].astype(int), weights[keep]
        occurs = true.any(axis=0) | found.any(axis=0)
        options = {"average": average, "sample_weight": w, "zero_division": empty}
        return float(score(true[:, occurs], found[:, occurs], **options))

    return oracle


def each_label(score: Callable[..., float]) -> Oracle:
    """Return scikit-learn's metric of each label alone, the mean over those that have both."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        mixed = [k for k in range(p.shape[1]) if 0 < target[weights > 0, k].mean() < 1]
        scores = [score(target[:, k], p[:, k], sample_weight=weights) for k in mixed]
        return float(np.mean(scores))

    return oracle


def decisions(score: Callable[[Array, Array, Array], float]) -> Oracle:
    """Return a metric over each label's yes or no, as two classes."""

    def oracle(target: Array, p: Array, weights: Array) -> float:
        flat = p.ravel()
        two = np.column_stack([1 - flat, flat])
        return score(target.ravel(), two, np.repeat(weights, p.shape[1]))

    return oracle


def repeated(score: Callable[[Array, Array], float]) -> Callable[[Array, Array, Array], float]:
    """Return a metric without weights as one that repeats rows."""

    def oracle(target: Array, predicted: Array, weights: Array) -> float:
        counts = weights.astype(int)
        return float(score(np.repeat(target, counts, axis=0), np.repeat(predicted, counts)))

    return oracle


MULTILABEL: dict[str, Oracle] = {
    "accuracy": lambda y, p, w: sk.accuracy_score(y, (p >= 0.5).astype(int), sample_weight=w),
    "precision_macro": of_several(sk.precision_score, "macro"),
    "recall_macro": of_several(sk.recall_score, "macro"),
    "f1_macro": of_several(sk.f1_score, "macro"),
    "f1_micro": of_several(sk.f1_score, "micro"),
    "f1_weighted": of_several(sk.f1_score, "weighted"),
    "f1_samples": of_several(sk.f1_score, "samples", empty=1),
    "hamming": lambda y, p, w: sk.hamming_loss(y, (p >= 0.5).astype(int), sample_weight=w),
    "roc_auc": each_label(sk.roc_auc_score),
    "auprc": each_label(sk.average_precision_score),
    # Yes comes first, as it wins a tie.
    "ece": lambda y, p, w: decisions(ece)(1 - y, 1 - p, w),
    "log_loss": decisions(lambda y, p, w: sk.log_loss(y, p, sample_weight=w, labels=[0, 1])),
    "brier": decisions(lambda y, p, w: float(np.average((y - p[:, 1]) ** 2, weights=w))),
}
ORACLES: dict[str, Oracle] = {
    "accuracy": lambda y, p, w: sk.accuracy_score(y, p.argmax(axis=1), sample_weight=w),
    "balanced_accuracy": of_codes(sk.balanced_accuracy_score),
    "top3_accuracy": top3,
    "mcc": of_codes(sk.matthews_corrcoef),
    "qwk": of_codes(sk.cohen_kappa_score, weights="quadratic"),
    "f1_micro": of_labels(sk.f1_score, "micro"),
    "precision_macro": of_labels(sk.precision_score, "macro"),
    "recall_macro": of_labels(sk.recall_score, "macro"),
    "f1_macro": of_labels(sk.f1_score, "macro"),
    "precision_weighted": of_labels(sk.precision_score, "weighted"),
    "recall_weighted": of_labels(sk.recall_score, "weighted"),
    "f1_weighted": of_labels(sk.f1_score, "weighted"),
    "roc_auc": one_vs_rest(sk.roc_auc_score),
    "auprc": one_vs_rest(sk.average_precision_score),
    "ece": ece,
    "log_loss": lambda y, p, w: sk.log_loss(y, p, sample_weight=w, labels=range(p.shape[1])),
    "brier": lambda y, p, w: sk.brier_score_loss(
        y, p, sample_weight=w, labels=np.arange(p.shape[1])
    ),
    "pearson": repeated(lambda y, p: stats.pearsonr(y, p).statistic),
    "spearman": repeated(lambda y, p: stats.spearmanr(y, p).statistic),
    "rmse": lambda y, p, w: sk.root_mean_squared_error(y, p, sample_weight=w),
    "mape": lambda y, p, w: sk.mean_absolute_percentage_error(y, p, sample_weight=w),
    "mae": lambda y, p, w: sk.mean_absolute_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: sk.r2_score(y, p, sample_weight=w),
}


def test_names() -> None:
    assert set(ORACLES) == {name for task, name in MEMBERS if task != "multilabel"}
    assert set(MULTILABEL) == set(METRICS["multilabel"])
    assert all(MAIN[task] in METRICS[task] for task in METRICS)
    for task, name in MEMBERS:
        metric = METRICS[task][name]
        assert (metric.task, metric.name) == (task, name)
        assert metric.greater_is_better == (metric.best > metric.worst)


@pytest.mark.parametrize("c", [2, 3, 7])
@pytest.mark.parametrize("weigh", [False, True])
@pytest.mark.parametrize(("task", "name"), MEMBERS)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_agrees_with_the_oracle(task: str, name: str, weigh: bool, c: int) -> None:
    for seed in range(3):
        target, predictions = rows(task, seed, n=60, c=c)
        weights = np.ones(60)
        if weigh:
            weights = np.random.default_rng(seed).poisson(1.0, 60).astype(float)
            # The oracles of correlation repeat rows; all others must take fractions.
            weights *= 1 if name in ("pearson", "spearman") else 0.37
        classes = [str(code) for code in range(c)]
        given = weights if weigh else None
        value = METRICS[task][name].function(target, predictions, given, classes)
        oracles = MULTILABEL if task == "multilabel" else ORACLES
        expected = oracles[name](target, predictions, weights)
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)
