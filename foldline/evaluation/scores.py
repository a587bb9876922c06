"""Judge predictions: scores, intervals, baselines and members side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.errors import listed
from foldline.core.io.components import Component, is_component
from foldline.core.io.labels import MAIN, THRESHOLD, Labels
from foldline.metrics.component_metrics import prepare_component_metrics
from foldline.metrics.intervals import bootstrap, interval
from foldline.metrics.registry import measure, per_class

# The numbers that DVC shows; everything else goes to the details.
SHOWN = {
    "classification": ("accuracy", "f1_macro", "f1_weighted", "roc_auc", "auprc", "ece"),
    "multilabel": ("accuracy", "f1_macro", "f1_micro", "f1_weighted", "roc_auc", "auprc", "ece"),
    "regression": ("pearson", "spearman", "rmse", "mae", "r2"),
}
BINS = 10
NONE = "(none)"


@dataclass(frozen=True)
class Judged:
    """Predictions to judge, and `groups` of rows that are not independent."""

    labels: Labels
    target: np.ndarray
    groups: np.ndarray
    final: np.ndarray
    members: Mapping[str, np.ndarray]
    baselines: Mapping[str, np.ndarray]


def scores(
    judged: Judged,
    resamples: int,
    level: float,
    seed: int,
    own_metrics: Sequence[Component] = (),
) -> dict[str, Any]:
    """Give every metric with its interval, each member's and each baseline's, and by class.

    `own_metrics` are those from components/; they stand beside the others.

    Intervals are percentiles of a bootstrap over groups (Efron, 1979): duplicates count once.
    """
    task, target = judged.labels.task, judged.target
    found: dict[str, Any] = {"metrics": measure(task, target, judged.final)}
    intervals = interval(task, target, judged.final, judged.groups, resamples, seed, level)
    own = prepare_component_metrics(own_metrics, task, target, judged.final)
    names, n = [metric.name for metric in own_metrics], len(target)
    found["metrics"] |= own(None)
    intervals |= bootstrap(own, names, n, judged.groups, resamples, seed, level)
    found["interval"] = {name: value._asdict() for name, value in intervals.items()}
    main = MAIN[task]
    for kind in ("members", "baselines"):
        predictions: Mapping[str, np.ndarray] = getattr(judged, kind)
        found[kind] = {
            name: measure(task, target, values)
            | prepare_component_metrics(own_metrics, task, target, values)(None)
            | _main(judged, values, resamples, level, seed, main)
            for name, values in predictions.items()
        }
    if judged.labels.classes:
        found["classes"] = per_class(target, judged.final, judged.labels.classes)
    return found


def details(
    found: Mapping[str, Any], final: str, ceiling: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Give everything: each part's metrics in full, and all that is known of the final part.

    `ceiling` is what people reach (reports/agreement.json), where several have judged.
    """
    everything: dict[str, Any] = {part: values["metrics"] for part, values in found.items()}
    everything["judged"] = final
    everything["ceiling"] = dict(ceiling or {})
    return everything | {k: v for k, v in found.get(final, {}).items() if k != "metrics"}


def shown(task: str, found: Mapping[str, Any], final: str) -> dict[str, dict[str, float]]:
    """Give the few numbers for DVC: the task's metrics, and the main one's interval."""
    if final not in found:
        return {}
    metrics, intervals = found[final]["metrics"], found[final]["interval"]
    return {final: {name: metrics[name] for name in SHOWN[task]} | intervals[MAIN[task]]}


def summary(
    task: str,
    found: Mapping[str, Any],
    final: str,
    level: float,
    ceiling: Mapping[str, Any] | None = None,
    classes: Sequence[str] = (),
) -> list[str]:
    """Give a table for the terminal: final score, members, baselines, people, with intervals.

    People who judged by other classes than the model's have no line in it.
    """
    if final not in found:
        return ["nothing to judge: there are neither test nor validation rows"]
    main, values = MAIN[task], found[final]
    rows = [("ensemble", {main: values["metrics"][main]} | values["interval"][main])]
    rows += [(f"  {name}", scored) for name, scored in values["members"].items()]
    rows += [(f"baseline {name}", scored) for name, scored in values["baselines"].items()]
    people = dict(ceiling or {})
    judged = people.pop("labels", list(classes))
    comparable = set(judged) == set(classes)
    rows += humans(main, people) if comparable else []
    width = max(len(name) for name, _ in rows)
    told = [] if comparable else [_apart(judged, classes)]
    return (
        [f"{final} {main} [{level:.0%} interval]"]
        + [f"{name:<{width}}  " + _score(s[main], s["low"], s["high"]) for name, s in rows]
        + _format_own_metrics(values)
        + told
    )


