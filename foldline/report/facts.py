"""What the report states: read from the reports of the stages, from git and from params.yaml."""

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import read_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.params.undo import list_changes
from foldline.core.recorded_hashes import hash_file
from foldline.core.yaml_files import read_yaml
from foldline.ensembling.revisions import SHORT, find_commit
from foldline.evaluation.comparison import FILE as COMPARISON

PARAMS = Path("params.yaml")
COST, ENVIRONMENT = Path("reports/cost.json"), Path("reports/environment.json")
HISTORY = Path("reports/plots/history.csv")
POINTS = 200  # of a learning curve, at most
SHOWN_PARAMS = ("seed", "task", "model", "lr", "epochs", "batch_size", "max_length")


def collect_facts(labels: Labels) -> dict[str, Any]:
    """Return everything that page and model card state, besides the rows.

    Raises:
        FoldlineError: if the stage `evaluate` has not run.
    """
    if not schemas.EVALUATE_REPORT.exists():
        raise FoldlineError(f"{schemas.EVALUATE_REPORT} is missing: run `dvc repro evaluate`")
    evaluation = read_json(schemas.EVALUATE_REPORT)
    judged = evaluation["judged"]
    return {
        "project": read_project_name(),
        "task": labels.task,
        "classes": list(labels.classes),
        "metric": MAIN[labels.task],
        "judged": judged,
        "metrics": evaluation.get(judged, {}),
        "evaluation": {k: v for k, v in evaluation.items() if k not in ("test", "out_of_fold")},
        "comparison": read_comparison(judged),
        "run": describe_run(),
        "training": read_training(),
        "ensemble": _read(schemas.ENSEMBLE_REPORT),
        "quality": describe_quality(),
        "cost": _read(COST),
    }


def read_project_name() -> str:
    """Return the name in pyproject.toml: that of the folder is another one in each copy."""
    try:
        content = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none, or a broken one
        content = {}
    return str(content.get("project", {}).get("name", "project"))


def read_comparison(judged: str) -> dict[str, Any]:
    """Return reports/comparison.json; nothing where it is about other predictions."""
    found = _read(COMPARISON)
    table = schemas.TEST_PREDICTIONS if judged == "test" else schemas.ENSEMBLE_OUT_OF_FOLD
    own = {"path": table.path.as_posix(), "md5": hash_file(table.path)}
    return found if found.get("predictions") == own else {}


def describe_run() -> dict[str, Any]:
    """Return commit, files, and what of params.yaml the commit does not have."""
    params, environment = read_yaml(PARAMS), _read(ENVIRONMENT)
    commit = find_commit("HEAD", Path())
    files = [params["data"][name] for name in ("train", "valid", "test", "predict")]
    paths = [Path(name) for name in files if name]
    keys = ("python", "packages", "system", "processor", "accelerator", "threads")
    return {
        "commit": commit[:SHORT] if commit else None,
        "experiment": environment.get("experiment"),
        "params": {key: params[key] for key in SHOWN_PARAMS},
        "changes": [list(change) for change in list_changes(PARAMS)],
        "files": [[path.as_posix(), hash_file(path)] for path in paths if path.is_file()],
        "environment": {key: environment[key] for key in keys if environment.get(key) is not None},
    }


def read_training() -> dict[str, Any]:
    """Return the curves of the training, where the model has steps, and the scores of folds."""
    folds = _read(schemas.KFOLD_REPORT)
    members = folds.get("members", {})
    return {
        "curves": read_curves(),
        "folds": {
            name: {
                "scores": [own[folds["metric"]] for own in folds["folds"] if own["member"] == name],
                "verdict": (own.get("verdict") or {}).get("line"),
            }
            for name, own in members.items()
        },
    }


def read_curves() -> dict[str, list[float | None]]:
    """Return step, loss and validation loss at about POINTS steps; empty without steps."""
    if not HISTORY.exists():
        return {}
    table = pd.read_csv(HISTORY)
    if table.empty:
        return {}
    stride = -(-len(table) // POINTS)
    kept = table[(table.index % stride == 0) | table["valid_loss"].notna()]
    columns = kept[["step", "loss", "valid_loss", "valid_metric"]].astype("float64")
    return {
        str(name): [None if pd.isna(v) else float(f"{v:.5g}") for v in column]
        for name, column in columns.items()
    }


def describe_quality() -> dict[str, Any]:
    """Return what `prepare` and `split` counted and noted."""
    prepare, split = _read(schemas.PREPARE_REPORT), _read(schemas.SPLIT_REPORT)
    return {
        "prepare": prepare.get("metrics", {}),
        "split": split.get("metrics", {}),
        "notes": [*prepare.get("notes", []), *split.get("notes", [])],
    }


def _read(path: Path) -> dict[str, Any]:
    """Return a report; empty where there is none."""
    return dict(read_json(path)) if path.exists() else {}
