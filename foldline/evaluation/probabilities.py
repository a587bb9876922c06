"""Whether probabilities can be trusted: calibration and confidence of a run's predictions.

Everything is fitted to out-of-fold predictions. Those are judged cross-fitted, each fold by what
was fitted to the other folds; test rows by what was fitted to all of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from foldline.core.io.labels import MAIN
from foldline.core.params import Evaluate
from foldline.ensembling.calibrators import (
    CALIBRATORS,
    NONE,
    fit_calibrator,
)
from foldline.ensembling.ensemble_fit import OutOfFold
from foldline.evaluation.scores import limit_resamples
from foldline.metrics.calibration import (
    compute_confidence,
    compute_log_losses,
    decompose_brier,
    equal_mass_ece,
    reliability_bins,
    smooth_ece,
)
from foldline.metrics.intervals import UNBOUNDED, bootstrap_own_metrics
from foldline.metrics.registry import measure
from foldline.metrics.selective import (
    aurc,
    find_threshold,
    risk_coverage_curve,
    summarize_answers,
)

OUT_OF_FOLD = "out_of_fold"
COVERAGES = np.arange(1, 21) / 20  # of the risk-coverage curve in the report
ACCURACIES = (0.8, 0.9, 0.95, 0.99)  # for which thresholds of confidence are reported


@dataclass(frozen=True)
class Part:
    """Targets, groups, and predictions of rows by method of calibration; `none` is before it.

    Out-of-fold rows have folds (n,), test rows None.
    """

    target: np.ndarray
    groups: np.ndarray
    predictions: Mapping[str, np.ndarray]
    folds: np.ndarray | None = None

    def split(self, known: "Part") -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield masks of the known out-of-fold rows to fit to, and of the own rows to judge."""
        if self.folds is None:
            yield np.ones(len(known.target), dtype=bool), np.ones(len(self.target), dtype=bool)
            return
        for fold in np.unique(self.folds):
            yield self.folds != fold, self.folds == fold


def calibrate_parts(
    out_of_fold: OutOfFold, method: str, test: Part | None = None
) -> dict[str, Part]:
    """Return out-of-fold and test rows with their predictions by every calibrator.

    `method` combines members out of fold; `test` has the predictions before calibration.
    """
    task, target = out_of_fold.task, out_of_fold.target
    raw = out_of_fold.combine(method)
    names = [] if task == "regression" else list(CALIBRATORS)
    own = {name: out_of_fold.combine(method, name) for name in names}
    parts = {OUT_OF_FOLD: Part(target, out_of_fold.groups, {NONE: raw} | own, out_of_fold.folds)}
    if test is not None:
        before = test.predictions[NONE]
        states = {name: fit_calibrator(name, raw, target, task) for name in names}
        new = {name: CALIBRATORS[name].apply(states[name], before, task) for name in names}
        parts["test"] = Part(test.target, test.groups, {NONE: before} | new)
    return parts


def report_calibration(
    task: str, part: Part, final: str, options: Evaluate, seed: int
) -> dict[str, Any]:
    """Return the scores of each calibrator, and the reliability of the final predictions.

    `log_loss_change` is that by the calibrator, with an interval by bootstrap over groups; the
    number of resamples falls as that of other metrics of probabilities.
    """
    losses = {
        name: compute_log_losses(task, part.target, own) for name, own in part.predictions.items()
    }
    changes = {name: own - losses[NONE] for name, own in losses.items() if name != NONE}

    def average(weights: np.ndarray | None) -> dict[str, float]:
        return {name: float(np.average(own, weights=weights)) for name, own in changes.items()}

    means, intervals = (
        average(None),
        bootstrap_own_metrics(
            average,
            dict.fromkeys(changes, UNBOUNDED),
            len(part.target),
            part.groups,
            limit_resamples(part.predictions[final], options.resamples),
            seed,
            options.level,
        ),
    )
    methods = {name: _score(task, part.target, own) for name, own in part.predictions.items()}
    for name in changes:
        change = {"difference": means[name]} | intervals[name]._asdict()
        methods[name]["log_loss_change"] = change
    confidence, correct = compute_confidence(task, part.target, part.predictions[final])
    bins = reliability_bins(confidence, correct, options.level)
    return {"methods": methods, "bins": [own._asdict() for own in bins]}


def _score(task: str, target: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    confidence, correct = compute_confidence(task, target, values)
    parts = decompose_brier(task, target, values)
    return measure(task, target, values, names=["log_loss", "brier", MAIN[task]]) | {
        "ece_equal_mass": equal_mass_ece(confidence, correct),
        "smooth_ece": smooth_ece(confidence, correct),
        "brier_parts": parts._asdict() if parts else {},
    }


def report_confidence(
    task: str, known: Part, part: Part, final: str, level: float
) -> dict[str, Any]:
    """Return the risk-coverage curve, and thresholds for wanted accuracies with what they reach."""
    confidence, correct = compute_confidence(task, part.target, part.predictions[final])
    curve = risk_coverage_curve(confidence, correct)
    rows = np.maximum(np.ceil(COVERAGES * len(correct)).astype(int), 1) - 1
    return {
        "aurc": aurc(confidence, correct),
        "curve": [
            {"coverage": float(curve.coverage[row]), "risk": float(curve.risk[row])} for row in rows
        ],
        "thresholds": {
            str(wanted): _report_answers(task, known, part, final, wanted, level)
            for wanted in ACCURACIES
        },
    }


def _report_answers(
    task: str, known: Part, part: Part, final: str, wanted: float, level: float
) -> dict[str, Any]:
    """Return the threshold of the known rows, and what a part reaches by its rows to fit to."""
    confidence, correct = (
        values.reshape(len(known.target), -1)
        for values in compute_confidence(task, known.target, known.predictions[final])
    )
    thresholds = np.full(len(part.target), np.inf)
    for training, own in part.split(known):
        found = find_threshold(confidence[training].ravel(), correct[training].ravel(), wanted)
        thresholds[own] = np.inf if found is None else found
    values, hits = compute_confidence(task, part.target, part.predictions[final])
    answered = values.reshape(len(thresholds), -1) >= thresholds[:, None]
    threshold = find_threshold(confidence.ravel(), correct.ravel(), wanted)
    return {"threshold": threshold} | summarize_answers(answered.ravel(), hits, level)._asdict()