def _format_own_metrics(values: Mapping[str, Any]) -> list[str]:
    """Return a line for each metric from components/."""
    own = [name for name in values["metrics"] if is_component(name)]
    bounds = values["interval"]
    return [
        f"{name}  " + _score(values["metrics"][name], bounds[name]["low"], bounds[name]["high"])
        for name in own
    ]


def _apart(judged: Sequence[str], classes: Sequence[str]) -> str:
    """Say why people and models cannot be compared."""
    what = f"judged by {listed(judged, 8)}" if judged else "gave numbers"
    return (
        f"people {what}, models predict {listed(classes, 8) or 'numbers'}: not comparable; what "
        "people reach stands in reports/agreement.json"
    )


def humans(main: str, ceiling: Mapping[str, Any]) -> list[tuple[str, dict[str, float]]]:
    """Give what one person reaches and what a perfect model would, as rows of the summary.

    They are over all rows that were judged, whatever their part. Where people's scale has no main
    metric, another stands there and is named.
    """
    rows = []
    for key, name in (("one_person", "human one person"), ("perfect", "human ceiling")):
        scores = {k: v for k, v in ceiling.get(key, {}).items() if isinstance(v, Mapping)}
        metric = main if main in scores else next(iter(scores), None)
        if metric:
            numbers = [scores[metric][part] for part in ("value", "low", "high")]
            value, low, high = (float("nan") if n is None else float(n) for n in numbers)
            title = name if metric == main else f"{name} ({metric})"
            rows.append((title, {main: value, "low": low, "high": high}))
    return rows


def confusion_table(judged: Judged, names: list[str]) -> pd.DataFrame:
    """Give `actual` and `predicted` of each row, for DVC's confusion plot.

    Of several labels a row each has a line that it has, or is predicted to: NONE stands where
    one of the two is missing.
    """
    predicted = judged.labels.decode(judged.final)
    if judged.labels.task != "multilabel":
        return pd.DataFrame({"actual": names, "predicted": predicted})
    true, found = judged.target == 1, judged.labels.encode(pd.Series(predicted, dtype="str")) == 1
    columns = np.nonzero(true | found)
    classes = np.array([*judged.labels.classes, NONE], dtype=object)
    last = len(classes) - 1
    return pd.DataFrame(
        {
            name: classes[np.where(there[columns], columns[1], last)]
            for name, there in (("actual", true), ("predicted", found))
        }
    )


def scatter_table(judged: Judged) -> pd.DataFrame:
    """Give `actual` and `predicted` numbers of each row, for DVC's scatter plot."""
    return pd.DataFrame({"actual": judged.target, "predicted": judged.final})


def reliability_table(judged: Judged) -> pd.DataFrame:
    """Give accuracy and mean confidence in tenths of the top probability, empty ones left out.

    Of several labels a row each decision counts. Numbers have no probability: an empty table.
    """
    rows = []
    if judged.labels.classes and len(judged.final):
        confidence, right = _decisions(judged)
        tenth = np.minimum((confidence * BINS).astype(int), BINS - 1)
        for number in np.unique(tenth):
            inside = tenth == number
            rows.append((confidence[inside].mean(), right[inside].mean(), int(inside.sum())))
    return pd.DataFrame(rows, columns=["confidence", "accuracy", "rows"])


def _decisions(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Give the confidence of each decision and whether it is right."""
    final = judged.final
    if judged.labels.task == "classification":
        return final.max(axis=1), final.argmax(axis=1) == judged.target
    said = final >= THRESHOLD
    return np.maximum(final, 1 - final).ravel(), (said == judged.target).ravel()


def _score(value: float, low: float, high: float) -> str:
    return "-" if np.isnan(value) else f"{value:.4f}  [{low:.4f}, {high:.4f}]"


def _main(
    judged: Judged, values: np.ndarray, resamples: int, level: float, seed: int, main: str
) -> dict[str, float]:
    """Give the interval of the main metric alone, as `low` and `high`."""
    found = interval(
        judged.labels.task, judged.target, values, judged.groups, resamples, seed, level, [main]
    )
    return dict(found[main]._asdict())
