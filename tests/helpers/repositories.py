"""Copies of this project as separate git repositories, for tests that run DVC."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.helpers import projects

ROOT = Path(__file__).resolve().parents[2]
QUICK = {
    "model": "scratch",
    "epochs": 3,
    "kfold.n_splits": 2,
    "ensemble.members": {"model": {}},
    "evaluate.resamples": 100,
}


def environment(folder: Path) -> dict[str, str]:
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_"))
    }
    return variables | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder.parent / "site-cache"),
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.org",
    }


def call(folder: Path, *command: str, code: int = 0) -> str:
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert result.returncode == code, result.stdout
    return result.stdout


def copy_files(folder: Path) -> None:
    """Copy the tracked files of this repository from the disk."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def copy_project(folder: Path, changes: dict | None = None) -> None:
    """Copy the tracked files to a new repository, with params and data for tests."""
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


def read_metrics(folder: Path, stage: str) -> dict:
    """Return the metrics of a stage."""
    return json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8"))


def run_line(line: str, folder: Path, settings: dict[str, str]) -> str:
    """Run a shell command of a page and return its output."""
    result = subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=settings,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert result.returncode == 0, f"{line}\n{result.stdout}"
    return result.stdout
