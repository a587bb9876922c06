"""Metrics of classifiers, each a function of one weighted sample.

`ClassRows` holds what does not depend on weights (argmax, sort order, bins), so that a bootstrap
computes it once; `ClassSample` is these rows under one weighting. A weight of k means k copies of
the row, 0 means no row.

A target of -1 is a label that the model does not know. Such a row is always an error:
- accuracy, ece: a miss, and in the denominator;
- precision: a false positive of the predicted class;
- macro averages, balanced accuracy: no class of its own, they go over the classes in [0, c) that
  occur in target or prediction (scikit-learn's default), for balanced accuracy in the target;
- weighted and micro averages: it has weight and scores 0, so that recall_weighted is the accuracy;
- mcc: a class that is never predicted; qwk: undefined, as its distance is not known;
- top3_accuracy: a miss;
- roc_auc, auprc: a negative of every class;
- log_loss, brier: the true label was given probability 0.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foldline.metrics.weighted_sample import (
    Codes,
    Floats,
    Sample,
    Value,
    divide,
    replace_non_finite,
    sum_by_code,
)

N_BINS, TOP = 15, 3
MIN_PROBABILITY = float(np.finfo(np.float64).eps)  # Keeps the log of a probability of 0 finite.


class Ranker:
    """Sort rows by score once, then compute ROC AUC and average precision under any weights.

    Both need only the weight ranked above each positive row, and up to the last row tied with it.
    """

    def __init__(self, positive: NDArray[np.bool_], scores: Floats) -> None:
        """Take, for each row (n,), whether it is a positive, and its score."""
        self.order = np.argsort(-scores, kind="stable")
        ordered = scores[self.order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        self.positions = np.flatnonzero(positive[self.order])
        tie = np.searchsorted(starts, self.positions, side="right") - 1
        self.start, self.end = starts[tie], np.append(starts[1:], len(scores))[tie]
        # The same bounds, counted among the positives.
        self.hits_start = np.searchsorted(self.positions, self.start)
        self.hits_end = np.searchsorted(self.positions, self.end)

    def rank(self, weights: Floats) -> tuple[float, float] | None:
        """Return ROC AUC and average precision, None without both positives and negatives."""
        ordered = weights[self.order]
        positive = ordered[self.positions]
        # Counted in rows, as sums of fractions do not cancel to exactly 0.
        if not 0 < np.count_nonzero(positive) < np.count_nonzero(weights):
            return None
        rows, hits = _cumulate(ordered), _cumulate(positive)
        n_positive, n_negative = hits[-1], rows[-1] - hits[-1]
        hits_above, hits_through = hits[self.hits_start], hits[self.hits_end]
        above, through = rows[self.start], rows[self.end]
        ahead = (above - hits_above + through - hits_through) / 2  # A tie counts half.
        auc = (positive * (n_negative - ahead)).sum() / (n_positive * n_negative)
        # Where `through` is 0, the positive itself weighs 0 and any divisor will do.
        precise = positive * hits_through / np.where(through > 0, through, 1.0)
        precision = precise.sum() / n_positive
        return float(np.clip(auc, 0.0, 1.0)), float(np.clip(precision, 0.0, 1.0))


class ClassRows:
    """Targets and predictions of a classifier, with everything independent of weights."""

    def __init__(
        self,
        target: Codes,
        probabilities: Floats,
        predicted: Codes | None,
        class_values: Floats | None = None,
    ) -> None:
        """Take codes (n,) in [-1, c), probabilities (n, c), and codes (n,) if not the argmax.

        `class_values` (c,) are the classes as numbers, if all of them are.
        """
        probabilities, self.broken = replace_non_finite(probabilities)
        self.target = target
        self.probabilities = probabilities
        self.n_classes = probabilities.shape[1]
        self.class_values = class_values
        self.top = probabilities.argmax(axis=1)
        self.predicted = self.top if predicted is None else predicted

    @property
    def patterns(self) -> NDArray[Any]:
        """What metrics of labels know of each row, (n, 4)."""
        broken = np.isin(np.arange(len(self.target)), self.broken)
        return np.column_stack([self.target, self.predicted, self.in_top, broken])

    def take(self, rows: Codes) -> "ClassRows":
        """Return some of the rows."""
        return ClassRows(
            self.target[rows], self.probabilities[rows], self.predicted[rows], self.class_values
        )

    @cached_property
    def in_top(self) -> Floats:
        """1 where the target is among the TOP most probable classes (n,), lower codes first."""
        true = self.true_probability[:, None]
        lower = np.arange(self.n_classes) < self.target[:, None]
        before = (self.probabilities > true) | ((self.probabilities == true) & lower)
        return np.asarray((before.sum(axis=1) < TOP) & (self.target >= 0), dtype=np.float64)

    @cached_property
    def rankers(self) -> list[Ranker]:
        """The second class of two, or each class against the rest if it has positives."""
        classes = range(1 if self.n_classes == 2 else 0, self.n_classes)
        present = set(self.target.tolist())
        return [
            Ranker(self.target == code, self.probabilities[:, code])
            for code in classes
            if code in present
        ]

    @cached_property
    def bins(self) -> tuple[Codes, Floats]:
        """Bin of the top probability, closed on the right, and hit - confidence, both (n,)."""
        confidence = self.probabilities.max(axis=1)
        edges = np.arange(1, N_BINS) / N_BINS
        return np.digitize(confidence, edges, right=True), (self.top == self.target) - confidence

    @cached_property
    def true_probability(self) -> Floats:
        """Probability given to the true label (n,)."""
        known = np.flatnonzero(self.target >= 0)
        probability = np.zeros(len(self.target))
        probability[known] = self.probabilities[known, self.target[known]]
        return probability

    @cached_property
    def log_losses(self) -> Floats:
        """Natural log loss of each row (n,)."""
        # 0.0 - x, as -log(1) would print as -0.0.
        return 0.0 - np.log(np.maximum(self.true_probability, MIN_PROBABILITY))

    @cached_property
    def brier_losses(self) -> Floats:
        """Squared distance from the true label's corner (n,)."""
        truth = self.target[:, None] == np.arange(self.n_classes)
        losses: Floats = np.square(self.probabilities - truth).sum(axis=1) + (self.target < 0)
        return losses


