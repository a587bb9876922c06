"""Cost of the stage evaluate on many test rows, beside a plain script of scikit-learn.

    python -m benchmarks.evaluate --data FOLDER [--train N] [--resamples N]

FOLDER holds train.csv(.gz) and test.csv(.gz) with the columns id, text and label, as NSMC. Two
recipes of tfidf are trained on N rows of train. Then the stage evaluates all rows of test: at first
it predicts them by all models, later it finds the predictions in the store. The script reads
data/predictions/test.csv and computes the metrics that both have, with intervals by resampling
rows; the stage's intervals are over groups of duplicates. A script of 1,000 resamples would take
minutes, so it has fewer, and its time is scaled. Each contestant has a process of one thread.
"""

import argparse
import importlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from benchmarks.measurement import ROOT, report_costs, run_contestant

STAGES = ("prepare", "split", "augment", "train", "kfold", "ensemble")
FEW = 20  # resamples of the script


def find_file(folder: Path, name: str) -> Path:
    """Return a csv file of a folder, also compressed."""
    for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz"):
        if path.exists():
            return path
    sys.exit(f"{folder} has no {name}.csv or {name}.csv.gz")


def make_project(folder: Path, data: Path, train: int, resamples: int) -> None:
    """Write params.yaml and the raw files."""
    (folder / "data/raw").mkdir(parents=True)
    for name in ("train", "test"):
        table = pd.read_csv(find_file(data, name), dtype=str, keep_default_na=False)
        if name == "train":
            table = table.sample(min(train, len(table)), random_state=0)
        table.to_csv(folder / f"data/raw/{name}.csv", index=False, lineterminator="\n")
    yaml = YAML()
    params: Any = yaml.load(ROOT / "params.yaml")
    files = {"train": "data/raw/train.csv", "test": "data/raw/test.csv", "valid": None}
    params["data"] |= files | {"predict": None}
    params["predict"]["sample_submission"] = None
    params["prepare"]["duplicates"]["match"] = "exact"
    params["split"] |= {"compare": False, "max_leak_share": 0.9}
    params["kfold"]["n_splits"] = 3
    params["ensemble"]["members"] = {"model": {}, "words": {"tfidf.chars": [2, 3]}}
    params["evaluate"]["resamples"] = resamples
    yaml.dump(params, folder / "params.yaml")


def run_stages(folder: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Run stages in the folder, in this process."""
    from foldline.core.params.loading import load_params

    os.chdir(folder)
    for name in names:
        module = importlib.import_module(f"stages.{name}")
        module.main(load_params(module.Params))
    return {}


def run_script(folder: Path) -> dict[str, Any]:
    """Compute the shared metrics with scikit-learn, and their intervals by resampling rows."""
    from sklearn import metrics

    table = pd.read_csv(folder / "data/predictions/test.csv", dtype={"label": str})
    columns = [name for name in table.columns if name.startswith("p_")]
    probabilities = table[columns].to_numpy()
    classes = [name.removeprefix("p_") for name in columns]
    target = table["label"].map({name: code for code, name in enumerate(classes)}).to_numpy()

    def score(rows: np.ndarray) -> dict[str, float]:
        true, p = target[rows], probabilities[rows]
        predicted = p.argmax(axis=1)
        return {
            "accuracy": metrics.accuracy_score(true, predicted),
            "balanced_accuracy": metrics.balanced_accuracy_score(true, predicted),
            "f1_macro": metrics.f1_score(true, predicted, average="macro"),
            "f1_weighted": metrics.f1_score(true, predicted, average="weighted"),
            "precision": metrics.precision_score(true, predicted, average="macro"),
            "recall": metrics.recall_score(true, predicted, average="macro"),
            "mcc": metrics.matthews_corrcoef(true, predicted),
            "roc_auc": metrics.roc_auc_score(true, p[:, 1]),
            "auprc": metrics.average_precision_score(true, p[:, 1]),
            "log_loss": metrics.log_loss(true, p),
            "brier": metrics.brier_score_loss(true, p[:, 1]),
        }

    n, rng = len(target), np.random.default_rng(0)
    found = score(np.arange(n))
    begun = time.process_time()
    values = pd.DataFrame([score(rng.integers(n, size=n)) for _ in range(FEW)])
    seconds = (time.process_time() - begun) / FEW
    low, high = np.quantile(values["f1_macro"], [0.025, 0.975])
    return {"f1_macro": found["f1_macro"], "low": low, "high": high, "s_of_a_resample": seconds}


def main() -> None:
    """Make the project, and run the stage twice and the script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--train", type=int, default=20_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant == "script":
        report_costs(lambda: run_script(arguments.folder))
        return
    if arguments.contestant:
        names = STAGES if arguments.contestant == "train" else ("evaluate",)
        report_costs(lambda: run_stages(arguments.folder, names))
        return
    if not arguments.data or not arguments.data.is_dir():
        sys.exit(f"{arguments.data} is not a folder: --data names one with train.csv and test.csv")
    with tempfile.TemporaryDirectory() as temporary:
        make_project(Path(temporary), arguments.data, arguments.train, arguments.resamples)
        print("| contestant | CPU s | peak GB |\n|---|---|---|")
        for name, contestant in (
            ("stages up to ensemble", "train"),
            ("evaluate, predicting the test rows", "evaluate"),
            ("evaluate, predictions in the store", "evaluate"),
            ("script of scikit-learn", "script"),
        ):
            result = run_contestant("benchmarks.evaluate", contestant, "--folder", temporary)
            if "failed" in result:
                sys.exit(f"{name}: {result['failed']}")
            seconds = result["cpu_s"]
            if contestant == "script":
                more = arguments.resamples - FEW
                seconds = round(seconds + more * result["s_of_a_resample"], 1)
                name += f", {arguments.resamples} resamples (scaled from {FEW})"
            print(f"| {name} | {seconds} | {result['peak_gb']} |", flush=True)
        shutil.rmtree(Path(temporary) / ".foldline", ignore_errors=True)


if __name__ == "__main__":
    main()
