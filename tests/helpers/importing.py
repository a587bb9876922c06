"""A project into which files are imported."""

import shutil
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from foldline.cli import run as run_verb
from foldline.core.errors import FoldlineError
from foldline.core.params import loading
from tests.helpers import projects
from tests.helpers.projects import write_csv


@lru_cache
def parse_yaml(text: str):
    return YAML(typ="safe", pure=True).load(text)


def make_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with the parameters of tests and nothing under data/raw/.

    The same parameters are parsed once for all tests.
    """
    monkeypatch.setattr(
        loading, "read_params", lambda path: deepcopy(parse_yaml(path.read_text("utf-8")))
    )
    shutil.copy(projects.PARAMS, folder / "params.yaml")
    (folder / "given").mkdir()
    return folder


def import_error(*arguments: str) -> str:
    """Return the message of an import that cannot be done."""
    with pytest.raises(FoldlineError) as caught:
        run_verb(["import", *arguments])
    return str(caught.value)


def import_files(project: Path, *arguments: str) -> dict:
    """Import with --yes, and return params.yaml as it is then."""
    run_verb(["import", *arguments, "--yes"])
    return loading.read_params(project / "params.yaml")


def write_official_files(folder, without_labels=False):
    """Write train, dev and test files."""
    rows = projects.topics(60)
    write_csv(folder / "train.csv", rows[:30])
    write_csv(folder / "dev.csv", rows[30:45])
    last = [{k: v for k, v in row.items() if k != "label" or not without_labels} for row in rows]
    write_csv(folder / "test.csv", last[45:])
