"""Metrics of classifiers, each a function of one weighted sample.

`ClassRows` holds what does not depend on weights (argmax, sort order, bins), so that a bootstrap
computes it once; `ClassSample` is these rows under one weighting. A weight of k means k copies of
the row, 0 means no row.

A target of -1 is a label that the model does not know. Such a row is always an error:
- accuracy, ece: a miss, and in the denominator;
- precision: a false positive of the predicted class;
- macro averages: no class of its own, they go over the classes in [0, c) that occur in
  target or prediction (scikit-learn's default);
- weighted averages: it has weight and scores 0, so that recall_weighted is the accuracy;
- roc_auc, auprc: a negative of every class;
- log_loss, brier: the true label was given probability 0.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foldline.metrics.weighted_sample import Codes, Floats, Sample, replace_non_finite

N_BINS = 15
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

    def __init__(self, target: Codes, probabilities: Floats, predicted: Codes | None) -> None:
        """Take codes (n,) in [-1, c), probabilities (n, c), and codes (n,) if not the argmax."""
        probabilities, self.broken = replace_non_finite(probabilities)
        self.target = target
        self.probabilities = probabilities
        self.n_classes = probabilities.shape[1]
        self.top = probabilities.argmax(axis=1)
        self.predicted = self.top if predicted is None else predicted
        self.cell = np.where(target < 0, self.n_classes, target) * self.n_classes + self.predicted

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
    def table(self) -> Floats:
        """Confusion table (c + 1, c): target down, prediction across; unknown labels last."""
        c = self.rows.n_classes
        return _sum_by_code(self.rows.cell, self.weights, (c + 1) * c).reshape(c + 1, c)

    @cached_property
    def scores(self) -> dict[str, Floats]:
        """Support, precision, recall and f1 by class (c,)."""
        return score_table(self.table)

    @cached_property
    def ranking(self) -> tuple[float, float]:
        """ROC AUC and average precision: means over the classes that have them."""
        values = [value for ranker in self.rows.rankers if (value := ranker.rank(self.weights))]
        if not values:
            return float("nan"), float("nan")
        auc, precision = np.mean(values, axis=0)
        return float(auc), float(precision)


def _sum_by_code(codes: Codes, values: Floats, n: int) -> Floats:
    """Return the sums (n,) of values by code."""
    return np.asarray(np.bincount(codes, values, n), dtype=np.float64)


def _cumulate(values: Floats) -> Floats:
    """Return running sums (n + 1,), from 0."""
    sums = np.zeros(len(values) + 1)
    np.cumsum(values, out=sums[1:])
    return sums


def score_table(table: Floats) -> dict[str, Floats]:
    """Return support, precision, recall and f1 (c,) from a table (c + 1, c); 0 for 0 / 0."""
    return score_counts(table.diagonal(), table[:-1].sum(axis=1), table.sum(axis=0))


def score_counts(hits: Floats, support: Floats, n_predicted: Floats) -> dict[str, Floats]:
    """Return support, precision, recall and f1 (c,) from counts (c,); 0 for 0 / 0."""

    def share(part: Floats, whole: Floats) -> Floats:
        return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)

    return {
        "support": support,
        "precision": share(hits, n_predicted),
        "recall": share(hits, support),
        "f1": share(2 * hits, support + n_predicted),
    }


def accuracy(sample: ClassSample) -> float:
    """Return the share of rows whose label is predicted."""
    return float(sample.table.diagonal().sum() / sample.total)


def macro(sample: ClassSample, score: str) -> float:
    """Return the plain mean of a score over the classes that occur in target or prediction."""
    occurs = (sample.table.sum(axis=0) + sample.scores["support"]) > 0
    return float(sample.scores[score][occurs].mean())


def weighted(sample: ClassSample, score: str) -> float:
    """Return the mean of a score by support, rows of unknown label scoring 0."""
    return float((sample.scores["support"] * sample.scores[score]).sum() / sample.total)


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
    return float(np.abs(_sum_by_code(bins, sample.weights * gaps, N_BINS)).sum() / sample.total)


def log_loss(sample: ClassSample) -> float:
    """Return the mean negative log likelihood in nats, in [0, 36.04]."""
    return sample.mean(sample.rows.log_losses)


def brier(sample: ClassSample) -> float:
    """Return the Brier score (Brier, 1950): in [0, 2], halved to [0, 1] for two classes."""
    return sample.mean(sample.rows.brier_losses) / (2 if sample.rows.n_classes == 2 else 1)
