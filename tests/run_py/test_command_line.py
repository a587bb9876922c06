"""What run.py checks, says and passes on."""

import signal
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.run_py import PYPROJECT, ROOT, call, load_run_py, posix_only


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
