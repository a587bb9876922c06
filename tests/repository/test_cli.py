"""The command `foldline`: its verbs, its version, completion, and the library that it runs."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from foldline import __version__, cli
from foldline.core.console import add_launcher

ROOT = Path(__file__).resolve().parents[2]


def test_the_version_is_that_of_the_package(capsys):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    with pytest.raises(SystemExit):
        cli.run(["--version"])
    assert capsys.readouterr().out == f"foldline {project['version']}\n"
    assert project["version"] == __version__
    assert project["scripts"] == {"foldline": "foldline.cli:main"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_verb(shell, capsys):
    assert cli.main(["completion", shell]) == 0

    script = capsys.readouterr().out
    assert all(verb in script for verb in cli.VERBS)


def test_bash_takes_the_completion(tmp_path):
    script = f'eval "$({sys.executable} -m foldline completion bash)" && complete -p foldline'
    result = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 0, result.stderr
    assert "-F _shtab_foldline foldline" in result.stdout


def run_in(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "foldline", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "my topics"
    (folder / "data/raw").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml"):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("place", "root"), [("data/raw", "../.."), ("..", "'my topics'"), ("data", "..")]
)
def test_outside_the_root_the_command_to_go_there_is_named(project, place, root):
    result = run_in(project / place, "view", "--limit", "5")

    assert result.returncode == 1
    assert f"Next: cd {root}, then the command again" in result.stderr
    shell = f"cd {root} && pwd"
    went = subprocess.run(["sh", "-c", shell], cwd=project / place, capture_output=True, text=True)
    assert Path(went.stdout.strip()) == project


def test_without_a_project_none_is_guessed(tmp_path):
    assert "is not a Foldline project" in run_in(tmp_path, "view").stderr
    assert run_in(tmp_path, "view", "--help").returncode == 0
    assert run_in(tmp_path, "completion", "bash").returncode == 0
    assert "unknown verb 'veiw'; did you mean 'view'?" in run_in(tmp_path, "veiw").stderr


def test_files_to_import_may_stand_behind_options():
    arguments = ["import", "--yes", "a.csv", "--label", "y", "b.csv", "sample=c.csv"]

    assert cli.parse_arguments(arguments).sources == ["a.csv", "b.csv", "sample=c.csv"]


@pytest.mark.parametrize(
    "arguments", [["import", "a.csv", "--lable", "y"], ["view", "data/view.html"]]
)
def test_unknown_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        cli.parse_arguments(arguments)
    assert "unrecognized arguments: " in capsys.readouterr().err


def test_of_several_projects_all_are_named(project):
    shutil.copytree(project, project.parent / "other")

    assert "Change to one: 'my topics', other" in run_in(project.parent, "view").stderr


def test_without_activation_a_message_names_run_py(monkeypatch):
    monkeypatch.delenv("FOLDLINE_LAUNCHER", raising=False)
    assert add_launcher("Run `dvc repro`") == "Run `dvc repro`"

    monkeypatch.setenv("FOLDLINE_LAUNCHER", "python run.py")
    assert add_launcher("Run `dvc repro`").endswith("type `python run.py dvc ...`)")
    assert add_launcher("Correct the file") == "Correct the file"


def test_each_verb_names_a_function():
    for verb in cli.VERBS.values():
        module, _, function = verb.run.partition(":")
        assert (ROOT / Path(*module.split("."))).with_suffix(".py").exists()
        assert (
            f"def {function}(" in (ROOT / Path(*module.split("."))).with_suffix(".py").read_text()
        )


def test_a_project_with_its_own_library_runs_that(tmp_path):
    (tmp_path / "params.yaml").touch()
    (tmp_path / "foldline").mkdir()
    (tmp_path / "foldline/__init__.py").touch()
    (tmp_path / "foldline/__main__.py").write_text("import sys; print('own', sys.argv[1:])")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from foldline.cli import main; main()"

    result = subprocess.run(
        [sys.executable, "-P", "-c", code, "view", "--limit", "5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout == "own ['view', '--limit', '5']\n"
