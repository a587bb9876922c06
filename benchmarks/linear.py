"""The stage `train` with TF-IDF beside a bare scikit-learn script: same features, same solver.

    python -m benchmarks.linear --data FOLDER [--rows N ...] [--turns N]

FOLDER holds NSMC: train.csv.gz and test.csv.gz with id, text and label. Both read the training rows
that `split` and `augment` wrote, and predict the validation rows. Contestants alternate as
processes of one thread; CPU seconds count from the interpreter's start, and are medians of turns.
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

from benchmarks.kind_sets import ALL, SETS
from benchmarks.kinds import changed, make, stage
from benchmarks.measuring import contest, measured

TRAIN, VALID = "data/train_augmented.csv", "data/valid.csv"


def bare(folder: Path, keep: bool) -> dict[str, Any]:
    """Fit and predict as a script of one's own would; keep the model by joblib, or not at all."""
    import joblib
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    os.chdir(folder)
    train, valid = (pd.read_csv(name, dtype=str, keep_default_na=False) for name in (TRAIN, VALID))
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), min_df=2, sublinear_tf=True)
    features = hstack([each.fit_transform(train["text"]) for each in (words, chars)], format="csr")
    model = LogisticRegression(
        C=4.0,
        solver="liblinear",
        dual=features.shape[1] > features.shape[0],
        class_weight="balanced",
        max_iter=1000,
        random_state=42,
    )
    model.fit(features, train["label"])
    held = hstack([each.transform(valid["text"]) for each in (words, chars)], format="csr")
    right = model.predict(held) == valid["label"].to_numpy()
    if keep:
        joblib.dump((words, chars, model), "bare.joblib")
    return {"rows": len(train), "features": features.shape[1], "accuracy": float(right.mean())}


CONTESTANTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "Foldline, stage train": lambda folder: stage("train", folder),
    "bare scikit-learn": lambda folder: bare(folder, False),
    "bare scikit-learn, joblib.dump": lambda folder: bare(folder, True),
}


def prepared(folder: Path, data: Path, rows: int) -> Path:
    """Make a project of NSMC whose training rows are the first ones alone; 0 means all.

    Of the validation rows a tenth as many are left.
    """
    whole, split = folder / "whole", ALL | {"split.ratios": [0.95, 0.05, 0.0]}
    make(whole, data, replace(SETS["nsmc"], safe=split), "safe", None)
    own = folder / f"rows-{rows}"
    shutil.copytree(whole, own, symlinks=True)
    changed(own / "params.yaml", {"model": "tfidf"})
    if rows:
        for part, first in (("train", rows), ("valid", rows // 10)):
            table = pd.read_csv(own / f"data/{part}.csv", dtype=str, keep_default_na=False)
            table.iloc[:first].to_csv(own / f"data/{part}.csv", index=False)
    contest("benchmarks.linear", "augment", "--folder", str(own))
    return own


def main() -> None:
    """Let the contestants take turns, and print a table for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[25_000, 0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contestant:
        work = CONTESTANTS.get(given.contestant) or partial(stage, given.contestant)
        measured(partial(work, given.folder))
        return
    if not given.data or not (given.data / "train.csv.gz").is_file():
        sys.exit(f"--data {given.data} holds no train.csv.gz: name the folder of NSMC")
    with tempfile.TemporaryDirectory() as temporary:
        for rows in given.rows:
            folder = prepared(Path(temporary), given.data, rows)
            compare(folder, given.turns)


def compare(folder: Path, turns: int) -> None:
    """Print each contestant's median CPU seconds, as a share of the bare script's too."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTESTANTS}
    for _ in range(turns):
        for name, each in found.items():
            each.append(contest("benchmarks.linear", name, "--folder", str(folder)))
            print(f"{name}: {each[-1]}", file=sys.stderr, flush=True)
    rows = found["bare scikit-learn"][0]["rows"]
    medians = {name: statistics.median(one["cpu_s"] for one in e) for name, e in found.items()}
    print(f"\n{rows:,} rows\n\n| contestant | CPU s | ratio | peak GB |\n|---|---|---|---|")
    for name, seconds in medians.items():
        peak = max(one["peak_gb"] for one in found[name])
        ratio = seconds / medians["bare scikit-learn"]
        print(f"| {name} | {seconds:.1f} | {ratio:.2f} | {peak:.2f} |", flush=True)


if __name__ == "__main__":
    main()
