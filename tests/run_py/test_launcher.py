"""The command `foldline` where the library is source beside run.py."""

import os
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.run_py import FakeInstaller, call, posix_only, require_foldline, write_wheel


@pytest.fixture
def source(project: Path) -> Path:
    """Return the library's folder beside run.py, whose command prints its arguments."""
    folder = project / "foldline"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "__main__.py").write_text("import sys; print('source', *sys.argv[1:])")
    return folder


def test_only_the_source_gets_a_launcher(run: ModuleType, project: Path) -> None:
    write_wheel(project)
    require_foldline(project)
    venv = run.prepare_environment()
    assert not (venv / "bin" / "foldline").exists()


@posix_only
@pytest.mark.parametrize("damage", ["missing", "other", "mode"])
def test_a_launcher_is_restored_without_an_installation(run, project, source, damage: str) -> None:
    venv = run.prepare_environment()
    launcher, steps = venv / "bin" / "foldline", len(run.install.commands)
    content = launcher.read_text()
    if damage == "missing":
        launcher.unlink()
    elif damage == "other":
        launcher.write_text("#!/bin/sh\n")  # The program of a wheel, before `foldline eject`.
    else:
        launcher.chmod(0o644)
    assert not run.is_ready(venv, run.make_stamp())
    assert run.prepare_environment() == venv
    assert launcher.read_text() == content
    assert os.access(launcher, os.X_OK)
    assert run.is_ready(venv, run.make_stamp())
    assert len(run.install.commands) == steps


def test_windows_gets_a_launcher_of_its_own(run: ModuleType, project: Path, source: Path) -> None:
    run.install = FakeInstaller(programs="Scripts")
    venv = run.prepare_environment()
    assert (venv / "Scripts" / "foldline.cmd").read_bytes() == (
        b'@"%~dp0python.exe" -m foldline %*\r\n'
    )
    (venv / "Scripts" / "foldline.cmd").unlink()
    (venv / "Scripts" / "foldline.exe").touch()
    run.prepare_environment()
    assert [path.name for path in (venv / "Scripts").glob("foldline*")] == ["foldline.cmd"]


def test_a_kill_before_the_launcher_is_recovered_from(run, project, source, monkeypatch) -> None:
    def interrupt(venv: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run, "write_launcher", interrupt)
        run.prepare_environment()
    venv = run.prepare_environment()
    assert run.is_ready(venv, run.make_stamp())
    assert run.install.count("venv") == 2


@posix_only
def test_the_launcher_and_run_py_start_the_source(project: Path, source: Path, machine) -> None:
    assert call(project, machine, "foldline", "view", "a b").stdout == "source view a b\n"
    launcher = project / ".venv" / "bin" / "foldline"
    done = subprocess.run([launcher, "view", "a b"], cwd=project, capture_output=True, text=True)
    assert done.stdout == "source view a b\n"
