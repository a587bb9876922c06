"""The live pipeline under DVC, in a copy of this project: recorded, repeated, compared, killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import projects

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[1]
QUICK = {"model": "scratch", "epochs": 3, "kfold.n_splits": 2}


def environment(folder: Path) -> dict[str, str]:
    found = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "DVC_"))}
    return found | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder.parent / "site-cache"),
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.org",
    }


def call(folder: Path, *command: str, code: int = 0) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def copy_files(folder: Path) -> None:
    """Copy what git tracks here, as it lies on the disk."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def copy_project(folder: Path, changes: dict | None = None) -> None:
    """Copy what git tracks, with params and data for tests, as a repository of its own."""
    copy_files(folder)
    shutil.rmtree(folder / "data/raw")
    (folder / "dvc.lock").unlink(missing_ok=True)
    projects.make(folder, QUICK | (changes or {}))
    projects.write_csv(folder / "data/raw/rows.csv", projects.topics(240))
    commit(folder)


def commit(folder: Path) -> None:
    call(folder, "git", "init", "-q")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", "start")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("quick") / "project"
    copy_project(folder)
    call(folder, "dvc", "repro")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", "run")
    return folder


def experiments(folder: Path) -> dict[str, dict]:
    """Give params and metrics of each experiment by name, as `dvc exp show` has them."""
    shown = json.loads(call(folder, "dvc", "exp", "show", "--json"))
    rows = [e["revs"][0] for row in shown for e in row.get("experiments") or []]
    return {row["name"]: row["data"] for row in rows}


def test_a_second_repro_does_nothing(project):
    assert "up to date" in call(project, "dvc", "repro")
    assert call(project, "dvc", "status", "-q") == ""


@pytest.mark.parametrize(
    ("name", "change", "key", "value"),
    [
        ("rate", "lr=3e-5", "lr", 3e-5),
        ("linear", "model=tfidf", "model", "tfidf"),
        ("folds", "kfold.n_splits=3", "kfold", {"n_splits": 3}),
    ],
)
def test_an_experiment_is_run_and_recorded_with_its_metrics(project, name, change, key, value):
    call(project, "dvc", "exp", "run", "--temp", "-n", name, "-S", change)
    found = experiments(project)[name]
    params = found["params"]["params.yaml"]["data"][key]
    score = found["metrics"]["metrics/evaluate.json"]["data"]["test"]["f1_macro"]

    assert params == value if not isinstance(value, dict) else value.items() <= params.items()
    assert 0 < score <= 1
    if name == "folds":
        folds = call(project, "git", "show", f"{found['rev']}:metrics/folds.json")
        assert len([r for r in json.loads(folds)["folds"] if r["member"] == "model"]) == 3


def test_a_grid_is_queued_and_run(project):
    call(project, "dvc", "exp", "run", "-n", "grid", "-S", "lr=1e-4,3e-4", "--queue")
    call(project, "dvc", "exp", "run", "--run-all")
    found = experiments(project)
    rates = {n: d["params"]["params.yaml"]["data"]["lr"] for n, d in found.items() if "grid" in n}

    assert sorted(rates.values()) == [1e-4, 3e-4]
    for name in rates:
        assert found[name]["metrics"]["metrics/evaluate.json"]["data"]["test"]


def test_other_weights_train_nothing_again(project):
    out = call(project, "dvc", "exp", "run", "--temp", "-n", "votes", "-S", "ensemble.method=hard")

    assert "Running stage 'ensemble'" in out
    assert "Running stage 'train'" not in out
    assert "Running stage 'kfold'" not in out


@pytest.mark.parametrize(("stage", "shell"), [("train", "/bin/bash"), ("kfold", "/bin/sh")])
def test_a_killed_run_goes_on_to_the_same_numbers(project, tmp_path, stage, shell):
    folder = tmp_path / "killed"
    copy_project(folder)
    kill_in(folder, stage, shell)

    out = call(folder, "dvc", "repro")

    assert f"Running stage '{stage}'" in out
    assert call(folder, "dvc", "status", "-q") == ""
    for name in ("train", "kfold", "evaluate"):
        assert numbers(folder, name) == numbers(project, name)
    assert not list((folder / ".foldline").glob("scratch/*"))
    assert not list(folder.glob("**/.*.tmp"))


def kill_in(folder: Path, stage: str, shell: str) -> None:
    """Start a run and kill DVC alone, in the midst of a stage; the stage must die with it.

    bash becomes the stage, and dash stays between it and DVC.
    """
    log = folder.parent / "log.txt"
    with log.open("w") as stream:
        process = subprocess.Popen(
            ["dvc", "repro"],
            cwd=folder,
            env={**environment(folder), "SHELL": shell},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
        marks = {"train": "scratch/*/checkpoint-*", "kfold": "folds/*/sealed.json"}
        end = time.monotonic() + 240
        started = f"Running stage '{stage}'"
        while started not in log.read_text() or not list((folder / ".foldline").glob(marks[stage])):
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    time.sleep(1.0)
    left = subprocess.run(
        ["pgrep", "-f", f"stages.{stage}"], capture_output=True, text=True, check=False
    ).stdout.split()
    alive = [
        pid
        for pid in left
        if Path(f"/proc/{pid}/cwd").exists()
        and Path(f"/proc/{pid}/cwd").resolve() == folder.resolve()
    ]
    assert alive == []


def numbers(folder: Path, stage: str) -> dict:
    return json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8"))
