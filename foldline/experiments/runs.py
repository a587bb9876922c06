"""Run an experiment of DVC's beside the workspace, and read what it wrote."""

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

# What the stages read beside code and params; DVC may keep it out of git's sight.
DATA = (Path("data/raw"), Path("data/llm"), Path("models/pretrained"))


def call(*command: str) -> str:
    """Run git or dvc and give its output.

    Raises:
        FoldlineError: with its last words, where it fails.
    """
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        raise FoldlineError(f"`{' '.join(command)}` failed:\n" + "\n".join(said))
    return done.stdout


def dvc(*arguments: str) -> str:
    """Run this environment's DVC."""
    return call(sys.executable, "-m", "dvc", *arguments)


def state() -> str:
    """Name the code, params and data that an experiment would run on: eight characters."""
    if not call("git", "rev-parse", "--is-inside-work-tree").strip() == "true":
        raise FoldlineError("there is no git repository here: run commands from the project's root")
    head, changes = call("git", "rev-parse", "HEAD"), call("git", "diff", "HEAD")
    data = [digest(folder) for folder in DATA if folder.exists()]
    return hashlib.sha256("\n".join([head, changes, *data]).encode()).hexdigest()[:8]


def known() -> set[str]:
    """Give the names of the experiments that there are."""
    return set(dvc("exp", "list", "--all", "--name-only").split())


def experiment(name: str, changes: Sequence[str], target: str) -> None:
    """Run the pipeline up to a stage under changed params, in a folder of DVC's own.

    The workspace stays as it is, and nothing is trained that DVC knows already.

    Raises:
        FoldlineError: with DVC's last words, where a stage fails.
    """
    sets = [part for change in changes for part in ("-S", change)]
    dvc("--wait-for-lock", "exp", "run", "--temp", "-n", name, *sets, target)


def table_of(name: str, table: Table) -> pd.DataFrame:
    """Read a table as an experiment wrote it.

    Raises:
        FoldlineError: where DVC has it no more.
    """
    return table.parse(io.StringIO(_text(name, table.path)))


def labels_of(name: str) -> Labels:
    """Read the labels as an experiment found them.

    Raises:
        FoldlineError: where DVC has them no more.
    """
    content = json.loads(_text(name, labels.FILE))
    return Labels(content["task"], tuple(content["classes"]))


def _text(name: str, path: Path) -> str:
    import dvc.api
    from dvc.exceptions import DvcException

    try:
        return str(dvc.api.read(path.as_posix(), rev=name, mode="r", encoding="utf-8"))
    except (DvcException, OSError) as error:
        raise FoldlineError(
            f"{path} of experiment {name} cannot be read ({error}). "
            f"Next: dvc exp remove {name}, and run this command again"
        ) from error
