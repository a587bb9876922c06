"""Forecasts of learning curves, held against the truth.

    python -m benchmarks.learning_curves --data FOLDER [--sets ...] [--rows N] [--out FOLDER]

FOLDER holds a folder for each data set of `benchmarks.kind_sets`. The stages prepare and split each
set; TF-IDF then learns from subsets of up to a half, and up to a quarter, of the training rows of
the first fold, as `foldline learning-curve` does it: 6 sizes, 3 seeds. The power law forecasts the
score of twice the rows, which is then measured on the same held-out rows. OUT keeps the trainings,
so an interrupted run continues.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kind_sets import SETS
from benchmarks.kinds import make_project, set_params

OUT = Path(tempfile.gettempdir()) / "foldline-learning-curves"
METRICS = ("f1_macro", "accuracy", "log_loss")
SHARES = (2, 4)  # the curve's largest size is this part of all rows
HEADER = (
    "| set | metric | learnt from | forecast for | score [95 %] | truth | gain [95 %] | true gain |"
    "\n|---|---|---|---|---|---|---|---|"
)


def make_rows(name: str, folder: Path) -> list[str]:
    """Return the rows of the table for the data set whose project is in a folder."""
    from foldline.experiments.fold_inputs import load_fold_inputs
    from foldline.experiments.learning_curve import fit_points, make_points
    from foldline.experiments.learning_curve_report import analyse_curve

    os.chdir(folder)
    inputs = load_fold_inputs()
    rows = []
    for metric in METRICS:
        how = (inputs.params.runner, metric, inputs.params.seed)
        both = fit_points(make_points(inputs, 4, 3), *how)
        total = round(both.sizes[-1])
        for share in SHARES:
            points = make_points(inputs, 6, 3, total // share)
            report = analyse_curve(fit_points(points, *how), total)
            truth = both.score().mean(axis=1)
            index = int(np.argmin(abs(both.sizes - report["forecast"]["rows"])))
            gain = truth[index] - report["sizes"][-1]["mean"]
            rows.append(format_forecast(name, metric, report, float(truth[index]), float(gain)))
    return rows


def format_forecast(
    name: str, metric: str, report: dict[str, Any], truth: float, gain: float
) -> str:
    """Return a row of the table."""
    own, last = report["forecast"], np.mean(report["sizes"][-1]["rows"])
    inside = "" if own["low"] <= truth <= own["high"] else " (outside)"
    gain_inside = "" if own["gain_low"] <= gain <= own["gain_high"] else " (outside)"
    return (
        f"| {name} | {metric} | {last:,.0f} | {own['rows']:,.0f} | {own['score']:.4f} "
        f"[{own['low']:.4f}, {own['high']:.4f}] | {truth:.4f}{inside} | {own['gain']:+.4f} "
        f"[{own['gain_low']:+.4f}, {own['gain_high']:+.4f}] | {gain:+.4f}{gain_inside} |"
    )


def sample_rows(source: Path, target: Path, rows: int) -> Path:
    """Write a data set with evenly spaced training rows; return its folder."""
    import pandas as pd

    from benchmarks.kinds import sample_evenly

    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.name.startswith("train"):
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            sample_evenly(table, rows).to_csv(target / path.name, index=False)
        else:
            shutil.copy(path, target / path.name)
    return target


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["banking77", "nsmc"])
    parser.add_argument("--rows", type=int, default=20_000, help="training rows of a set at most")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.exit(
            f"--data {arguments.data} is not a folder: pass one with a folder for each data set"
        )
    rows = []
    for name in arguments.sets:
        folder = arguments.out.resolve() / name
        if not (folder / "data/test.csv").exists():
            source = sample_rows(arguments.data / name, folder / "source", arguments.rows)
            make_project(folder, source, SETS[name], "safe", None)
        set_params(folder / "params.yaml", {"model": "tfidf"})
        rows += make_rows(name, folder)
    print(HEADER, *rows, sep="\n")


if __name__ == "__main__":
    main()
