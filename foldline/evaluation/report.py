"""What the evaluation reports: numbers for DVC, all details, and a summary for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from foldline.core.errors import listing
from foldline.core.io.components import is_component
from foldline.core.io.labels import MAIN, Labels
from foldline.ensembling.fit_verdict import Score, Verdict, judge_fit, read_score, score_constant
from foldline.ensembling.training import Training
from foldline.evaluation.scores import HEADLINE_METRICS, score_predictions
from foldline.metrics.intervals import bootstrap_intervals
from foldline.metrics.registry import measure
from foldline.models.training_score import RESAMPLES

REPORT = "reports/evaluation.json"
_BY_PART = ("metrics", "undefined")


def make_details(
    scores: Mapping[str, Any], final: str, ceiling: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return every part's metrics and why some are undefined, and all scores of the final part.

    `ceiling` is human agreement (reports/agreement.json), where rows have several annotators.
    """
    details: dict[str, Any] = {part: values["metrics"] for part, values in scores.items()}
    details["judged"] = final
    details["ceiling"] = dict(ceiling or {})
    details["undefined"] = {part: values["undefined"] for part, values in scores.items()}
    return details | {k: v for k, v in scores.get(final, {}).items() if k not in _BY_PART}


def select_headline_metrics(
    task: str, scores: Mapping[str, Any], final: str
) -> dict[str, dict[str, float]]:
    """Return the few numbers for DVC: the task's metrics, and the interval of the main one."""
    if final not in scores:
        return {}
    metrics, intervals = scores[final]["metrics"], scores[final]["interval"]
    return {final: {name: metrics[name] for name in HEADLINE_METRICS[task]} | intervals[MAIN[task]]}


