"""A project with run.py alone, and a machine without installers."""

import os
import stat
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.run_py import PYPROJECT, ROOT, FakeInstaller, load_run_py


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project that holds only what run.py reads."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "run.py").write_bytes((ROOT / "run.py").read_bytes())
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "constraints.txt").write_text("alpha==1.2\nbeta==2.0\n")
    return folder


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the project's run.py, without uv, with FakeInstaller as installer."""
    module = load_run_py(project)
    monkeypatch.delenv("FOLDLINE_VENV", raising=False)
    monkeypatch.setattr(module, "install", FakeInstaller())
    monkeypatch.setattr(module.shutil, "which", lambda name, path=None: None)
    return module


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a machine whose uv is a script that does what $FAKE_UV says."""
    programs = tmp_path / "programs"
    programs.mkdir()
    uv = programs / "uv"
    uv.write_text('#!/bin/sh\necho "uv $*" >> "$UV_LOG"\neval "$FAKE_UV"\n')
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    path = os.pathsep.join([str(programs), "/usr/bin", "/bin"])
    variables = {key: value for key, value in os.environ.items() if key != "FOLDLINE_VENV"}
    return {**variables, "PATH": path, "UV_LOG": str(tmp_path / "log"), "FAKE_UV": ":"}
