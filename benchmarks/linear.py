"""The stage `train` with TF-IDF and a plain scikit-learn script: same features, same solver.

    python -m benchmarks.linear --data FOLDER [--rows N ...] [--turns N]

FOLDER holds NSMC: train.csv.gz and test.csv.gz with id, text and label. Both read the training rows
that `split` and `augment` wrote, and predict the validation rows. Contestants alternate in
processes of one thread; CPU seconds are medians of turns and include the interpreter's start.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.kind_sets import KEEP_LEAKS, SETS
from benchmarks.kinds import make_project, run_stage, set_params
from benchmarks.measurement import report_costs, run_contestant
from foldline.core.io.files import read_json, write_json

TRAIN, VALID = "data/train_augmented.csv", "data/valid.csv"


def run_scikit_learn(folder: Path, save: bool) -> dict[str, Any]:
    """Fit and predict like a plain script; save the model with joblib if `save` is set."""
    import joblib
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    os.chdir(folder)
    train, valid = (pd.read_csv(name, dtype=str, keep_default_na=False) for name in (TRAIN, VALID))
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), min_df=2, sublinear_tf=True)
    features = hstack(
        [vectorizer.fit_transform(train["text"]) for vectorizer in (words, chars)], format="csr"
    )
    model = LogisticRegression(
        C=4.0,
        solver="liblinear",
        dual=features.shape[1] > features.shape[0],
        class_weight="balanced",
        max_iter=1000,
        random_state=42,
    )
    model.fit(features, train["label"])
    valid_features = hstack(
        [vectorizer.transform(valid["text"]) for vectorizer in (words, chars)], format="csr"
    )
    correct = model.predict(valid_features) == valid["label"].to_numpy()
    if save:
        joblib.dump((words, chars, model), "bare.joblib")
    return {"rows": len(train), "features": features.shape[1], "accuracy": float(correct.mean())}


CONTESTANTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "Foldline, stage train": lambda folder: run_stage("train", folder),
    "bare scikit-learn": lambda folder: run_scikit_learn(folder, False),
    "bare scikit-learn, joblib.dump": lambda folder: run_scikit_learn(folder, True),
}


def prepare_project(folder: Path, data: Path, rows: int) -> Path:
    """Return a project of NSMC with the first `rows` training rows; 0 means all.

    It keeps a tenth as many validation rows.
    """
    whole, split_params = folder / "whole", KEEP_LEAKS | {"split.ratios": [0.95, 0.05, 0.0]}
    make_project(whole, data, replace(SETS["nsmc"], safe=split_params), "safe", None)
    project = folder / f"rows-{rows}"
    shutil.copytree(whole, project, symlinks=True)
    set_params(project / "params.yaml", {"model": "tfidf"})
    if rows:
        for part, n_rows in (("train", rows), ("valid", rows // 10)):
            table = pd.read_csv(project / f"data/{part}.csv", dtype=str, keep_default_na=False)
            table.iloc[:n_rows].to_csv(project / f"data/{part}.csv", index=False)
        report = read_json(project / "reports/split.json")
        del report["tables"]  # the rows that were written, to which readers hold the files
        write_json(project / "reports/split.json", report)
    run_contestant("benchmarks.linear", "augment", "--folder", str(project))
    return project


def main() -> None:
    """Run the contestants in turns and print a table for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[25_000, 0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant:
        work = CONTESTANTS.get(arguments.contestant) or partial(run_stage, arguments.contestant)
        report_costs(partial(work, arguments.folder))
        return
    if not arguments.data or not (arguments.data / "train.csv.gz").is_file():
        sys.exit(f"--data {arguments.data} has no train.csv.gz: pass the folder of NSMC")
    with tempfile.TemporaryDirectory() as temporary:
        for rows in arguments.rows:
            folder = prepare_project(Path(temporary), arguments.data, rows)
            print_comparison(folder, arguments.turns)


def print_comparison(folder: Path, turns: int) -> None:
    """Print each contestant's median CPU seconds, and their ratio to the plain script."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTESTANTS}
    for _ in range(turns):
        for name, runs in results.items():
            runs.append(run_contestant("benchmarks.linear", name, "--folder", str(folder)))
            print(f"{name}: {runs[-1]}", file=sys.stderr, flush=True)
    rows = results["bare scikit-learn"][0]["rows"]
    medians = {
        name: statistics.median(run["cpu_s"] for run in runs) for name, runs in results.items()
    }
    print(f"\n{rows:,} rows\n\n| contestant | CPU s | ratio | peak GB |\n|---|---|---|---|")
    for name, seconds in medians.items():
        peak = max(run["peak_gb"] for run in results[name])
        ratio = seconds / medians["bare scikit-learn"]
        print(f"| {name} | {seconds:.1f} | {ratio:.2f} | {peak:.2f} |", flush=True)


if __name__ == "__main__":
    main()
