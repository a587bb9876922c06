"""Every ensemble method on public data sets: the gain over the best single member.

    python -m benchmarks.ensembles --data FOLDER [--sets ...] [--out FOLDER] [--tables]

FOLDER holds a folder for each data set of `benchmarks.kind_sets`. The stages prepare and split each
set once (nsmc: 20,000 rows of train). Each member is then fitted to five folds, which gives its
out-of-fold predictions, and to all rows for those of the official test rows, in a process of one
thread. The folder `--out` keeps all predictions, so an interrupted run continues. The methods are
cross-fitted over the folds, then fitted to all out-of-fold predictions for the test rows. The best
member is the one with the highest main metric out of fold.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.kind_sets import SETS, Changes, DataSet
from benchmarks.kinds import make_project, sample_evenly, set_params
from benchmarks.measurement import report_costs, run_contestant
from foldline.core.io import schemas
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.seeds import derive_seed
from foldline.core.io.threads import pin_threads
from foldline.core.params import Recipe
from foldline.core.params.loading import load_params
from foldline.ensembling.ensemble import describe_texts
from foldline.ensembling.ensemble_fit import OutOfFold
from foldline.ensembling.methods.interface import Context
from foldline.ensembling.methods.registry import METHODS
from foldline.metrics.error_correlation import correlate_errors
from foldline.metrics.intervals import paired_bootstrap
from foldline.metrics.registry import measure
from foldline.models import registry
from foldline.models.interface import Job

RESAMPLES, SEED = 1000, derive_seed(42, "benchmark")
OUT = Path(tempfile.gettempdir()) / "foldline-ensembles"
MEMBERS: dict[str, Changes] = {
    "tfidf": {"model": "tfidf"},
    "nbsvm": {"model": "tfidf", "tfidf.head": "nbsvm"},
    "svm": {"model": "tfidf", "tfidf.head": "svm"},
    "complement_nb": {"model": "tfidf", "tfidf.head": "complement_nb"},
    "static": {"model": "static"},
}
NAMES = ("banking77", "korean_hate_speech", "nsmc")
TRAIN_ROWS = {"nsmc": 20_000}


def prepare_set(name: str, data: Path, out: Path) -> Path:
    """Return the project of a data set, in which `prepare` and `split` have run."""
    data_set, source, project = SETS[name], data / name, out / "projects" / name
    if name in TRAIN_ROWS:
        data_set, source = make_sample(data_set, source, out / "samples" / name, TRAIN_ROWS[name])
    make_project(project, source, data_set, "safe", None)
    return project


def make_sample(data_set: DataSet, source: Path, folder: Path, rows: int) -> tuple[DataSet, Path]:
    """Write a data set with `rows` evenly spaced training rows, and return it with its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, file in data_set.files.items():
        table = pd.read_csv(source / file, dtype=str, keep_default_na=False)
        table = sample_evenly(table, rows if part == "train" else 0)
        table.to_csv(folder / f"{part}.csv", index=False)
    return replace(data_set, files={part: f"{part}.csv" for part in data_set.files}), folder


def fit_and_predict(project: Path, predictions: Path) -> dict[str, Any]:
    """Save a member's out-of-fold predictions and, by a fit to all rows, those of the test rows."""
    os.chdir(project)
    recipe, labels = load_params(Recipe), Labels.load()
    rows, test = read_rows(), schemas.TEST.read()

    def fit_to(training: pd.DataFrame, new: pd.DataFrame) -> np.ndarray:
        with tempfile.TemporaryDirectory() as scratch:
            training = training.reset_index(drop=True)
            job = Job(training, training.iloc[:0], labels, recipe, Path(scratch))
            return registry.fit(job).model.predict(new)

    shape = (len(rows), labels.outputs) if labels.classes else len(rows)
    out_of_fold = np.empty(shape)
    for fold in sorted(rows["fold"].unique()):
        own = (rows["fold"] == fold).to_numpy()
        copies = rows["duplicate"].isin(set(rows.loc[own, "duplicate"]) - {""})
        out_of_fold[own] = fit_to(rows[~own & ~copies], rows[own])
    predictions.parent.mkdir(parents=True, exist_ok=True)
    np.savez(predictions, out_of_fold=out_of_fold, test=fit_to(rows, test))
    return {"rows": len(rows), "test_rows": len(test)}


def read_rows() -> pd.DataFrame:
    """Return the rows of train and valid that are in a fold, with their `fold`."""
    rows = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()], ignore_index=True)
    folds = schemas.FOLDS.read()
    return rows.merge(folds[folds["repeat"] == 0], on="id", validate="one_to_one")


