"""`foldline new` writes files that work, and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from foldline.cli import main
from foldline.project.skeletons import SETTINGS, render_skeleton
from tests.helpers import projects

TASKS = ("classification", "multilabel", "regression")


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_file_and_the_next_commands(kind, workplace, capsys):
    projects.make(workplace)

    assert main(["new", kind, "my_part"]) == 0
    printed = capsys.readouterr().out
    assert "wrote components/my_part.py" in printed
    assert f"dvc exp run -S {SETTINGS[kind].format(name='components.my_part')}\n" in printed
    assert "python run.py test -k components\n" in printed
    assert {path.name for path in Path("components").iterdir()} == {"__init__.py", "my_part.py"}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", SETTINGS)
def test_files_are_short_documented_code(kind, task):
    text = render_skeleton(kind, "a_name_of_some_length", task)

    assert ast.get_docstring(ast.parse(text))
    assert "NAME" not in text
    assert len(text.splitlines()) < 90
    assert max(map(len, render_skeleton(kind, "own", task).splitlines())) <= 100


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", SETTINGS)
def test_files_are_tidy(kind, task):
    text, name = render_skeleton(kind, "own", task), ["--stdin-filename", "components/own.py", "-"]
    for verb in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *verb, *name]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My Model", "'My Model' cannot be a module's name: a name is small letters"),
        ("My Model", "try 'my_model'"),
        ("../x", "cannot be a module's name"),
        ("1st", "cannot be a module's name"),
        ("모델", "cannot be a module's name"),
        ("x.py", "try 'x_py'"),
        ("class", "'class' is a word of Python's own"),
        ("_x", "cannot be a module's name"),
    ],
)
def test_bad_names_are_refused(name, message, workplace, capsys):
    projects.make(workplace)

    assert main(["new", "model", name]) == 1
    assert message in capsys.readouterr().err
    assert not Path("components").exists()


def test_a_file_is_never_overwritten(workplace, capsys):
    projects.make(workplace)
    Path("components").mkdir()
    Path("components/mine.py").write_text("kept = True\n", encoding="utf-8")

    assert main(["new", "loss", "mine"]) == 1
    assert "components/mine.py exists, and is not overwritten" in capsys.readouterr().err
    assert Path("components/mine.py").read_text(encoding="utf-8") == "kept = True\n"


def test_outside_of_a_project_nothing_is_written(workplace, capsys):
    assert main(["new", "loss", "mine"]) == 1
    assert "is not a Foldline project" in capsys.readouterr().err
    assert not Path("components").exists()
