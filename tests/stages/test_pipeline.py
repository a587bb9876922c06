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


def test_an_experiment_is_run_and_recorded_with_its_metrics(project):
    changes = ("-S", "model=tfidf", "-S", "tfidf.c=3e-1", "-S", "kfold.n_splits=3")
    call(project, "dvc", "exp", "run", "--temp", "-n", "linear", *changes)
    found = experiments(project)["linear"]
    params = found["params"]["params.yaml"]["data"]

    assert (params["model"], params["tfidf"]["c"], params["kfold"]["n_splits"]) == ("tfidf", 0.3, 3)
    assert 0 < found["metrics"]["metrics/evaluate.json"]["data"]["test"]["f1_macro"] <= 1
    folds = call(project, "git", "show", f"{found['rev']}:reports/folds.json")
    assert len([r for r in json.loads(folds)["folds"] if r["member"] == "model"]) == 3


def test_a_grid_is_queued_and_run(project):
    grid = ("-S", "ensemble.method=hard,soft", "--queue")
    call(project, "dvc", "exp", "run", "-n", "grid", *grid)
    call(project, "dvc", "exp", "run", "--run-all")
    found = {name: own for name, own in experiments(project).items() if "grid" in name}
    params = [own["params"]["params.yaml"]["data"] for own in found.values()]

    assert sorted(own["ensemble"]["method"] for own in params) == ["hard", "soft"]
    for own in found.values():
        assert own["metrics"]["metrics/evaluate.json"]["data"]["test"]


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

    out = call(folder, "dvc", "repro", stage)

    assert f"Running stage '{stage}'" in out
    assert call(folder, "dvc", "status", "-q", stage) == ""
    assert read_metrics(folder, stage) == read_metrics(project, stage)
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
