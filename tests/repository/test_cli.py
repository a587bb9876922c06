"""The command `foldline`: its verbs, its version, completion, and the library that it runs."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from foldline import __version__, cli

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
