"""run.py, with a stand-in for the installers: nothing is downloaded."""

import functools
import hashlib
import importlib.util
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path, PureWindowsPath
from types import ModuleType

import psutil
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


def load_run_py(project: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_under_test", project / "run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FakeInstaller:
    """Replaces run.install: records the commands and creates the Python that venv would."""

    def __init__(self, programs: str = "bin", fails: str = "") -> None:
        self.commands: list[list[str]] = []
        self.programs, self.fails = programs, fails

    def __call__(self, progress: object, *command: str) -> None:
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
    """Return the project's run.py, without uv, with FakeInstaller as installer."""
    module = load_run_py(project)
    monkeypatch.delenv("FOLDLINE_VENV", raising=False)
    monkeypatch.setattr(module, "install", FakeInstaller())
    monkeypatch.setattr(module.shutil, "which", lambda name, path=None: None)
    return module


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


# --- links ----------------------------------------------------------------------------------------


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


# --- the wheel in wheels/ -------------------------------------------------------------------------


def write_wheel(project: Path, version: str = "1.2.3", text: str = "") -> Path:
    """Write a wheel of a library that holds nothing but a text."""
    wheel = project / "wheels" / f"foldline-{version}-py3-none-any.whl"
    wheel.parent.mkdir(exist_ok=True)
    about = f"foldline-{version}.dist-info"
    files = {
        "foldline/__init__.py": "",
        "foldline/__main__.py": f"print({text!r})",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: foldline\nVersion: {version}\n"
        "Provides-Extra: ko\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return wheel


def require_foldline(project: Path, requirement: str = "foldline[ko]", dev: str = '"beta<3"'):
    text = PYPROJECT.replace("alpha>=1", requirement).replace('"beta<3"', dev)
    (project / "pyproject.toml").write_text(text)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("requirement", "before", "after"),
    [
        ("foldline", "foldline @ ", ""),
        ("foldline[ko, onnx]", "foldline[ko, onnx] @ ", ""),
        (" Foldline [ko] >=1.2,<2", "foldline[ko] @ ", ""),
        ("foldline (==1.2.3)", "foldline @ ", ""),
        ("foldline==1.2.3; os_name == 'nt'", "foldline @ ", " ; os_name == 'nt'"),
    ],
)
def test_foldline_is_pinned_to_the_wheel(run, project, requirement, before, after) -> None:
    wheel = write_wheel(project)
    require_foldline(project, requirement)
    run.prepare_environment()
    uri = f"{wheel.as_uri()}#sha256={sha256(wheel)}"
    assert run.install.commands[-1][-2:] == [f"{before}{uri}{after}", "beta<3"]


@pytest.mark.parametrize("other", ["foldline-extras", "foldline2>1", "foldline @ https://a.org/f"])
def test_other_requirements_stay(run: ModuleType, project: Path, other: str) -> None:
    write_wheel(project)
    require_foldline(project, other)
    run.prepare_environment()
    assert run.install.commands[-1][-2:] == [other, "beta<3"]
    assert "wheel" not in run.make_stamp()


def test_the_uri_of_the_wheel_is_legal_on_every_system(run: ModuleType, tmp_path: Path) -> None:
    class WindowsWheel(PureWindowsPath):
        def read_bytes(self) -> bytes:
            return b""

    name = "foldline-1.0-py3-none-any.whl"
    pinned = run.pin_requirement("foldline", WindowsWheel("C:\\Users\\김 %", name))
    assert pinned.startswith(f"foldline @ file:///C:/Users/%EA%B9%80%20%25/{name}#sha256=e3b0c44")


@pytest.mark.parametrize("uv", [True, False])
def test_a_replaced_wheel_is_installed_again(run, project: Path, uv: bool) -> None:
    if uv:
        run.shutil.which = lambda name, path=None: f"/somewhere/{name}"
    write_wheel(project, text="one")
    require_foldline(project)
    run.prepare_environment()
    steps = len(run.install.commands)
    wheel = write_wheel(project, text="two")
    venv = run.prepare_environment()
    assert json.loads((venv / run.STAMP).read_text())["wheel"] == sha256(wheel)
    pinned = f"foldline @ {wheel.as_uri()}#sha256={sha256(wheel)}"
    new = run.install.commands[steps:]
    if uv:
        assert new[0][5:7] == ["--reinstall-package", "foldline"]
    else:
        assert new[-2][-3:] == ["--force-reinstall", "--no-deps", pinned]
    assert run.install.count("venv") == 1
    run.prepare_environment()
    assert run.install.commands[steps:] == new


@pytest.mark.parametrize("step", ["--force-reinstall", "-c"])
def test_an_interrupted_exchange_of_the_wheel_is_not_trusted(run, project, step: str) -> None:
    first = write_wheel(project, text="one").read_bytes()
    require_foldline(project)
    run.prepare_environment()
    wheel = write_wheel(project, text="two")
    run.install = FakeInstaller(fails=step)
    with pytest.raises(KeyboardInterrupt):
        run.prepare_environment()
    wheel.write_bytes(first)
    run.install = FakeInstaller()
    run.prepare_environment()
    assert run.install.count("venv") == 1


def test_several_wheels_or_none_are_refused(run: ModuleType, project: Path) -> None:
    require_foldline(project)
    with pytest.raises(run.SetupError, match=r"holds no foldline-.*\nNext: git checkout -- wheels"):
        run.prepare_environment()
    for version in ("0.10.0", "0.9.0", "0.10.0rc1"):
        write_wheel(project, version)
    with pytest.raises(run.SetupError) as error:
        run.prepare_environment()
    names = [f"wheels/foldline-{v}-py3-none-any.whl" for v in ("0.9.0", "0.10.0rc1", "0.10.0")]
    assert ", ".join(names) in str(error.value)
    assert str(error.value).endswith(f"keep the newest, delete {names[0]}, {names[1]}")
    assert run.install.commands == []


@pytest.mark.slow
@posix_only
def test_pip_records_the_wheel_and_exchanges_it(tmp_path: Path, project: Path, machine) -> None:
    project = project.rename(tmp_path / "내 project")
    require_foldline(project, dev="")
    offline = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    for text in ("one", "two"):
        wheel = write_wheel(project, text=text)
        result = call(project, machine, "foldline", **offline)
        assert (result.stdout, result.returncode) == (f"{text}\n", 0), result.stderr
        (record,) = (project / ".venv").glob("lib/*/site-packages/foldline-*/direct_url.json")
        source = json.loads(record.read_text())
        assert source["url"] == wheel.as_uri()
        assert source["archive_info"]["hashes"] == {"sha256": sha256(wheel)}


# --- the command `foldline` -----------------------------------------------------------------------


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


# --- the command line -----------------------------------------------------------------------------


def test_usage(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == 2
    assert "python run.py repro" in capsys.readouterr().err
    assert run.main(["--help"]) == 0
    assert "python run.py test" in capsys.readouterr().out
    assert run.main(["-v"]) == 2
    assert run.main(["--verbose", "-h"]) == 0
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
    variables = {key: value for key, value in os.environ.items() if key != "FOLDLINE_VENV"}
    return {**variables, "PATH": path, "UV_LOG": str(tmp_path / "log"), "FAKE_UV": ":"}


def call(project: Path, machine: dict[str, str], *arguments: str, **variables: str):
    command = [sys.executable, "run.py", *arguments]
    environment = {**machine, **variables}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_an_installed_tcmalloc_is_found(run, tmp_path) -> None:
    assert run.find_allocator(tmp_path) is None
    for folder, name in [("local/lib", run.ALLOCATORS[1]), ("lib64", run.ALLOCATORS[0])]:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / name).touch()
        assert run.find_allocator(tmp_path) == str(tmp_path / folder / name)


@pytest.mark.skipif(sys.platform != "linux", reason="commands get it on Linux alone")
def test_ld_preload_of_the_user_has_priority(project, machine) -> None:
    machine.pop("LD_PRELOAD", None)
    show = ["python", "-c", "import os; print([os.environ.get('LD_PRELOAD')])"]
    assert call(project, machine, *show).stdout == f"{[load_run_py(project).find_allocator()]}\n"
    assert call(project, machine, *show, LD_PRELOAD="").stdout == "['']\n"


@posix_only
def test_the_command_runs_inside_and_its_code_is_passed_on(project, machine) -> None:
    code = "import os, sys; print(sys.prefix, os.environ['PYTHONUTF8'], os.getcwd()); sys.exit(7)"
    result = call(project, machine, "python", "-c", code)
    assert result.returncode == 7
    assert result.stdout.split() == [str(project / ".venv"), "1", str(project)]
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
def test_messages_know_whether_the_environment_is_activated(project, machine) -> None:
    show = ("python", "-c", "import os; print(os.environ.get('FOLDLINE_LAUNCHER'))")
    assert call(project, machine, *show).stdout == "python run.py\n"
    assert call(project, machine, *show, VIRTUAL_ENV=str(project / ".venv")).stdout == "None\n"


@posix_only
def test_a_failed_installation_shows_its_output_and_is_not_trusted(project, machine) -> None:
    failed = call(project, machine, "python", "-V", FAKE_UV="echo no such package; exit 3")
    assert failed.returncode == 1
    assert "no such package\nrun.py: uv ended with code 3" in failed.stderr
    assert failed.stdout == ""
    assert call(project, machine, "python", "-V").returncode == 0
    assert Path(machine["UV_LOG"]).read_text().count("uv pip install") == 2


@posix_only
def test_a_quiet_installation_prints_three_lines(project: Path, machine) -> None:
    output = "echo Resolved 87 packages in 5ms; echo noise"
    result = call(project, machine, "python", "-V", FAKE_UV=output)
    start, end, activation = result.stderr.splitlines()
    assert start == "run.py: installing into .venv with uv"
    assert end.startswith("run.py: installed into .venv with uv: ")
    assert end.endswith("s, 87 packages")
    assert activation.endswith("without run.py: source .venv/bin/activate")
    assert "noise" in (project / ".venv" / "install.log").read_text()
    again = call(project, machine, "python", "-V")
    assert again.stderr == ""


@posix_only
@pytest.mark.parametrize("option", ["-v", "--verbose"])
def test_a_verbose_installation_shows_everything(project: Path, machine, option: str) -> None:
    output = "for i in $(seq 60); do echo line $i.; done; exit 3"
    failed = call(project, machine, option, "python", "-V", FAKE_UV=output)
    assert [f"line {i}." in failed.stderr for i in (1, 60)] == [True, True]
    assert "uv ended with code 3; its output is above" in failed.stderr
    result = call(project, machine, option, "python", "-V", FAKE_UV="echo noise")
    assert "noise\n" in result.stderr
    assert result.stdout.startswith("Python 3")


@posix_only
def test_a_failure_shows_the_last_lines_and_names_the_log(project: Path, machine) -> None:
    output = "for i in $(seq 60); do echo line $i.; done; exit 3"
    failed = call(project, machine, "python", "-V", FAKE_UV=output)
    log = project / ".venv" / "install.log"
    lines = [line for line in failed.stderr.splitlines() if line.startswith("line ")]
    assert lines == [f"line {i}." for i in range(21, 61)]
    assert f"all of them in {log}" in failed.stderr
    assert "line 1.\n" in log.read_text()


@posix_only
def test_a_terminal_shows_one_line_that_is_updated(project: Path, machine) -> None:
    pty = pytest.importorskip("pty")
    reader, writer = pty.openpty()
    output = "echo Resolved 87 packages in 5ms; sleep 1.2"
    command = [sys.executable, "run.py", "python", "-c", "pass"]
    subprocess.run(command, cwd=project, env={**machine, "FAKE_UV": output}, stderr=writer)
    os.close(writer)
    text = os.read(reader, 10_000).decode()
    progress, activation = text.strip().split("\n")
    assert activation.startswith("run.py: to type dvc and foldline")
    frames = [frame.strip() for frame in progress.split("\r") if frame.strip()]
    updates = [frame for frame in frames if frame.startswith("run.py: installing into .venv")]
    assert len(updates) >= 2
    assert updates[-1].endswith("s, 87 packages")
    assert frames[-1].startswith("run.py: installed into .venv with uv: ")


def test_packages_are_counted_in_what_the_installer_prints(run: ModuleType) -> None:
    uv = "Resolved 1 package in 1ms\nResolved 120 packages in 2s\n + a==1\n"
    pip = "Collecting a-b.c>=1\nCollecting d (from e)\nRequirement already satisfied: d in /x\n"
    local = "Looking in links: /x\nProcessing /x/a-1.whl\nProcessing /x/b-1.whl\n"
    assert [run.count_packages(text) for text in ("", uv, pip, local)] == [0, 120, 2, 2]


@posix_only
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_installation_ends_and_is_rebuilt(project, machine, sent: signal.Signals) -> None:
    if sent == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("elsewhere the installer goes on, and is waited for")
    log = Path(machine["UV_LOG"])
    slow = {**machine, "FAKE_UV": 'echo $$ > "$UV_LOG.pid"; exec sleep 60'}
    command = [sys.executable, "run.py", "python", "-V"]
    # Tests that run in the background of a shell would ignore it, and so would their children.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    first = subprocess.Popen(
        command, cwd=project, env=slow, stderr=subprocess.DEVNULL, preexec_fn=heed
    )
    identifier = log.with_name(f"{log.name}.pid")
    wait_for(lambda: identifier.exists() and identifier.read_text().strip())
    first.send_signal(sent)
    assert first.wait(timeout=20) == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    wait_for(lambda: not is_running(int(identifier.read_text())))
    partial = project / ".venv" / "half"
    partial.touch()
    result = call(project, machine, "python", "-V")
    assert result.stdout.startswith("Python 3")
    assert not partial.exists()


