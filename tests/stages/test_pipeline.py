"""The live pipeline under DVC, in a copy of this project: recorded, repeated, compared, killed."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.helpers.repositories import call, copy_project, environment, read_metrics

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("quick") / "project"
    copy_project(folder)
    call(folder, "dvc", "repro")
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", "run")
    return folder


def experiments(folder: Path) -> dict[str, dict]:
    """Return params and metrics of each experiment by name, as `dvc exp show` has them."""
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
        folds = call(project, "git", "show", f"{found['rev']}:reports/folds.json")
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
        assert read_metrics(folder, name) == read_metrics(project, name)
    assert not list((folder / ".foldline").glob("scratch/*"))
    assert not list(folder.glob("**/.*.tmp"))


def has_work(folder: Path, stage: str) -> bool:
    """Return whether a stage has written what a resumed run goes on from."""
    store = folder / ".foldline"
    if stage == "train":
        return any(store.glob("scratch/*/checkpoint-*"))
    seals = store.glob("results/*/sealed.json")
    return any('"model, fold 1"' in seal.read_text("utf-8") for seal in seals)


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
        end = time.monotonic() + 240
        while f"Running stage '{stage}'" not in log.read_text() or not has_work(folder, stage):
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