def predict_members(name: str, data: Path, out: Path) -> Path:
    """Fit the members of a data set that have no predictions yet; return its project."""
    project = prepare_set(name, data, out)
    for member, changes in MEMBERS.items():
        predictions = out / "predictions" / name / f"{member}.npz"
        if predictions.exists():
            continue
        shutil.copy(project / "base.yaml", project / "params.yaml")
        set_params(project / "params.yaml", changes)
        options = ["--folder", str(project), "--predictions", str(predictions)]
        result = run_contestant("benchmarks.ensembles", *options)
        print(f"{name}, {member}: {result}", file=sys.stderr, flush=True)
    return project


def print_table(name: str, project: Path, predictions: Path) -> None:
    """Print scores out of fold and on the test rows, and gains over the best member, as Markdown.

    Seconds are those of a cross-fit over all folds.
    """
    parts = read_parts(project, predictions)
    out_of_fold, test = parts["out of fold"], parts["test"]
    task, members = out_of_fold.task, out_of_fold.predictions
    metric = MAIN[task]
    scores = {member: score(out_of_fold, values) for member, values in members.items()}
    best = max(scores, key=lambda member: scores[member])
    print(f"\n### {name}\n")
    print(f"{len(out_of_fold.target):,} rows in 5 folds, {len(test.target):,} test rows; {metric}.")
    print("\n| | out of fold | gain | test | gain | share | s |\n|---|---|---|---|---|---|---|")
    for member, value in scores.items():
        mark = " (best)" if member == best else ""
        tested = score(test, test.predictions[member])
        print(f"| {member}{mark} | {value:.4f} | | {tested:.4f} | | | |")
    for method, own in METHODS.items():
        begun = time.process_time()
        crossed = out_of_fold.combine(method)
        seconds = time.process_time() - begun
        state = own.fit(members, out_of_fold.target, task, out_of_fold.context)
        combined = own.combine(state, test.predictions, task, test.context)
        share = own.share(state, members, task, out_of_fold.context)
        shares = ", ".join(f"{part:.2f}" for part in share.values())
        cells = [
            f"{score(part, values):.4f} | {compare(part, values, part.predictions[best])}"
            for part, values in ((out_of_fold, crossed), (test, combined))
        ]
        print(f"| {method} | {cells[0]} | {cells[1]} | {shares} | {seconds:.1f} |", flush=True)
    errors = correlate_errors(task, out_of_fold.target, members)
    pairs = (f"{a} and {b} {errors[a][b]:.2f}" for a, b in combinations(members, 2))
    print(f"\nCorrelation of errors out of fold: {', '.join(pairs)}.")


def read_parts(project: Path, predictions: Path) -> dict[str, OutOfFold]:
    """Return targets, groups, contexts and members' predictions, out of fold and of test rows."""
    os.chdir(project)
    labels, parts = Labels.load(), {}
    files = {file.stem: np.load(file) for file in sorted(predictions.glob("*.npz"))}
    for part, key, rows in (
        ("out of fold", "out_of_fold", read_rows()),
        ("test", "test", schemas.TEST.read()),
    ):
        folds = rows["fold"].to_numpy() if "fold" in rows else None
        parts[part] = OutOfFold(
            labels.task,
            labels.encode(rows["label"]),
            rows["group"].to_numpy(dtype=str),
            {member: arrays[key] for member, arrays in files.items()},
            Context(SEED, folds, describe_texts(rows)),
        )
    return parts


def score(part: OutOfFold, values: np.ndarray) -> float:
    """Return the main metric."""
    metric = MAIN[part.task]
    return measure(part.task, part.target, values, names=[metric])[metric]


def compare(part: OutOfFold, values: np.ndarray, best: np.ndarray) -> str:
    """Return the gain over the best member with its paired interval; a star if it excludes 0."""
    metric = MAIN[part.task]
    gain = paired_bootstrap(
        part.task, part.target, values, best, part.groups, RESAMPLES, SEED, metric
    )
    star = " *" if gain.low > 0 or gain.high < 0 else ""
    return f"{gain.difference:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]{star}"


def main() -> None:
    """Fit the members that have no predictions yet, and print a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument(
        "--tables", action="store_true", help="only print the tables of saved predictions"
    )
    parser.add_argument("--contestant", action="store_true", help=argparse.SUPPRESS)
    for name in ("folder", "predictions"):
        parser.add_argument(f"--{name}", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant:
        report_costs(lambda: fit_and_predict(arguments.folder, arguments.predictions))
        return
    out = arguments.out.resolve()
    for name in arguments.sets:
        if not arguments.tables:
            if not arguments.data or not arguments.data.is_dir():
                sys.exit(f"--data {arguments.data} is not a folder: pass that of the data sets")
            predict_members(name, arguments.data.resolve(), out)
        with pin_threads(1):
            print_table(name, out / "projects" / name, out / "predictions" / name)


if __name__ == "__main__":
    main()