def is_running(process: int) -> bool:
    """Return whether the process runs; one that ended and that nobody waited for does not."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


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


@posix_only
@pytest.mark.parametrize(
    ("code", "command", "starts"),
    [
        (0, ["dvc", "exp", "run"], True),
        (3, ["dvc", "exp", "run", "-S", "lr=1"], False),
        (3, ["dvc", "--wait-for-lock", "exp", "run", "--temp"], False),
        (3, ["dvc", "exp", "show"], True),
        (3, ["repro"], True),
        (1, ["dvc", "exp", "run"], True),  # no library, or an older one
    ],
)
def test_leftovers_are_reported_before_dvc_starts(run, tmp_path, capsys, code, command, starts):
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "note: $*"\nexit {code}\n')
    python.chmod(0o755)
    if starts:
        run.check_leftovers(tmp_path / "venv", command)
    else:
        with pytest.raises(run.SetupError, match="dvc was not started"):
            run.check_leftovers(tmp_path / "venv", command)

    shown = capsys.readouterr().err
    assert ("note: -m foldline doctor --quick" in shown) == (code != 1)


@pytest.mark.parametrize("name", ["a{b}c", "a{b", "a}b", "${HOME}"])
def test_a_folder_that_dvc_cannot_work_in_is_refused(run, monkeypatch, tmp_path, name):
    monkeypatch.setattr(run, "ROOT", tmp_path / name)
    with pytest.raises(run.SetupError, match="rename or move the folder"):
        run.check_folder(["repro"])


@pytest.mark.parametrize("name", ["한글", "a#b", "what?"])
def test_a_folder_that_dvc_cannot_copy_is_refused_for_copies_alone(
    run, monkeypatch, tmp_path, name
):
    monkeypatch.setattr(run, "ROOT", tmp_path / name)
    run.check_folder(["dvc", "exp", "run"])
    with pytest.raises(run.SetupError, match="without --temp"):
        run.check_folder(["dvc", "exp", "run", "--temp"])


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
