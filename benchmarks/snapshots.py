"""Snapshot ensembles, model soups and SWA of small transformers, beside the plain training.

    python -m benchmarks.snapshots --data FOLDER --set banking77|korean_hate_speech
        [--encoder FOLDER] [--seeds N ...] [--only NAME ...] [--out FILE]

FOLDER holds a folder for each data set. Rows are prepared and split once. `scratch` with 2 layers
of width 128 learns from 3,000 rows for 8 epochs. With --encoder, a pretrained model, that one is
fine-tuned to 300 rows of 10 classes for 4 epochs. FILE (JSON) is written after each run, so an
interrupted run continues. Differences are paired bootstraps over groups of test rows, of the mean
predictions of all seeds.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measurement import ROOT
from benchmarks.option_list import BANKING, KOREAN, RECIPES, Changes, Recipe
from benchmarks.options import LEVEL, RESAMPLES, TASK, Rows, load_rows, load_settings
from foldline.core import params
from foldline.core.io.files import read_json, write_json
from foldline.metrics.intervals import paired_bootstrap
from foldline.metrics.registry import measure
from foldline.models import registry
from foldline.models.interface import Job

COSINE: Changes = {"lr": "auto", "train.schedule": "cosine", "train.threads": 1}
SCRATCH = COSINE | {
    "model": "scratch",
    "epochs": 8,
    "train.patience": 8,
    "train.precision": "float32",
    "train.predict_precision": "float32",
}
FINE_TUNED = COSINE | {
    "model": "models/pretrained/encoder",
    "lr": 3e-4,
    "epochs": 4,
    "train.patience": 4,
}
PLAIN = "plain"
RUNS: dict[str, Changes] = {
    PLAIN: {},
    "swa .25": {"train.swa": 0.25},
    "snapshots 2": {"train.snapshots": 2},
    "snapshots 4": {"train.snapshots": 4},
    "soup 3": {"train.soup": 3},
}


def run(changes: Changes, rows: Rows) -> dict[str, Any]:
    """Train once; return the test rows' predictions and the summary."""
    content = load_settings(changes).model_dump()
    recipe = params.Recipe.model_validate({n: content[n] for n in params.Recipe.model_fields})
    with tempfile.TemporaryDirectory() as folder:
        job = Job(rows.train, rows.valid, rows.labels, recipe, Path(folder), rows.train.iloc[:0])
        fitted = registry.fit(job)
        predictions = fitted.model.predict(rows.test)
    return {"predictions": predictions.round(6).tolist(), "summary": fitted.summary}


def run_missing(recipe: Recipe, rows: Rows, seeds: list[int], names: list[str], out: Path) -> Any:
    """Run what has no result yet; return all results by name and seed."""
    results: dict[str, Any] = read_json(out) if out.exists() else {}
    for seed in seeds:
        for name in names:
            changes = recipe.changes | RUNS[name] | {"seed": seed}
            key = f"{name}, seed {seed}"
            if results.get(key, {}).get("changes") != changes:
                results[key] = {"changes": changes} | run(changes, rows)
                write_json(out, results)
                print(key, results[key]["summary"], flush=True)
    return results


def format_table(results: Any, rows: Rows, metric: str, seeds: list[int], names: list[str]) -> str:
    """Return the Markdown table: scores and log losses by seed, and the difference of the means."""
    target, groups = rows.labels.encode(rows.test["label"]), rows.test["group"].tolist()
    values = {
        name: [np.array(results[f"{name}, seed {seed}"]["predictions"]) for seed in seeds]
        for name in names
    }
    head = [f"{measured}, seed {seed}" for measured in (metric, "log loss") for seed in seeds]
    lines = [f"| run | {' | '.join(head)} | seeds together, less plain |"]
    lines.append("|---" * (len(head) + 2) + "|")
    for name in names:
        cells = [
            f"{measure(TASK, target, own, names=[measured])[measured]:.4f}"
            for measured in (metric, "log_loss")
            for own in values[name]
        ]
        mean, plain = (np.mean(values[own], axis=0) for own in (name, PLAIN))
        found = paired_bootstrap(TASK, target, mean, plain, groups, RESAMPLES, 0, metric, LEVEL)
        text = f"{found.difference:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
        lines.append(f"| {name} | {' | '.join(cells)} | {text if name != PLAIN else ''} |")
    return "\n".join(lines)


def main() -> None:
    """Train what is not trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=[BANKING, KOREAN], required=True)
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43])
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("snapshots.json"))
    arguments = parser.parse_args()
    given, out = RECIPES[arguments.set], arguments.out.resolve()
    if not (arguments.data / arguments.set).is_dir():
        parser.error(f"--data {arguments.data} has no {arguments.set}")
    changes = given.changes | (FINE_TUNED if arguments.encoder else SCRATCH)
    recipe = Recipe(
        given.metric,
        changes | {"train.metric": given.metric},
        train_rows=300 if arguments.encoder else 3000,
        classes=10 if arguments.encoder else None,
    )
    with tempfile.TemporaryDirectory() as folder:
        # Params allow files and models only in these folders.
        links = {"data/raw": arguments.data, "models/pretrained/encoder": arguments.encoder}
        for name, target in links.items():
            if target is not None:
                Path(folder, name).parent.mkdir(parents=True)
                Path(folder, name).symlink_to(target.resolve())
        os.chdir(folder)
        rows = load_rows(load_settings(recipe.changes), recipe)
        print(f"train {len(rows.train)}, valid {len(rows.valid)}, test {len(rows.test)} rows")
        names = list(dict.fromkeys([PLAIN, *arguments.only]))
        results = run_missing(recipe, rows, arguments.seeds, names, out)
        print(format_table(results, rows, recipe.metric, arguments.seeds, names))
        os.chdir(ROOT)


if __name__ == "__main__":
    main()
