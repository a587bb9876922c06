"""run.py, with a stand-in for the installers: nothing is downloaded."""

import importlib.util
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = """\
[project]
name = "sample"
dependencies = ["alpha>=1"]

[dependency-groups]
dev = ["beta<3"]
"""
posix_only = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project that holds only what run.py reads."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "run.py").write_bytes((ROOT / "run.py").read_bytes())
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "constraints.txt").write_text("alpha==1.2\nbeta==2.0\n")
    return folder


def load(project: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_under_test", project / "run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Steps:
    """Stands in for run.install: keeps the commands and makes the Python that venv would make."""

    def __init__(self, programs: str = "bin", fails: str = "") -> None:
        self.commands: list[list[str]] = []
        self.programs, self.fails = programs, fails

    def __call__(self, *command: str) -> None:
        self.commands.append(list(command))
        if "venv" in command:
            folder = Path(command[-1]) / self.programs
            folder.mkdir(parents=True)
            name = "python.exe" if self.programs == "Scripts" else "python"
            (folder / name).touch()
            (Path(command[-1]) / "pyvenv.cfg").touch()
        if self.fails and self.fails in command:
            raise KeyboardInterrupt

    def count(self, word: str) -> int:
        return sum(word in command for command in self.commands)


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the project's run.py, on a machine without uv and with Steps as its installer."""
    module = load(project)
    monkeypatch.delenv("FOLDLINE_VENV", raising=False)
    monkeypatch.setattr(module, "install", Steps())
    monkeypatch.setattr(module.shutil, "which", lambda name, path=None: None)
    return module


def test_the_first_call_installs_and_the_second_trusts_it(run: ModuleType, project: Path) -> None:
    assert run.environment() == project / ".venv"
    assert "-m pip install -c" in " ".join(run.install.commands[-1])
    assert run.install.commands[-1][-2:] == ["alpha>=1", "beta<3"]
    assert str(project / "constraints.txt") in run.install.commands[-1]
    steps = len(run.install.commands)
    run.environment()
    assert len(run.install.commands) == steps


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml"])
def test_a_changed_file_installs_over_the_same_environment(run, project: Path, name: str) -> None:
    run.environment()
    (project / name).write_text((project / name).read_text() + "# changed\n")
    run.environment()
    assert run.install.count("venv") == 1
    assert run.install.count("-c") == 2
    run.environment()
    assert run.install.count("-c") == 2


@pytest.mark.parametrize("step", ["venv", "-c"])
def test_an_interrupted_installation_is_rebuilt_from_nothing(run, project, step: str) -> None:
    run.install = Steps(fails=step)
    with pytest.raises(KeyboardInterrupt):
        run.environment()
    (project / ".venv" / "half").touch()
    run.install = Steps()
    run.environment()
    assert run.install.count("venv") == 1
    assert not (project / ".venv" / "half").exists()


def test_an_interrupted_update_is_rebuilt_from_nothing(run: ModuleType, project: Path) -> None:
    run.environment()
    before = (project / "constraints.txt").read_text()
    (project / "constraints.txt").write_text("alpha==1.3\n")
    run.install = Steps(fails="-c")
    with pytest.raises(KeyboardInterrupt):
        run.environment()
    (project / "constraints.txt").write_text(before)  # Even as it was, nothing is trusted.
    run.install = Steps()
    run.environment()
    assert run.install.count("venv") == 1


@pytest.mark.parametrize("damage", ["python", "stamp", "text", "root", "version"])
def test_a_damaged_or_moved_environment_is_rebuilt(run, project: Path, damage: str) -> None:
    venv = run.environment()
    stamp = venv / run.STAMP
    found = json.loads(stamp.read_text())
    if damage == "python":
        (venv / "bin" / "python").unlink()
    elif damage == "stamp":
        stamp.unlink()
    elif damage == "text":
        stamp.write_text("{")
    else:
        key = {"root": "root", "version": "python"}[damage]
        stamp.write_text(json.dumps({**found, key: "other"}))
    run.environment()
    assert run.install.count("venv") == 2
    assert json.loads(stamp.read_text()) == found


def test_windows_programs_lie_in_scripts(run: ModuleType, project: Path) -> None:
    run.install = Steps(programs="Scripts")
    venv = run.environment()
    assert run.folder(venv) == venv / "Scripts"
    assert run.install.commands[-1][0] == str(venv / "Scripts" / "python.exe")
    run.environment()
    assert run.install.count("venv") == 1


def test_uv_installs_where_it_is_on_path(run: ModuleType, project: Path) -> None:
    run.shutil.which = lambda name, path=None: f"/somewhere/{name}"
    venv = run.environment()
    expected = ["/somewhere/uv", "pip", "install", "--python", str(venv / "bin" / "python"), "-c"]
    assert run.install.commands[-1][:6] == expected
    assert run.install.count("ensurepip") == 0


def test_pip_of_this_python_installs_where_ensurepip_is_split_off(run, monkeypatch) -> None:
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    venv = run.environment()
    expected = [run.base_python(), "-m", "pip", "--python", str(venv / "bin" / "python"), "install"]
    assert run.install.commands[-1][:6] == expected
    assert run.install.count("ensurepip") == 0


def test_a_folder_that_is_no_environment_is_left_alone(run: ModuleType, project: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "thesis.txt").touch()
    with pytest.raises(run.Problem, match="move it away"):
        run.environment()
    assert (project / ".venv" / "thesis.txt").exists()


def test_a_shared_environment_fits_another_project(run, project: Path, monkeypatch) -> None:
    venv = run.environment()
    (project / "pyproject.toml").write_text(PYPROJECT.replace('"sample"', '"other"'))
    stamp = json.loads((venv / run.STAMP).read_text())
    (venv / run.STAMP).write_text(json.dumps({**stamp, "root": "elsewhere"}))
    monkeypatch.setenv("FOLDLINE_VENV", str(venv))
    steps = len(run.install.commands)
    assert run.environment() == venv.resolve()
    (project / "constraints.txt").write_text("alpha==9\n")
    with pytest.raises(run.Problem, match=r"made for other constraints\.txt"):
        run.environment()
    monkeypatch.setenv("FOLDLINE_VENV", str(project))
    with pytest.raises(run.Problem, match="was not made, or not wholly"):
        run.environment()
    assert len(run.install.commands) == steps


def test_usage(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == 2
    assert "python run.py repro" in capsys.readouterr().err
    assert run.main(["--help"]) == 0
    assert "python run.py test" in capsys.readouterr().out
    assert run.install.commands == []


def test_an_old_python_is_refused(run, monkeypatch, capsys) -> None:
    monkeypatch.setattr(run, "OLDEST", (9, 9))
    assert run.main(["test"]) == 1
    assert "is needed" in capsys.readouterr().err
    compile((ROOT / "run.py").read_text(), "run.py", "exec", dont_inherit=True)


def test_repro_asks_for_git_first(run, project: Path, monkeypatch, capsys) -> None:
    assert run.main(["repro"]) == 1
    assert "git is not on PATH" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    assert run.main(["repro"]) == 1
    assert "Next: git init && git add ." in capsys.readouterr().err
    assert not (project / ".venv").exists()


def test_broken_files_are_named(run: ModuleType, project: Path, capsys) -> None:
    (project / "pyproject.toml").write_text("[project")
    assert run.main(["test"]) == 1
    assert "pyproject.toml cannot be read" in capsys.readouterr().err
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "constraints.txt").unlink()
    assert run.main(["test"]) == 1
    assert "constraints.txt is missing" in capsys.readouterr().err


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a machine whose uv is a script that does what $FAKE_UV says."""
    programs = tmp_path / "programs"
    programs.mkdir()
    uv = programs / "uv"
    uv.write_text('#!/bin/sh\necho "uv $*" >> "$UV_LOG"\neval "$FAKE_UV"\n')
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    path = os.pathsep.join([str(programs), "/usr/bin", "/bin"])
    kept = {key: value for key, value in os.environ.items() if key != "FOLDLINE_VENV"}
    return {**kept, "PATH": path, "UV_LOG": str(tmp_path / "log"), "FAKE_UV": ":"}


def call(project: Path, machine: dict[str, str], *arguments: str, **more: str):
    command = [sys.executable, "run.py", *arguments]
    environment = {**machine, **more}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_the_systems_tcmalloc_is_found_where_there_is_one(run, tmp_path) -> None:
    assert run.allocator(tmp_path) is None
    for place, name in [("local/lib", run.ALLOCATORS[1]), ("lib64", run.ALLOCATORS[0])]:
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / name).touch()
        assert run.allocator(tmp_path) == str(tmp_path / place / name)


@pytest.mark.skipif(sys.platform != "linux", reason="commands get it on Linux alone")
def test_what_a_command_loads_first_is_the_users_if_he_says_so(project, machine) -> None:
    machine.pop("LD_PRELOAD", None)
    show = ["python", "-c", "import os; print([os.environ.get('LD_PRELOAD')])"]
    assert call(project, machine, *show).stdout == f"{[load(project).allocator()]}\n"
    assert call(project, machine, *show, LD_PRELOAD="").stdout == "['']\n"


@posix_only
def test_the_command_runs_inside_and_its_code_is_passed_on(project, machine) -> None:
    show = "import os, sys; print(sys.prefix, os.environ['PYTHONUTF8'], os.getcwd()); sys.exit(7)"
    done = call(project, machine, "python", "-c", show)
    assert done.returncode == 7
    assert done.stdout.split() == [str(project / ".venv"), "1", str(project)]
    began = time.perf_counter()
    again = call(project, machine, "sh", "-c", "echo $VIRTUAL_ENV $DVC_NO_ANALYTICS; kill -9 $$")
    assert time.perf_counter() - began < 2
    assert again.returncode == -signal.SIGKILL
    assert (again.stdout, again.stderr) == (f"{project / '.venv'} 1\n", "")
    unknown = call(project, machine, "nonesuch")
    assert unknown.returncode == 1
    assert "nonesuch is neither in" in unknown.stderr
    assert Path(machine["UV_LOG"]).read_text().count("uv pip install") == 1


@posix_only
def test_a_failed_installation_shows_its_output_and_is_not_trusted(project, machine) -> None:
    failed = call(project, machine, "python", "-V", FAKE_UV="echo no such package; exit 3")
    assert failed.returncode == 1
    assert "no such package\nrun.py: uv ended with code 3" in failed.stderr
    assert failed.stdout == ""
    assert call(project, machine, "python", "-V").returncode == 0
    assert Path(machine["UV_LOG"]).read_text().count("uv pip install") == 2


@pytest.mark.slow
@posix_only
def test_a_second_call_waits_and_a_kill_is_recovered_from(project: Path, machine) -> None:
    command = [sys.executable, "run.py", "python", "-V"]
    slow = {**machine, "FAKE_UV": "exec sleep 60"}
    first = subprocess.Popen(command, cwd=project, env=slow, stderr=subprocess.DEVNULL)
    log = Path(machine["UV_LOG"])
    wait_for(log.exists)
    with subprocess.Popen(
        command, cwd=project, env=machine, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as second:
        assert second.stderr
        assert "waiting for another call" in second.stderr.readline()
        first.kill()
        first.wait()
        if sys.platform == "linux":  # Elsewhere the installer goes on, and is waited for.
            assert second.communicate(timeout=20)[0].startswith("Python 3")
            assert second.returncode == 0
        second.kill()


def wait_for(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_detached_head_is_told_before_dvc_starts(run, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run.shutil, "which", lambda name, path=None: name)
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "a"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    run.check_git()
    assert "detached" not in capsys.readouterr().err

    subprocess.run(["git", "switch", "-q", "--detach"], cwd=tmp_path, check=True)
    run.check_git()

    assert "git switch -" in capsys.readouterr().err
