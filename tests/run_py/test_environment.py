"""run.py makes the environment, and makes it again where it is not whole."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.run_py import PYPROJECT, FakeInstaller, posix_only


def test_the_first_call_installs_and_the_second_trusts_it(run: ModuleType, project: Path) -> None:
    assert run.prepare_environment() == project / ".venv"
    assert "-m pip install -c" in " ".join(run.install.commands[-1])
    assert run.install.commands[-1][-2:] == ["alpha>=1", "beta<3"]
    assert str(project / "constraints.txt") in run.install.commands[-1]
    steps = len(run.install.commands)
    run.prepare_environment()
    assert len(run.install.commands) == steps


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml"])
def test_a_changed_file_installs_over_the_same_environment(run, project: Path, name: str) -> None:
    run.prepare_environment()
    (project / name).write_text((project / name).read_text() + "# changed\n")
    run.prepare_environment()
    assert run.install.count("venv") == 1
    assert run.install.count("-c") == 2
    run.prepare_environment()
    assert run.install.count("-c") == 2


@pytest.mark.parametrize("step", ["venv", "-c"])
def test_an_interrupted_installation_is_rebuilt_from_nothing(run, project, step: str) -> None:
    run.install = FakeInstaller(fails=step)
    with pytest.raises(KeyboardInterrupt):
        run.prepare_environment()
    (project / ".venv" / "half").touch()
    run.install = FakeInstaller()
    run.prepare_environment()
    assert run.install.count("venv") == 1
    assert not (project / ".venv" / "half").exists()


def test_an_interrupted_update_is_rebuilt_from_nothing(run: ModuleType, project: Path) -> None:
    run.prepare_environment()
    before = (project / "constraints.txt").read_text()
    (project / "constraints.txt").write_text("alpha==1.3\n")
    run.install = FakeInstaller(fails="-c")
    with pytest.raises(KeyboardInterrupt):
        run.prepare_environment()
    (project / "constraints.txt").write_text(before)  # Even as it was, nothing is trusted.
    run.install = FakeInstaller()
    run.prepare_environment()
    assert run.install.count("venv") == 1


@pytest.mark.parametrize("damage", ["python", "stamp", "text", "root", "version"])
def test_a_damaged_or_moved_environment_is_rebuilt(run, project: Path, damage: str) -> None:
    venv = run.prepare_environment()
    stamp = venv / run.STAMP
    content = json.loads(stamp.read_text())
    if damage == "python":
        (venv / "bin" / "python").unlink()
    elif damage == "stamp":
        stamp.unlink()
    elif damage == "text":
        stamp.write_text("{")
    else:
        key = {"root": "root", "version": "python"}[damage]
        stamp.write_text(json.dumps({**content, key: "other"}))
    run.prepare_environment()
    assert run.install.count("venv") == 2
    assert json.loads(stamp.read_text()) == content


def test_windows_programs_lie_in_scripts(run: ModuleType, project: Path) -> None:
    run.install = FakeInstaller(programs="Scripts")
    venv = run.prepare_environment()
    assert run.scripts_folder(venv) == venv / "Scripts"
    assert run.install.commands[-1][0] == str(venv / "Scripts" / "python.exe")
    run.prepare_environment()
    assert run.install.count("venv") == 1


def test_uv_installs_where_it_is_on_path(run: ModuleType, project: Path) -> None:
    run.shutil.which = lambda name, path=None: f"/somewhere/{name}"
    venv = run.prepare_environment()
    expected = ["/somewhere/uv", "pip", "install", "--python", str(venv / "bin" / "python"), "-c"]
    assert run.install.commands[-1][:6] == expected
    assert run.install.count("ensurepip") == 0


def test_pip_of_this_python_installs_where_ensurepip_is_split_off(run, monkeypatch) -> None:
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    venv = run.prepare_environment()
    expected = [run.base_python(), "-m", "pip", "--python", str(venv / "bin" / "python"), "install"]
    assert run.install.commands[-1][:6] == expected
    assert run.install.count("ensurepip") == 0


def test_a_folder_that_is_no_environment_is_left_alone(run: ModuleType, project: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "thesis.txt").touch()
    with pytest.raises(run.SetupError, match="move it away"):
        run.prepare_environment()
    assert (project / ".venv" / "thesis.txt").exists()


def test_a_shared_environment_fits_another_project(run, project: Path, monkeypatch) -> None:
    venv = run.prepare_environment()
    (project / "pyproject.toml").write_text(PYPROJECT.replace('"sample"', '"other"'))
    stamp = json.loads((venv / run.STAMP).read_text())
    (venv / run.STAMP).write_text(json.dumps({**stamp, "root": "elsewhere"}))
    monkeypatch.setenv("FOLDLINE_VENV", str(venv))
    steps = len(run.install.commands)
    assert run.prepare_environment() == venv.resolve()
    (project / "constraints.txt").write_text("alpha==9\n")
    with pytest.raises(run.SetupError, match=r"does not match this project's constraints\.txt"):
        run.prepare_environment()
    monkeypatch.setenv("FOLDLINE_VENV", str(project))
    with pytest.raises(run.SetupError, match="is not a complete environment"):
        run.prepare_environment()
    assert len(run.install.commands) == steps


@posix_only
@pytest.mark.parametrize("kind", ["missing", "dead link", "file", "folder", "without stamp"])
def test_no_shared_environment_is_made_or_changed(run, monkeypatch, tmp_path, project, kind):
    shared = tmp_path / "shared" / "venv"
    shared.parent.mkdir()
    if kind == "dead link":
        shared.symlink_to(tmp_path / "nowhere")
    elif kind == "file":
        shared.touch()
    elif kind != "missing":
        (shared / "lib").mkdir(parents=True)
        (shared / "lib/important.txt").touch()
    if kind == "without stamp":
        (shared / "pyvenv.cfg").touch()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setenv("FOLDLINE_VENV", str(shared))

    with pytest.raises(run.SetupError, match="unset FOLDLINE_VENV"):
        run.prepare_environment()

    assert sorted(tmp_path.rglob("*")) == before
    monkeypatch.delenv("FOLDLINE_VENV")  # as the message says
    assert run.prepare_environment() == project / ".venv"
