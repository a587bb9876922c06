"""Metrics where a row has any number of labels, each a function of one weighted sample.

As in `classification`, `LabelRows` holds what does not depend on weights, and `LabelSample` is
these rows under one weighting of rows. A label is predicted if its probability is at least
THRESHOLD. Averages over labels (`macro`, `roc_auc`, `auprc`) cover the labels that occur.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foldline.metrics.classification import (
    MIN_PROBABILITY,
    N_BINS,
    Ranker,
    mean_where,
    score_counts,
)
from foldline.metrics.weighted_sample import (
    Codes,
    Floats,
    Sample,
    Value,
    divide,
    replace_non_finite,
)

THRESHOLD = 0.5  # that of `Labels.decode`, whose module imports pandas


class LabelRows:
    """Targets and predictions (n, c), with everything independent of weights."""

    def __init__(self, target: Codes, probabilities: Floats, predicted: Codes | None) -> None:
        """Take 0 and 1 (n, c), probabilities (n, c), and labels (n, c) if not by THRESHOLD."""
        probabilities, self.broken = replace_non_finite(probabilities)
        self.target, self.probabilities = target, probabilities
        decisions = probabilities >= THRESHOLD if predicted is None else predicted
        self.predicted = decisions.astype(np.intp)

    @property
    def patterns(self) -> NDArray[np.int8]:
        """What metrics of labels know of each row, (n, 2c + 1)."""
        broken = np.isin(np.arange(len(self.target)), self.broken)
        return np.column_stack([self.target, self.predicted, broken]).astype(np.int8)

    def take(self, rows: Codes) -> "LabelRows":
        """Return some of the rows."""
        return LabelRows(self.target[rows], self.probabilities[rows], self.predicted[rows])

    @cached_property
    def rankers(self) -> list[Ranker]:
        """Each label against the rest, if it has positives."""
        present = np.flatnonzero(self.target.any(axis=0))
        return [Ranker(self.target[:, k] == 1, self.probabilities[:, k]) for k in present]

    @cached_property
    def log_losses(self) -> Floats:
        """Natural log loss of each row's decisions, the mean over labels (n,)."""
        true = np.where(self.target == 1, self.probabilities, 1 - self.probabilities)
        return np.asarray((0.0 - np.log(np.clip(true, MIN_PROBABILITY, 1.0))).mean(axis=1))

    @cached_property
    def bins(self) -> tuple[Codes, Floats]:
        """Bin of each decision's confidence, closed on the right; hit - confidence, (n * c,)."""
        confidence = np.maximum(self.probabilities, 1 - self.probabilities).ravel()
        hit = ((self.probabilities >= THRESHOLD) == self.target).ravel()
        edges = np.arange(1, N_BINS) / N_BINS
        return np.digitize(confidence, edges, right=True), hit - confidence


class LabelSample(Sample[LabelRows]):
    """Rows under one weighting; what several metrics share is computed once, when needed."""

    @cached_property
    def counts(self) -> tuple[Floats, Floats, Floats]:
        """Hits, support and number of predictions of each label, (c, ...) each."""
        true, guess = self.rows.target, self.rows.predicted
        return self._count(true * guess), self._count(true), self._count(guess)

    def _count(self, flags: Codes) -> Floats:
        if self.weights.ndim == 1:
            return np.asarray((self.weights[:, None] * flags).sum(axis=0))
        # Of many weightings, which are whole numbers: exact, whatever the order of a sum.
        return np.asarray(flags.T.astype(np.float64) @ self.weights)

    @cached_property
    def scores(self) -> dict[str, Floats]:
        """Support, precision, recall and f1 by label (c, ...)."""
        return score_counts(*self.counts)

    @cached_property
    def ranking(self) -> tuple[float, float]:
        """ROC AUC and average precision: means over the labels that have them."""
        values = [value for ranker in self.rows.rankers if (value := ranker.rank(self.weights))]
        if not values:
            return float("nan"), float("nan")
        auc, precision = np.mean(values, axis=0)
        return float(auc), float(precision)


def accuracy(sample: LabelSample) -> Value:
    """Return the share of rows with exactly the true labels predicted."""
    return sample.mean((sample.rows.predicted == sample.rows.target).all(axis=1).astype(float))


def hamming(sample: LabelSample) -> Value:
    """Return the share of wrong decisions, over rows and labels."""
    return sample.mean((sample.rows.predicted != sample.rows.target).mean(axis=1))


def macro(sample: LabelSample, score: str) -> Value:
    """Return the plain mean of a score over the labels that occur in target or prediction."""
    _, support, predicted = sample.counts
    return mean_where(sample.scores[score], support + predicted > 0)


def micro_f1(sample: LabelSample) -> Value:
    """Return F1 over all decisions at once; NaN without true or predicted labels."""
    hits, support, predicted = (count.sum(axis=0) for count in sample.counts)
    return divide(2 * hits, support + predicted, float("nan"))


def weighted(sample: LabelSample, score: str) -> Value:
    """Return the mean of a score over labels, by their support; NaN where no row has a label."""
    support = sample.scores["support"]
    part = (support * sample.scores[score]).sum(axis=0)
    return divide(part, support.sum(axis=0), float("nan"))


def samples_f1(sample: LabelSample) -> Value:
    """Return the mean of each row's own F1; 1 where it has no label and none is predicted."""
    true, guess = sample.rows.target, sample.rows.predicted
    whole = true.sum(axis=1) + guess.sum(axis=1)
    own = np.divide(2 * (true * guess).sum(axis=1), whole, out=np.ones(len(true)), where=whole > 0)
    return sample.mean(own)


def roc_auc(sample: LabelSample) -> float:
    """Return the area under the ROC curve (ties half), the mean over labels."""
    return sample.ranking[0]


def auprc(sample: LabelSample) -> float:
    """Return average precision, without interpolation, the mean over labels."""
    return sample.ranking[1]


def ece(sample: LabelSample) -> float:
    """Return the expected calibration error (Guo et al., 2017) over all decisions."""
    bins, gaps = sample.rows.bins
    c = sample.rows.target.shape[1]
    weights = np.repeat(sample.weights, c)
    sums = np.bincount(bins, weights * gaps, N_BINS)
    return float(np.abs(sums).sum() / (sample.total * c))


def log_loss(sample: LabelSample) -> Value:
    """Return the mean negative log likelihood of a decision, in nats, in [0, 36.04]."""
    return sample.mean(sample.rows.log_losses)


def brier(sample: LabelSample) -> Value:
    """Return the mean squared error of the probabilities (Brier, 1950), in [0, 1]."""
    return sample.mean(np.square(sample.rows.probabilities - sample.rows.target).mean(axis=1))
