"""What an ensemble brings: scores of all methods, gain over the best member, shares, errors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from foldline.core.errors import listing
from foldline.core.io.labels import MAIN
from foldline.ensembling.costs import compare_costs, format_costs
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold
from foldline.ensembling.fit_verdict import score_constant
from foldline.ensembling.methods.registry import METHODS
from foldline.metrics.error_correlation import correlate_errors
from foldline.metrics.intervals import UNBOUNDED, bootstrap_own_metrics, paired_bootstrap
from foldline.metrics.registry import measure, prepare_metrics


def make_report(
    ensemble: Ensemble, out_of_fold: OutOfFold, resamples: int, level: float, seed: int
) -> dict[str, Any]:
    """Return the main metric of each voter and of each method, cross-fitted, and the gain.

    `majority` is that of one prediction for all rows: the most frequent class, or the mean. The
    gain is that of the ensemble's method over the best voter alone, with its interval by a paired
    bootstrap over groups.
    """
    task, target, members = out_of_fold.task, out_of_fold.target, out_of_fold.predictions
    # With one member there is nothing to choose from.
    methods = METHODS if len(members) > 1 else [ensemble.method]
    combined = {name: out_of_fold.combine(name, ensemble.calibration_method) for name in methods}
    metric = MAIN[task]

    def score(values: np.ndarray) -> float:
        return measure(task, target, values, names=[metric])[metric]

    scores = {name: score(values) for name, values in members.items()}
    best = max(scores, key=lambda name: np.nan_to_num(scores[name], nan=-np.inf))
    gain = paired_bootstrap(
        task,
        target,
        combined[ensemble.method],
        members[best],
        out_of_fold.groups,
        resamples,
        seed,
        metric,
        level,
    )
    report: dict[str, Any] = {
        "metric": metric,
        "method": ensemble.method,
        "best_member": best,
        "members": scores,
        "majority": score_constant(task, target, metric),
        "methods": {name: score(values) for name, values in combined.items()},
        "gain": gain._asdict() | {"level": level},
        "share": out_of_fold.share(ensemble),
        "error_correlation": correlate_errors(task, target, members),
    }
    final, groups = combined[ensemble.method], out_of_fold.groups
    if ensemble.thresholds or ensemble.costs:
        decided = out_of_fold.decide(final, ensemble.costs)
        report["thresholds"] = compare_decisions(
            task, target, final, decided, groups, resamples, seed, level
        ) | {"level": level}
    if ensemble.costs:
        report["costs"] = compare_costs(
            task, target, final, ensemble.costs, groups, resamples, seed, level
        )
    if ensemble.prior:
        report["prior"] = asdict(ensemble.prior)
    return report


def compare_decisions(
    task: str,
    target: np.ndarray,
    final: np.ndarray,
    decided: np.ndarray,
    groups: np.ndarray,
    resamples: int,
    seed: int,
    level: float,
) -> dict[str, float]:
    """Return the main metric of decisions by thresholds, and its gain over those without.

    The interval of the gain is of a paired bootstrap over groups.
    """
    name = MAIN[task]
    by_thresholds = prepare_metrics(task, target, final, [name], decided)
    usual = prepare_metrics(task, target, final, [name])

    def gain(weights: np.ndarray | None) -> dict[str, float]:
        return {name: by_thresholds(weights)[name] - usual(weights)[name]}

    ends, n = {name: UNBOUNDED}, len(target)
    bounds = bootstrap_own_metrics(gain, ends, n, groups, resamples, seed, level)[name]
    score = by_thresholds(None)[name]
    return {"score": score, "difference": gain(None)[name]} | bounds._asdict()


def select_metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the few numbers for DVC."""
    return {
        "score": report.get("thresholds", {}).get("score", report["methods"][report["method"]]),
        "best_member": report["members"][report["best_member"]],
        "gain_low": report["gain"]["low"],
        "gain_high": report["gain"]["high"],
    }


def format_report(report: Mapping[str, Any]) -> list[str]:
    """Return a readable table: members with their shares, then methods; the chosen one has a star.

    Errors of each member are correlated with those of the best one. One member is one line.
    """
    best, members = report["best_member"], report["members"]
    if len(members) == 1:
        score = report["methods"][report["method"]]
        line = f"one member, {best}: {report['metric']} {score:.4f} out of fold"
        return [line, *_format_thresholds(report)]
    width = max(map(len, [*members, *report["methods"], "(majority)"]))
    lines = [f"  {'member':<{width}}  {report['metric']:>9}  share  errors like best"]
    for name, value in members.items():
        line = f"  {name:<{width}}  {value:9.4f}  {report['share'][name]:5.2f}"
        correlation = report["error_correlation"][best][name]
        lines.append(line + (f"  {correlation:16.2f}" if name != best else ""))
    lines.append(f"  {'(majority)':<{width}}  {report['majority']:9.4f}")
    lines.append("  method (each fold combined by what was fitted to the others)")
    for name, value in report["methods"].items():
        lines.append(f"{'*' if name == report['method'] else ' '} {name:<{width}}  {value:9.4f}")
    gain = report["gain"]
    lines.append(
        f"{report['method']} - {best}: {gain['difference']:+.4f} "
        f"[{gain['low']:+.4f}, {gain['high']:+.4f}]"
    )
    return lines + _format_thresholds(report)


def _format_thresholds(report: Mapping[str, Any]) -> list[str]:
    """Return a line on the gain by thresholds or costs, if there are any."""
    if "costs" in report:
        return format_costs(report["costs"])
    gain = report.get("thresholds")
    if gain is None:
        return []
    line = (
        f"thresholds of the other folds: {report['metric']} {gain['score']:.4f}, "
        f"{gain['difference']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}]"
    )
    note = "note: no gain by thresholds is certain: ensemble.threshold=none does without them"
    return [line] if gain["low"] > 0 else [line, note]


def describe_missing_gain(ensemble: Ensemble, report: Mapping[str, Any]) -> str | None:
    """Return a note where the ensemble is not better than its best member, else None."""
    gain, best, method = report["gain"], report["best_member"], report["method"]
    if len(report["members"]) < 2 or gain["low"] > 0:
        return None
    if gain["difference"] > 0:
        return (
            f"no gain of {method} over '{best}' alone is certain: its {gain['level']:.0%} interval "
            "includes 0"
        )
    return (
        f"'{best}' alone is as good out of fold as {method}, or better. To take it alone"
        f"{_advise_removal([name for name in ensemble.members if name != best])}"
    )


def _advise_removal(members: Sequence[str]) -> str:
    """Return how to take members out; DVC's `-S` takes no name with a dot, a plus or a colon."""
    if not all(re.fullmatch(r"[\w-]+", name) for name in members):
        return f", remove {listing(members)} from ensemble.members in params.yaml"
    return ": dvc exp run " + " ".join(f"-S '~ensemble.members.{name}'" for name in members)
