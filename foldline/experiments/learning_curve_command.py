"""The command `foldline learning-curve`."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foldline.core.errors import FoldlineError, unknown_name
from foldline.core.io.files import write_json, write_text
from foldline.core.io.labels import MAIN
from foldline.core.stage import say
from foldline.experiments.fold_inputs import load_fold_inputs
from foldline.experiments.learning_curve import fit_points, make_points
from foldline.experiments.learning_curve_plot import draw_learning_curve
from foldline.experiments.learning_curve_report import analyse_curve
from foldline.experiments.task_costs import CostEstimator, describe_costs, estimate_folds
from foldline.metrics.registry import METRICS

FILE, PLOT = Path("reports/learning_curve.json"), Path("reports/learning_curve.svg")
MIN_SIZES = 4  # a power law has three numbers


def run(options: argparse.Namespace) -> None:
    """Train on subsets of several sizes, and report what twice the rows would bring."""
    inputs = load_fold_inputs()
    params, task = inputs.params, inputs.labels.task
    metric = options.metric or MAIN[task]
    if metric not in METRICS[task]:
        raise FoldlineError(unknown_name("metric", metric, list(METRICS[task])))
    if options.sizes < MIN_SIZES:
        raise FoldlineError(f"--sizes must be at least {MIN_SIZES} (found {options.sizes})")
    if options.seeds < 1:
        raise FoldlineError(f"--seeds must be at least 1 (found {options.seeds})")
    points = make_points(inputs, options.sizes, options.seeds)
    costs = estimate_folds([point.fold for point in points], CostEstimator(params.runner))
    say(describe_costs(costs, params.runner))
    curve = fit_points(points, params.runner, metric, params.seed)
    report = analyse_curve(curve, len(inputs.train) + len(inputs.valid))
    write_json(FILE, {"model": params.model} | report)
    write_text(PLOT, draw_learning_curve(report, params.model))
    for line in format_curve(report):
        say(line)
    say(f"written to {FILE.as_posix()} and {PLOT.as_posix()}")


def format_curve(report: Mapping[str, Any]) -> list[str]:
    """Return a report as lines for the terminal."""
    metric, level, forecast = report["metric"], report["level"], report["forecast"]
    lines = [f"{metric} of {report['held_out_rows']} held-out rows [{level:.0%} interval]"]
    for size in report["sizes"]:
        rows = f"{np.mean(size['rows']):,.0f}"
        spread = "" if size["std"] is None else f" +- {size['std']:.4f} by seed"
        learnt = "" if size["train"] is None else f", training rows {size['train']:.4f}"
        parts = size["decomposition"]
        squares = f", bias {parts['bias']:.4f}, variance {parts['variance']:.4f}" if parts else ""
        lines.append(
            f"{rows:>9} rows  {size['mean']:.4f} [{size['low']:.4f}, {size['high']:.4f}]{spread}"
            f"{learnt}{squares}"
        )
    law = report["law"]
    a_low, a_high = law["a_interval"]
    lines.append(
        f"power law: {law['a']:.4f} - {law['b']:.4g} * rows^-{law['c']:.3f}; limit "
        f"[{a_low:.4f}, {a_high:.4f}]"
    )
    lines.append(_format_forecast(forecast, "twice the rows"))
    everything = report["all_rows"]
    if everything["rows"] > np.mean(report["sizes"][-1]["rows"]):
        lines.append(_format_forecast(everything, "all labelled rows, of which some are held out"))
    lines += [report["verdict"]] if report["verdict"] else []
    return lines + [f"note: {note}" for note in report["notes"]]


def _format_forecast(forecast: Mapping[str, float], name: str) -> str:
    return (
        f"{name} ({forecast['rows']:,.0f}): {forecast['score']:.4f} [{forecast['low']:.4f}, "
        f"{forecast['high']:.4f}], a change of {forecast['gain']:+.4f} "
        f"[{forecast['gain_low']:+.4f}, {forecast['gain_high']:+.4f}]"
    )
