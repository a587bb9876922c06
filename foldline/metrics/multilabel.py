"""Metrics where a row has any number of labels, each a function of one weighted sample.

As in `classification`, `LabelRows` holds what weights do not change and `LabelSample` weighs it.
A label is predicted from a probability of .5 on. A row is one piece of evidence, so weights are
of rows. Averages over labels (`macro`, `roc_auc`, `auprc`) go over those that occur.
"""

from functools import cached_property

import numpy as np

from foldline.metrics.classification import N_BINS, SMALLEST, Ranker, shares
from foldline.metrics.weighted_sample import Codes, Floats, Sample, usable

THRESHOLD = 0.5  # as of `Labels.decode`


class LabelRows:
    """Hold targets and predictions (n, c), with all that weights do not change."""

    def __init__(self, target: Codes, probabilities: Floats, predicted: Codes | None) -> None:
        """Take 0 and 1 (n, c), probabilities (n, c), and labels (n, c) if not by THRESHOLD."""
        probabilities, self.broken = usable(probabilities)
        self.target, self.probabilities = target, probabilities
        chosen = probabilities >= THRESHOLD if predicted is None else predicted
        self.predicted = chosen.astype(np.intp)

    @cached_property
    def rankers(self) -> list[Ranker]:
        """Each label against the rest, if it has positives."""
        found = np.flatnonzero(self.target.any(axis=0))
        return [Ranker(self.target[:, k] == 1, self.probabilities[:, k]) for k in found]

    @cached_property
    def log_losses(self) -> Floats:
        """Natural log loss of each row's decisions, the mean over labels (n,)."""
        given = np.where(self.target == 1, self.probabilities, 1 - self.probabilities)
        return np.asarray((0.0 - np.log(np.clip(given, SMALLEST, 1.0))).mean(axis=1))

    @cached_property
    def bins(self) -> tuple[Codes, Floats]:
        """Bin of the surer of both answers, closed on the right, and hit - confidence, (n * c,)."""
        sure = np.maximum(self.probabilities, 1 - self.probabilities).ravel()
        right = ((self.probabilities >= THRESHOLD) == self.target).ravel()
        edges = np.arange(1, N_BINS) / N_BINS
        return np.digitize(sure, edges, right=True), right - sure


class LabelSample(Sample[LabelRows]):
    """Weigh rows; what several metrics share is worked out once, and only if one asks."""

    @cached_property
    def counts(self) -> tuple[Floats, Floats, Floats]:
        """Hits, support and number of predictions of each label, (c,) each."""
        true, found, w = self.rows.target, self.rows.predicted, self.weights[:, None]
        hits, support, predicted = (w * true * found), (w * true), (w * found)
        return hits.sum(axis=0), support.sum(axis=0), predicted.sum(axis=0)

    @cached_property
    def scores(self) -> dict[str, Floats]:
        """Support, precision, recall and f1 by label (c,)."""
        return shares(*self.counts)

    @cached_property
    def ranking(self) -> tuple[float, float]:
        """ROC AUC and average precision: means over the labels that have them."""
        values = [value for ranker in self.rows.rankers if (value := ranker.rank(self.weights))]
        if not values:
            return float("nan"), float("nan")
        auc, precision = np.mean(values, axis=0)
        return float(auc), float(precision)


def accuracy(sample: LabelSample) -> float:
    """Return the share of rows whose labels are predicted all, and no others."""
    return sample.mean((sample.rows.predicted == sample.rows.target).all(axis=1).astype(float))


def hamming(sample: LabelSample) -> float:
    """Return the share of wrong decisions, over rows and labels."""
    return sample.mean((sample.rows.predicted != sample.rows.target).mean(axis=1))


def macro(sample: LabelSample, score: str) -> float:
    """Return the plain mean of a score over the labels that occur in target or prediction."""
    _, support, predicted = sample.counts
    occurs = support + predicted > 0
    return float(sample.scores[score][occurs].mean()) if occurs.any() else float("nan")


def micro_f1(sample: LabelSample) -> float:
    """Return F1 over all decisions at once; NaN where no label is there or predicted."""
    hits, support, predicted = (float(count.sum()) for count in sample.counts)
    return 2 * hits / (support + predicted) if support + predicted else float("nan")


def weighted(sample: LabelSample, score: str) -> float:
    """Return the mean of a score over labels, by their support; NaN where no row has a label."""
    support = sample.scores["support"]
    total = float(support.sum())
    return float((support * sample.scores[score]).sum() / total) if total else float("nan")


def samples_f1(sample: LabelSample) -> float:
    """Return the mean of each row's own F1; 1 where it has no label and none is predicted."""
    true, found = sample.rows.target, sample.rows.predicted
    whole = true.sum(axis=1) + found.sum(axis=1)
    own = np.divide(2 * (true * found).sum(axis=1), whole, out=np.ones(len(true)), where=whole > 0)
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


def log_loss(sample: LabelSample) -> float:
    """Return the mean negative log likelihood of a decision, in nats, in [0, 36.04]."""
    return sample.mean(sample.rows.log_losses)


def brier(sample: LabelSample) -> float:
    """Return the mean squared error of the probabilities (Brier, 1950), in [0, 1]."""
    return sample.mean(np.square(sample.rows.probabilities - sample.rows.target).mean(axis=1))
