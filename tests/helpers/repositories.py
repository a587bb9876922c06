"""Copies of this project as git repositories of their own, for tests that run DVC."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.helpers import projects

ROOT = Path(__file__).resolve().parents[2]
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


def numbers(folder: Path, stage: str) -> dict:
    """Read a stage's metrics."""
    return json.loads((folder / f"metrics/{stage}.json").read_text(encoding="utf-8"))


def shell(line: str, folder: Path, settings: dict[str, str]) -> str:
    """Run a line of a page as a user would, and give what it prints."""
    done = subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=settings,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}"
    return done.stdout