class ClassSample(Sample[ClassRows]):
    """Rows under one weighting; what several metrics share is computed once, when needed."""

    @cached_property
    def counts(self) -> tuple[Floats, Floats, Floats]:
        """Hits, support and number of predictions of each class, (c, ...) each."""
        rows, w, c = self.rows, self.weights, self.rows.n_classes
        hit, known = rows.predicted == rows.target, rows.target >= 0
        return (
            sum_by_code(rows.target[hit], w[hit], c),
            sum_by_code(rows.target[known], w[known], c),
            sum_by_code(rows.predicted, w, c),
        )

    @cached_property
    def scores(self) -> dict[str, Floats]:
        """Support, precision, recall and f1 by class (c, ...)."""
        return score_counts(*self.counts)

    @cached_property
    def ranking(self) -> tuple[float, float]:
        """ROC AUC and average precision: means over the classes that have them."""
        values = [value for ranker in self.rows.rankers if (value := ranker.rank(self.weights))]
        if not values:
            return float("nan"), float("nan")
        auc, precision = np.mean(values, axis=0)
        return float(auc), float(precision)


def _cumulate(values: Floats) -> Floats:
    """Return running sums (n + 1,), from 0."""
    sums = np.zeros(len(values) + 1)
    np.cumsum(values, out=sums[1:])
    return sums


def score_counts(hits: Floats, support: Floats, n_predicted: Floats) -> dict[str, Floats]:
    """Return support, precision, recall and f1 (c, ...) from counts (c, ...); 0 for 0 / 0."""
    return {
        "support": support,
        "precision": divide(hits, n_predicted),
        "recall": divide(hits, support),
        "f1": divide(2 * hits, support + n_predicted),
    }


def accuracy(sample: ClassSample) -> Value:
    """Return the share of rows whose label is predicted: micro precision, recall and F1, too."""
    return np.asarray(sample.counts[0].sum(axis=0) / sample.total)


def balanced_accuracy(sample: ClassSample) -> Value:
    """Return the mean recall of the classes in the target; NaN if all labels are unknown."""
    return mean_where(sample.scores["recall"], sample.scores["support"] > 0)


