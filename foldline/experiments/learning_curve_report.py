"""What a learning curve shows: a power law, the gain of more rows, and how far to trust it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from foldline.core.io.labels import MAIN
from foldline.core.io.seeds import derive_seed
from foldline.ensembling.fit_verdict import Score, judge_fit, read_score, score_constant
from foldline.experiments.learning_curve import FittedPoint, LearningCurve
from foldline.experiments.power_law import (
    PARAMETERS,
    PowerLaw,
    compute_p_value,
    fit_power_law,
    smooth_variances,
)
from foldline.metrics.fold_statistics import decompose_error
from foldline.metrics.intervals import Interval, bootstrap_percentiles
from foldline.metrics.registry import METRICS

LEVEL, RESAMPLES = 0.95, 300
MIN_SPAN = 8.0  # the largest size over the smallest, below which a law is hardly determined
MIN_POINTS = 4  # sizes that the law is fitted to, at least
ALPHA = 0.01  # p-value below which the points do not follow the law
FACTOR = 2.0  # how many times the rows the forecast is for
GRID = 33  # points of the law that is drawn

Report = dict[str, Any]


@dataclass(frozen=True)
class Law:
    """The law of a curve's mean scores (m,) with variances (m,), from the size with index `first`.

    `limits` are the ends of the metric's range. `misfit` is the mean of the squared errors over
    the variances by degree of freedom, about 1 where the law holds, and `p_value` its test.
    """

    sizes: np.ndarray
    variances: np.ndarray
    limits: tuple[float, float]
    grows: bool
    first: int
    law: PowerLaw
    misfit: float
    p_value: float

    def fit(self, means: np.ndarray) -> PowerLaw:
        """Return the law of other scores of the same sizes."""
        own = slice(self.first, None)
        return fit_power_law(
            self.sizes[own], means[own], self.variances[own], self.limits, self.grows, self.law
        )

    @property
    def grid(self) -> np.ndarray:
        """Return the numbers of rows at which the law is drawn."""
        return np.geomspace(self.sizes[self.first], FACTOR * self.sizes[-1], GRID)


def analyse_curve(curve: LearningCurve, total: int) -> Report:
    """Return the scores by size, the power law, and the forecast for twice the rows.

    `total` is the number of all labelled rows, of which the model for new rows may learn.
    """
    scores, last = curve.score(), float(curve.sizes[-1])
    law = find_law(curve, scores)
    wanted = {"forecast": FACTOR * last, "all_rows": max(float(total), last)}
    bounds = bootstrap_law(curve, law, wanted)
    report: Report = {
        "metric": curve.metric,
        "level": LEVEL,
        "held_out_rows": len(curve.target),
        "labelled_rows": total,
        "seeds": scores.shape[1],
        "sizes": _describe_sizes(curve, scores, bounds),
        "law": asdict(law.law) | {f"{k}_interval": list(bounds[k]) for k in ("a", "b", "c")},
        "law_from_rows": float(curve.sizes[law.first]),
        "p_value": law.p_value,
        "band": [
            {"rows": float(rows), "score": law.law.predict(rows)} | bounds[f"band {i}"]._asdict()
            for i, rows in enumerate(law.grid)
        ],
    }
    for name, rows in wanted.items():
        score, gain = law.law.predict(rows), bounds[f"{name} gain"]
        report[name] = {"rows": rows, "score": score} | bounds[name]._asdict()
        report[name] |= {"gain": score - law.law.predict(last)}
        report[name] |= {"gain_low": gain.low, "gain_high": gain.high}
    report["notes"] = list_doubts(report, law.grows)
    return report | {"verdict": _judge(curve, scores, bounds, report)}


def find_law(curve: LearningCurve, scores: np.ndarray) -> Law:
    """Return the law of scores (m, seeds).

    A power law holds beyond a region of few rows (Hestness et al., 2017), so the smallest sizes are
    left out while the others do not follow one; MIN_POINTS always stay.
    """
    metric = METRICS[curve.labels.task][curve.metric]
    limits = (min(metric.best, metric.worst), max(metric.best, metric.worst))
    sizes, means, seeds = curve.sizes, scores.mean(axis=1), scores.shape[1]
    variances = smooth_variances(sizes, scores)
    for first in range(max(1, len(sizes) - MIN_POINTS + 1)):
        own = slice(first, None)
        how = (limits, metric.greater_is_better)
        law = fit_power_law(sizes[own], means[own], variances[own], *how)
        errors = means[own] - [law.predict(n) for n in sizes[own]]
        misfit = float((errors**2 / variances[own]).sum() / max(1, len(errors) - PARAMETERS))
        p_value = compute_p_value(misfit, len(errors), seeds)
        if not p_value < ALPHA:
            break
    return Law(sizes, variances, *how, first, law, misfit, p_value)


def bootstrap_law(
    curve: LearningCurve, law: Law, wanted: Mapping[str, float]
) -> dict[str, Interval]:
    """Return intervals of a law, its curve and its scores of `wanted` rows, over held-out groups.

    Each resample weights the held-out rows, as every other bootstrap here, and moves the mean of
    each size by its error over seeds, or by more where the law misses the points by more. Scores
    and gains of `wanted` rows are those of one training, so they vary by its seed, too.
    """
    rng = np.random.default_rng(derive_seed(curve.seed, "seeds of the curve"))
    errors = np.sqrt(law.variances * max(1.0, law.misfit))
    of_one = float(np.sqrt(law.variances[-1] * len(curve.points[-1])))

    def compute(weights: Any) -> dict[str, float]:
        means = curve.score(weights).mean(axis=1)
        values = means + errors * rng.standard_normal(len(means))
        if not np.isfinite(values).all():
            return dict.fromkeys(names, float("nan"))
        own = law.fit(values)
        found = asdict(own) | {f"size {i}": value for i, value in enumerate(means)}
        for name, rows in wanted.items():
            found[name] = own.predict(rows) + of_one * rng.standard_normal()
            found[f"{name} gain"] = found[name] - own.predict(curve.sizes[-1])
        return found | {f"band {i}": own.predict(rows) for i, rows in enumerate(law.grid)}

    names = ["a", "b", "c", *wanted, *(f"{name} gain" for name in wanted)]
    names += [f"size {i}" for i in range(len(curve.sizes))]
    names += [f"band {i}" for i in range(GRID)]
    groups, seed = curve.held_out["group"].tolist(), derive_seed(curve.seed, "learning curve")
    return bootstrap_percentiles(compute, names, len(groups), groups, RESAMPLES, seed, LEVEL)


def _describe_sizes(
    curve: LearningCurve, scores: np.ndarray, bounds: Mapping[str, Interval]
) -> list[Report]:
    return [
        {
            "rows": [own.point.size for own in row],
            "scores": scores[index].tolist(),
            "mean": float(scores[index].mean()),
            "std": float(np.std(scores[index], ddof=1)) if len(row) > 1 else None,
            "low": bounds[f"size {index}"].low,
            "high": bounds[f"size {index}"].high,
            "train": _average_training_score(row, curve.metric),
            "decomposition": _decompose(curve, row),
        }
        for index, row in enumerate(curve.points)
    ]


def _average_training_score(row: Sequence[FittedPoint], metric: str) -> float | None:
    found = [own.fit.details.get("train") for own in row]
    values = [own[metric] for own in found if own and own[metric] is not None]
    return float(np.mean(values)) if values else None


def _decompose(curve: LearningCurve, row: Sequence[FittedPoint]) -> dict[str, float] | None:
    """Return bias and variance over the seeds of a size: other rows and another training."""
    if len(row) < 2:
        return None
    target = curve.target
    if curve.labels.task == "classification":
        target = np.eye(len(curve.labels.classes))[target]
    predictions = np.array([own.fit.predictions for own in row])
    return decompose_error(target.astype(np.float64), predictions)._asdict()


def _judge(
    curve: LearningCurve, scores: np.ndarray, bounds: Mapping[str, Interval], report: Report
) -> str | None:
    """Return the verdict on the trainings of the largest size."""
    row, task, metric = curve.points[-1], curve.labels.task, curve.metric
    details = row[0].fit.details.get("train")
    if details and metric != MAIN[task]:  # the interval is that of the main metric
        details = details | {"low": None, "high": None}
    interval = bounds[f"size {len(curve.sizes) - 1}"]
    verdict = judge_fit(
        task,
        metric,
        read_score(details, metric, "train"),
        Score(float(scores[-1].mean()), interval.low, interval.high, "held out"),
        score_constant(task, curve.target, metric),
        curve.fold.recipe,
        [own.fit.training.history for own in row],
        None if report["p_value"] < ALPHA else report["forecast"],
    )
    return verdict.line if verdict else None


def list_doubts(report: Mapping[str, Any], greater_is_better: bool) -> list[str]:
    """Return why the forecast of a report is not to be trusted; nothing where it is."""
    sizes, forecast, notes = report["sizes"], report["forecast"], []
    first = report["law_from_rows"]
    if first > np.mean(sizes[0]["rows"]):
        notes.append(
            f"the law is fitted to sizes from {first:,.0f} rows: smaller ones do not follow it"
        )
    span = np.mean(sizes[-1]["rows"]) / first
    if span < MIN_SPAN:
        notes.append(
            f"the sizes span a factor of {span:.1f} only, which hardly determines a power law: "
            "its forecast is a guess"
        )
    if report["p_value"] < ALPHA:
        notes.append(
            f"the points do not follow a power law (p = {report['p_value']:.2g}): the forecast may "
            "be wrong by more than its interval; look at the plot"
        )
    sign = 1 if greater_is_better else -1
    if sign * (sizes[-1]["mean"] - sizes[0]["mean"]) <= 0:
        notes.append("the score does not grow with the rows: what limits it is not their number")
    low, high = forecast["gain_low"], forecast["gain_high"]
    if not (low > 0 or high < 0):
        notes.append("the gain of twice the rows cannot be told from none")
    if report["seeds"] < 2:
        notes.append("with one seed, the interval leaves out the choice of the training rows")
    return notes
