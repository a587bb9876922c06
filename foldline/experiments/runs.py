"""Run DVC experiments outside the workspace, and read what they wrote."""

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io import labels
from foldline.core.io.files import digest
from foldline.core.io.labels import Labels
from foldline.core.io.schemas import Table

# What stages read beside code and params; git may not track it.
DATA_FOLDERS = (Path("data/raw"), Path("data/llm"), Path("models/pretrained"))


def run_command(*command: str) -> str:
    """Run git or dvc and return its output.

    Raises:
        FoldlineError: with the end of its output, if it fails.
    """
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        raise FoldlineError(f"`{' '.join(command)}` failed:\n" + "\n".join(lines))
    return done.stdout


def run_dvc(*arguments: str) -> str:
    """Run this environment's DVC and return its output."""
    return run_command(sys.executable, "-m", "dvc", *arguments)


def hash_workspace() -> str:
    """Return a hash of the code, params and data that an experiment would run on: 8 hex digits."""
    if not run_command("git", "rev-parse", "--is-inside-work-tree").strip() == "true":
        raise FoldlineError("there is no git repository here: run commands from the project's root")
    head, changes = run_command("git", "rev-parse", "HEAD"), run_command("git", "diff", "HEAD")
    data = [digest(folder) for folder in DATA_FOLDERS if folder.exists()]
    return hashlib.sha256("\n".join([head, changes, *data]).encode()).hexdigest()[:8]


def list_experiments() -> set[str]:
    """Return the names of all experiments."""
    return set(run_dvc("exp", "list", "--all", "--name-only").split())


def run_experiment(name: str, changes: Sequence[str], target: str) -> None:
    """Run the pipeline up to a stage with changed params, in a temporary folder of DVC.

    The workspace stays as it is, and stages in DVC's run cache do not run again.

    Raises:
        FoldlineError: with the end of DVC's output, if a stage fails.
    """
    options = [part for change in changes for part in ("-S", change)]
    run_dvc("--wait-for-lock", "exp", "run", "--temp", "-n", name, *options, target)


def read_table(name: str, table: Table) -> pd.DataFrame:
    """Read a table of an experiment.

    Raises:
        FoldlineError: if DVC no longer has it.
    """
    return table.parse(io.StringIO(_read_file(name, table.path)))


def read_labels(name: str) -> Labels:
    """Read the labels of an experiment.

    Raises:
        FoldlineError: if DVC no longer has them.
    """
    content = json.loads(_read_file(name, labels.FILE))
    return Labels(content["task"], tuple(content["classes"]))


def _read_file(name: str, path: Path) -> str:
    import dvc.api
    from dvc.exceptions import DvcException

    try:
        return str(dvc.api.read(path.as_posix(), rev=name, mode="r", encoding="utf-8"))
    except (DvcException, OSError) as error:
        raise FoldlineError(
            f"{path} of experiment {name} cannot be read ({error}). "
            f"Next: dvc exp remove {name}, and run this command again"
        ) from error