def macro(sample: ClassSample, score: str) -> Value:
    """Return the plain mean of a score over the classes that occur in target or prediction."""
    _, support, n_predicted = sample.counts
    return mean_where(sample.scores[score], support + n_predicted > 0)


def mean_where(values: Floats, counts: NDArray[np.bool_]) -> Floats:
    """Return the mean over the first axis of the values that count; NaN where none does."""
    return divide(np.where(counts, values, 0.0).sum(axis=0), counts.sum(axis=0), float("nan"))


def weighted(sample: ClassSample, score: str) -> Value:
    """Return the mean of a score by support, rows of unknown label scoring 0."""
    support = sample.scores["support"]
    return np.asarray((support * sample.scores[score]).sum(axis=0) / sample.total)


def mcc(sample: ClassSample) -> Value:
    """Return Matthews' correlation coefficient for any number of classes (Gorodkin, 2004).

    NaN if all rows have one class, or are predicted as one.
    """
    hits, support, n_predicted = sample.counts
    unknown = sample.weights[sample.rows.target < 0].sum(axis=0)
    true = np.concatenate([support, [unknown]])
    true, guess = true / true.sum(axis=0), n_predicted / n_predicted.sum(axis=0)
    covariance = hits.sum(axis=0) / sample.total - (true[:-1] * guess).sum(axis=0)
    spread = np.sqrt((true * (1 - true)).sum(axis=0) * (guess * (1 - guess)).sum(axis=0))
    return np.clip(divide(covariance, spread, float("nan")), -1.0, 1.0)


def qwk(sample: ClassSample) -> Value:
    """Return Cohen's kappa with quadratic weights (Cohen, 1968), of classes that are numbers.

    The weight of an error is the square of the difference of the numbers. NaN if the classes are
    not numbers, a target is unknown, or targets and predictions are all of one class.
    """
    rows, values = sample.rows, sample.rows.class_values
    nan = np.full(np.shape(sample.total), float("nan"))
    if values is None:
        return nan
    values = values - values.min()
    values = values / (values.max() or 1.0)  # Squares of 1e200 overflow.
    observed = sample.mean(np.square(values[rows.target] - values[rows.predicted]))
    _, support, n_predicted = sample.counts
    true, guess = support / support.sum(axis=0), n_predicted / n_predicted.sum(axis=0)
    column = values.reshape(-1, *[1] * (support.ndim - 1))
    center = (guess * column).sum(axis=0)
    expected = ((true + guess) * np.square(column - center)).sum(axis=0)
    unknown = sample.weights[rows.target < 0].sum(axis=0) > 0
    return np.where(unknown, nan, 1 - divide(observed, expected, float("nan")))


def top3_accuracy(sample: ClassSample) -> Value:
    """Return the share of rows whose label is among the 3 most probable; NaN up to 3 classes."""
    share = sample.mean(sample.rows.in_top)
    return share if sample.rows.n_classes > TOP else np.full(np.shape(share), float("nan"))


def roc_auc(sample: ClassSample) -> float:
    """Return the area under the ROC curve (ties half), the mean over classes if not binary."""
    return sample.ranking[0]


def auprc(sample: ClassSample) -> float:
    """Return average precision, without interpolation, the mean over classes if not binary."""
    return sample.ranking[1]


def ece(sample: ClassSample) -> float:
    """Return the expected calibration error of the top probability (Guo et al., 2017).

    It depends on the probabilities alone, not on labels predicted by another rule.
    """
    bins, gaps = sample.rows.bins
    return float(np.abs(sum_by_code(bins, sample.weights * gaps, N_BINS)).sum() / sample.total)


def log_loss(sample: ClassSample) -> Value:
    """Return the mean negative log likelihood in nats, in [0, 36.04]."""
    return sample.mean(sample.rows.log_losses)


def brier(sample: ClassSample) -> Value:
    """Return the Brier score (Brier, 1950): in [0, 2], halved to [0, 1] for two classes."""
    return sample.mean(sample.rows.brier_losses) / (2 if sample.rows.n_classes == 2 else 1)
