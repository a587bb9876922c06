"""The advice in messages of run.py and of the command line: each is followed as printed."""

import re
import shlex
import subprocess
import sys
from types import ModuleType

import pytest

from foldline import cli
from tests.helpers.advice import read_command
from tests.helpers.git_projects import make_repository, run_shell
from tests.helpers.run_py import call, posix_only, require_foldline, write_wheel

pytestmark = posix_only


def refusal(run: ModuleType, *arguments: str) -> str:
    with pytest.raises(run.SetupError) as caught:
        if arguments:
            run.check_folder(list(arguments))
        else:
            run.prepare_environment()
    return str(caught.value)


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_missing_file_comes_back_by_the_command(name, run, project) -> None:
    make_repository(project, {})
    (project / name).unlink()
    run_shell(project, read_command(refusal(run)))
    assert run.prepare_environment() == project / ".venv"


def test_a_broken_pyproject_comes_back_by_the_command(run, project) -> None:
    make_repository(project, {})
    (project / "pyproject.toml").write_text("[project")
    run_shell(project, read_command(refusal(run), "or "))
    assert run.prepare_environment() == project / ".venv"


def test_a_missing_wheel_comes_back_by_the_command(run, project) -> None:
    require_foldline(project)
    wheel = write_wheel(project, "1.0.0")
    make_repository(project, {})
    wheel.unlink()
    run_shell(project, read_command(refusal(run)))
    assert run.prepare_environment() == project / ".venv"


def test_the_newest_wheel_is_left_where_the_named_ones_are_deleted(run, project) -> None:
    require_foldline(project)
    for version in ("0.10.0", "0.9.0", "0.10.0rc1"):
        write_wheel(project, version)
    for name in read_command(refusal(run), "delete ").split(", "):
        (project / name).unlink()
    assert run.prepare_environment() == project / ".venv"
    assert [wheel.name.split("-")[1] for wheel in (project / "wheels").iterdir()] == ["0.10.0"]


def test_a_folder_in_the_way_is_moved(run, project) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "thesis.txt").touch()
    assert "Next: move it away and run this again" in refusal(run)
    (project / ".venv").rename(project / "away")
    assert run.prepare_environment() == project / ".venv"


def test_a_shared_environment_that_does_not_fit_is_replaced(run, project, monkeypatch) -> None:
    venv = run.prepare_environment()
    monkeypatch.setenv("FOLDLINE_VENV", str(project / "none"))
    assert "or name an environment that run.py made from the same pyproject.toml" in refusal(run)
    monkeypatch.setenv("FOLDLINE_VENV", str(venv))
    assert run.prepare_environment() == venv


@pytest.mark.parametrize(("name", "command"), [("a{b", "repro"), ("한글", "dvc exp run --temp")])
def test_a_folder_is_renamed_or_temp_left_out(name, command, run, project, monkeypatch) -> None:
    monkeypatch.setattr(run, "ROOT", project / name)
    message = refusal(run, *command.split())
    if option := re.search(r"run it without (--\w+)", message):
        run.check_folder(command.replace(option[1], "").split())
    assert re.search(r"Next: .*(rename or move|move) the folder", message)
    monkeypatch.setattr(run, "ROOT", project / "fine")
    run.check_folder(command.split())


def test_a_project_outside_git_gets_a_repository_by_the_commands(run, project, monkeypatch) -> None:
    monkeypatch.undo()
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    with pytest.raises(run.SetupError) as caught:
        run.check_git()
    subprocess.run(read_command(str(caught.value)), shell=True, cwd=project, check=True)
    run.check_git()


def test_an_old_python_names_one_that_is_new_enough(run, monkeypatch) -> None:
    monkeypatch.setattr(run.sys, "version_info", (3, 10, 1))
    with pytest.raises(run.SetupError) as caught:
        run.check_python()
    version = re.search(r"python(\d)\.(\d+) run\.py", str(caught.value))
    assert tuple(map(int, version.groups())) == run.OLDEST


def test_the_same_command_starts_afresh_after_a_failure(project, machine) -> None:
    failed = call(project, machine, "python", "-V", FAKE_UV="exit 3")
    assert "Next: remove the cause and run the same command: it starts afresh." in failed.stderr
    assert call(project, machine, "python", "-V").stdout.startswith("Python 3")


def test_an_unknown_command_leads_to_the_usage(project, machine) -> None:
    unknown = call(project, machine, "nonesuch").stderr
    command = shlex.split(read_command(unknown))
    assert command[0] == "python"
    shown = subprocess.run(
        [sys.executable, *command[1:]], cwd=project, env=machine, capture_output=True, text=True
    )
    assert (shown.returncode, "python run.py repro" in shown.stdout) == (0, True)


def test_a_note_says_how_to_type_commands_without_run_py(project, machine) -> None:
    note = call(project, machine, "true").stderr
    line = read_command(note, "without run.py: ")
    shown = subprocess.run(
        [line.replace("source", ".") + " && echo $VIRTUAL_ENV"],
        shell=True, cwd=project, env=machine, capture_output=True, text=True,
    )  # fmt: skip
    assert shown.stdout.strip() == str(project / ".venv")


def test_a_command_outside_the_environment_is_repeated_as_it_was(monkeypatch, capsys) -> None:
    """Texts keep their spaces."""

    def run_verb(arguments: list[str]) -> int:
        raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

    arguments = ["predict", "--text", "a new text"]
    monkeypatch.setattr(cli, "run", run_verb)
    monkeypatch.setattr(cli, "check_root", lambda folder: None)
    assert cli.main(arguments) == 1
    assert shlex.split(read_command(capsys.readouterr().err))[2:] == ["foldline", *arguments]
