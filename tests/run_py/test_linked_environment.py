"""A .venv that links to another copy's environment is used, never changed."""

import json
import shlex
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.run_py import posix_only


def snapshot(folder: Path) -> dict[str, tuple[float, bytes]]:
    """Return modification time and content of all files below the folder."""
    paths = [folder, *folder.rglob("*")]
    return {
        str(path): (path.stat().st_mtime, path.read_bytes() if path.is_file() else b"")
        for path in paths
    }


@pytest.fixture
def linked_environment(run: ModuleType, project: Path, tmp_path: Path) -> Path:
    """Return the complete environment of another copy, which the project's .venv links to."""
    venv = tmp_path / "other's copy" / ".venv"
    venv.parent.mkdir()
    run.prepare_environment().rename(venv)
    stamp = json.loads((venv / run.STAMP).read_text())
    (venv / run.STAMP).write_text(json.dumps({**stamp, "root": str(venv.parent)}))
    (project / ".venv").symlink_to(venv, target_is_directory=True)
    return venv


@posix_only
def test_a_linked_environment_that_fits_is_used_as_it_is(
    run, project: Path, linked_environment: Path
) -> None:
    before, steps = snapshot(linked_environment), len(run.install.commands)
    assert run.prepare_environment() == linked_environment
    assert snapshot(linked_environment) == before
    assert len(run.install.commands) == steps


@posix_only
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("constraints", "does not match this project's constraints.txt"),
        ("wheel", "does not match this project's wheel"),
        ("stamp", "is not a complete environment"),
        ("python", "is not a complete environment"),
        ("empty", "is not a complete environment"),
        ("missing", "is not a complete environment"),
    ],
)
def test_what_a_link_points_to_is_never_changed(
    run, project, linked_environment, damage, reason
) -> None:
    if damage == "constraints":
        (project / "constraints.txt").write_text("alpha==9\n")
    elif damage == "wheel":
        stamp = json.loads((linked_environment / run.STAMP).read_text())
        (linked_environment / run.STAMP).write_text(json.dumps({**stamp, "wheel": "0" * 64}))
    elif damage == "stamp":
        (linked_environment / run.STAMP).unlink()
    elif damage == "python":
        (linked_environment / "bin" / "python").unlink()
    else:
        linked_environment.rename(linked_environment.with_name("away"))
        if damage == "empty":
            linked_environment.mkdir()
    before, steps = snapshot(linked_environment.parent), len(run.install.commands)
    with pytest.raises(run.SetupError) as error:
        run.prepare_environment()
    assert snapshot(linked_environment.parent) == before
    assert len(run.install.commands) == steps
    message = str(error.value)
    assert f"{project / '.venv'} is a link to {linked_environment}, which {reason}" in message
    command = message.split("remove the link (")[1].split(") and run")[0]
    subprocess.run(shlex.split(command), check=True)  # The advice works.
    assert run.prepare_environment() == project / ".venv"
    assert snapshot(linked_environment.parent) == before


@posix_only
def test_a_link_to_itself_is_refused(run: ModuleType, project: Path) -> None:
    (project / ".venv").symlink_to(project / ".venv")
    with pytest.raises(run.SetupError, match="is a link to"):
        run.prepare_environment()
