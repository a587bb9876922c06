"""Bagging, boosting and test-time augmentation of TF-IDF on public data sets, beside the plain one.

    python -m benchmarks.bagging_boosting --data FOLDER [--sets ...] [--out FOLDER]

FOLDER holds a folder for each data set of `benchmarks.kind_sets`. The recipes are members of one
project for each set; the stages `prepare` to `kfold` train them on the same folds. Out of fold
each row is predicted by a model that has not seen it; test rows by the models of all training
rows. Differences are paired, over whole groups of duplicates. What is finished is kept in `--out`.
"""

import argparse
import contextlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.kind_sets import SETS, Changes, DataSet
from benchmarks.kinds import make_project, sample_evenly, set_params
from benchmarks.measurement import run_contestant
from foldline.core.io import schemas
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.seeds import derive_seed
from foldline.ensembling.members import (
    FULL,
    MODEL,
    list_models,
    predict_member,
    read_augmentations,
    read_predictions,
)
from foldline.metrics.intervals import paired_bootstrap
from foldline.metrics.registry import measure

OUT = Path(tempfile.gettempdir()) / "foldline-bagging"
RESAMPLES, SEED = 1000, derive_seed(42, "benchmark")
ROWS: dict[str, dict[str, int]] = {"nsmc": {"train": 5_000, "test": 10_000}}
WEAK: Changes = {"tfidf.c": 0.05}
TEN: dict[str, Changes] = {
    "bagging": {"bagging.n_estimators": 10},
    "boosting": {"boosting.n_estimators": 10},
}
# Each member, and the one that it is compared with.
MEMBERS: dict[str, tuple[str, Changes]] = {
    "bagging_10": ("model", TEN["bagging"]),
    "boosting_10": ("model", TEN["boosting"]),
    **{
        f"tta_{method}": ("model", {"tta.method": method})
        for method in ("swap", "delete", "noise", "aeda")
    },
    "weak": ("model", WEAK),
    "weak_boosting_10": ("weak", WEAK | TEN["boosting"]),
}


def make_sample(name: str, source: Path, folder: Path) -> tuple[DataSet, Path]:
    """Return a data set and its folder, with evenly spaced rows where ROWS names it."""
    data_set = SETS[name]
    if name not in ROWS:
        return data_set, source
    folder.mkdir(parents=True, exist_ok=True)
    for part, file in data_set.files.items():
        table = pd.read_csv(source / file, dtype=str, keep_default_na=False)
        sample_evenly(table, ROWS[name][part]).to_csv(folder / f"{part}.csv", index=False)
    return replace(data_set, files={part: f"{part}.csv" for part in data_set.files}), folder


def train(name: str, data: Path, out: Path) -> Path:
    """Run the stages up to kfold with all recipes as members; return the project."""
    data_set, source = make_sample(name, data / name, out / "samples" / name)
    project = out / "projects" / name
    make_project(project, source, data_set, "safe", None)
    members: dict[str, Any] = {"model": {}} | {key: own for key, (_, own) in MEMBERS.items()}
    changes = {"model": "tfidf", "ensemble.members": members, "ensemble.models": "full"}
    set_params(project / "params.yaml", changes)
    for stage in ("augment", "train", "kfold"):
        result = run_contestant("benchmarks.kinds", stage, "--folder", str(project))
        if "failed" in result:
            sys.exit(f"{name}: {stage} failed: {result['failed']}")
        print(f"{name}: {stage} {result}", file=sys.stderr, flush=True)
    return project


def predict_test(test: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the predictions of test rows by each member's models of all training rows."""
    folders, augmentations = list_models(FULL), read_augmentations()
    folders["model"] = [MODEL]
    return {
        name: predict_member(own, test, augmentation=augmentations.get(name))
        for name, own in folders.items()
    }


def print_table(name: str, project: Path) -> None:
    """Print the scores of all members, out of fold and on test rows."""
    with contextlib.chdir(project):
        labels, table, test = Labels.load(), schemas.OUT_OF_FOLD.read(), schemas.TEST.read()
        rows = pd.concat([schemas.TRAIN.read(), schemas.VALID.read()], ignore_index=True)
        rows = rows[rows["id"].isin(set(table["id"]))]
        ids = rows["id"].tolist()
        out_of_fold = {
            member: labels.predictions(read_predictions(schemas.OUT_OF_FOLD, table, member, ids))
            for member in ("model", *MEMBERS)
        }
        parts = [(rows, out_of_fold), (test, predict_test(test))]
    print(f"\n{name}: {len(rows):,} rows out of fold, {len(test):,} test rows\n")
    print("| recipe | out of fold | less plain | log loss | test | less plain | log loss |")
    print("|---|---|---|---|---|---|---|")
    for member in ("model", *MEMBERS):
        base = MEMBERS[member][0] if member in MEMBERS else member
        cells = [cell for part in parts for cell in format_scores(*part, member, base, labels)]
        print(f"| {'plain' if member == 'model' else member} | {' | '.join(cells)} |")


def format_scores(
    rows: pd.DataFrame, predictions: dict[str, np.ndarray], member: str, base: str, labels: Labels
) -> list[str]:
    """Return the main metric, its paired difference to another member, and the log loss."""
    metric, target = MAIN[labels.task], labels.encode(rows["label"])
    own = predictions[member]
    score = measure(labels.task, target, own, names=[metric])[metric]
    chosen = np.maximum(own[np.arange(len(own)), target], 1e-15)
    groups = rows["group"].to_numpy(dtype=str)
    difference = ""
    if base != member:
        found = paired_bootstrap(
            labels.task, target, own, predictions[base], groups, RESAMPLES, SEED, metric
        )
        star = " *" if found.low > 0 or found.high < 0 else ""
        difference = f"{found.difference:+.4f} [{found.low:+.4f}, {found.high:+.4f}]{star}"
    return [f"{score:.4f}", difference, f"{-np.log(chosen).mean():.3f}"]


def main() -> None:
    """Train what is not trained yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["korean_hate_speech", "nsmc"])
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    for name in arguments.sets:
        print_table(name, train(name, arguments.data, arguments.out.resolve()))


if __name__ == "__main__":
    main()