def format_scores(
    labels: Labels,
    scores: Mapping[str, Any],
    final: str,
    level: float,
    ceiling: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return the summary of the judged part.

    Without test rows also that of the validation rows: published scores are often those of official
    ones.
    """
    shown = [final, *(["valid"] if final != "test" and "valid" in scores else [])]
    return [
        line
        for part in shown
        for line in format_summary(labels.task, scores, part, level, ceiling, labels.classes)
    ]


def format_summary(
    task: str,
    scores: Mapping[str, Any],
    final: str,
    level: float,
    ceiling: Mapping[str, Any] | None = None,
    classes: Sequence[str] = (),
) -> list[str]:
    """Return lines with the main metric: of the ensemble, members, baselines and humans.

    A line has the other headline metrics of the ensemble. Annotators who used other classes than
    the model's are not comparable and have no line.
    """
    if final not in scores:
        return ["nothing to evaluate: there are neither test nor validation rows"]
    main, values = MAIN[task], scores[final]
    rows = [("ensemble", {main: values["metrics"][main]} | values["interval"][main])]
    rows += [(f"  {name}", own) for name, own in values["members"].items()]
    rows += [(_name_baseline(name, own), own) for name, own in values["baselines"].items()]
    rows += [(f"external {name}", own) for name, own in values["external"].items()]
    verdicts = _format_verdicts(values.get("comparisons", []))
    humans = dict(ceiling or {})
    human_classes = humans.pop("labels", list(classes))
    comparable = set(human_classes) == set(classes)
    rows += list_human_scores(main, humans) if comparable else []
    width = max(len(name) for name, _ in rows)
    lines = [f"{final} {main} [{level:.0%} interval]"]
    lines += [
        f"{name:<{width}}  {_format_score(s[main], s['low'], s['high'])}  {verdicts.get(name, '')}"
        for name, s in rows
    ]
    lines = [line.rstrip() for line in lines]
    lines += _format_component_metrics(values)
    lines += _format_other_metrics(task, values)
    if better := _list_better(main, values):
        lines.append(_explain_better(better, final))
    return lines if comparable else [*lines, _explain_incomparable(human_classes, classes)]


def _name_baseline(name: str, own: Mapping[str, Any]) -> str:
    """Return the name of a baseline's row, or of a bound's with the rows that it has seen."""
    if "bound" not in own:
        return f"baseline {name}"
    return f"bound {name}" + (f" ({own['rows']} rows)" if name == "leak" else "")


def _format_verdicts(comparisons: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what each comparison says about the ensemble, by the name of the other's row."""
    prefixes = {"member": "  ", "baseline": "baseline ", "external": "external "}
    words = {"better": "ensemble better", "worse": "ensemble worse"}
    return {
        prefixes[own["kind"]] + own["name"]: words.get(own["verdict"], own["verdict"] or "")
        for own in comparisons
    }


def _format_other_metrics(task: str, values: Mapping[str, Any]) -> list[str]:
    """Return the headline metrics of the ensemble besides the main one, and where all are."""
    scores = [
        f"{name} " + _format_score(values["metrics"][name], interval["low"], interval["high"], " ")
        for name, interval in values["interval"].items()
        if name in HEADLINE_METRICS[task] and name != MAIN[task]
    ]
    reasons = [
        f"note: {name} is undefined: {reason}"
        for name, reason in values.get("undefined", {}).items()
        if name in HEADLINE_METRICS[task]
    ]
    lines = [", ".join(scores)] if scores else []
    return [*lines, *reasons, f"all metrics and intervals: {REPORT}"]


def _list_better(main: str, values: Mapping[str, Any]) -> list[str]:
    """Return the members, baselines and others that score higher than the ensemble."""
    best = values["metrics"][main]
    others = [
        *values["members"].items(),
        *(
            (f"baseline {name}", own)
            for name, own in values["baselines"].items()
            if "bound" not in own
        ),
        *((f"external {name}", own) for name, own in values["external"].items()),
    ]
    return [name for name, own in others if own[main] > best]


def _explain_better(names: Sequence[str], final: str) -> str:
    """Return a note on whoever scores higher than the ensemble."""
    verb = "scores" if len(names) == 1 else "score"
    advice = (
        "who chooses by the test rows has no test score any more: choose by the out-of-fold "
        "scores in reports/ensemble.json"
        if final == "test"
        else "a smaller ensemble.members, or another ensemble.method, may do as well"
    )
    return f"note: {listing(names)} {verb} higher than the ensemble; {advice}"


def _format_component_metrics(values: Mapping[str, Any]) -> list[str]:
    """Return a line for each metric from components/."""
    return [
        f"{name}  " + _format_score(value, *(values["interval"][name][k] for k in ("low", "high")))
        for name, value in values["metrics"].items()
        if is_component(name)
    ]


def _explain_incomparable(human_classes: Sequence[str], classes: Sequence[str]) -> str:
    labels = listing(human_classes, 8) if human_classes else "numbers"
    return (
        f"annotators used {labels}, models predict {listing(classes, 8) or 'numbers'}: not "
        "comparable; reports/agreement.json has the human agreement"
    )


def list_human_scores(main: str, ceiling: Mapping[str, Any]) -> list[tuple[str, dict[str, float]]]:
    """Return the scores of one annotator and of a perfect model, as rows of the summary.

    They are over all annotated rows, whatever their part. Another metric of the annotators' scale
    is named where the main one is not defined on it.
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


def format_training(training: Training, scores: Mapping[str, float]) -> list[str]:
    """Return lines on the validation scores of a model, with a warning if it learnt nothing."""
    model, labels = training.recipe.model, training.labels
    shown = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    lines = [f"{model}: {shown}, of the valid rows" if shown else f"{model}: no valid rows"]
    if training.valid.empty and len(training.fit.valid):
        held_back = len(training.fit.valid)
        lines.append(
            f"note: {held_back} of {len(training.fit.train) + held_back} training rows only stop "
            "the training early, as there are no validation rows; the fold models learn from most "
            "of them"
        )
    if verdict := judge_training(training):
        lines.append(f"{model}: {verdict.line}")
    if scores and model not in training.baselines:
        table = training.make_baseline_table("majority")
        lines += warn_of_majority(model, scores, score_predictions(table, labels), labels.task)
    return lines


def judge_training(training: Training) -> Verdict | None:
    """Return what the scores of training and validation rows show; None if one is missing."""
    rows, labels, recipe = training.valid, training.labels, training.fit.recipe
    metric, learnt = MAIN[labels.task], training.model.details.get("train")
    if rows.empty or not learnt:
        return None
    target, values = labels.encode(rows["label"]), training.model.predictions
    interval = bootstrap_intervals(
        labels.task, target, values, rows["group"].tolist(), RESAMPLES, recipe.seed, names=[metric]
    )[metric]
    score = measure(labels.task, target, values, names=[metric])[metric]
    return judge_fit(
        labels.task,
        metric,
        read_score(learnt, metric, "train"),
        Score(score, interval.low, interval.high, "valid"),
        score_constant(labels.task, target, metric),
        recipe,
        [training.model.training.history],
    )


def warn_of_majority(
    model: str, scores: Mapping[str, float], majority: Mapping[str, float], task: str
) -> list[str]:
    """Return a warning if a model does not beat the majority baseline, else no line."""
    metric = MAIN[task]
    if scores[metric] > np.nan_to_num(majority[metric]):
        return []
    return [
        f"{model} is no better than the majority baseline ({metric} {scores[metric]:.4f} and "
        f"{majority[metric]:.4f}): `foldline sanity` looks for the reason, and for a transformer "
        "`foldline lr-find` finds a learning rate"
    ]


def _format_score(value: float, low: float, high: float, gap: str = "  ") -> str:
    return "-" if np.isnan(value) else f"{value:.4f}{gap}[{low:.4f}, {high:.4f}]"
