"""The advice of `foldline check`, `new`, `eject` and `resolve`: each is followed as printed."""

import argparse
import re
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.project import ejection, merge_conflicts, pipeline, skeletons
from tests.helpers import projects
from tests.helpers.advice import read_command, read_settings
from tests.helpers.git_projects import make_repository, run_shell


@pytest.fixture
def project(workplace) -> Path:
    projects.make(workplace)
    Path("stages").mkdir()
    Path("stages/a.py").touch()
    Path("dvc.yaml").write_text("stages:\n  a:\n    cmd: x\n    deps: [stages/a.py]\n")
    return make_repository(workplace, {})


def check() -> None:
    pipeline.check_pipeline({"seed": 1, "train": {}})


def refusal(run, *arguments) -> str:
    with pytest.raises(FoldlineError) as caught:
        run(*arguments)
    return str(caught.value)


def test_a_missing_dependency_comes_back(project) -> None:
    Path("stages/a.py").unlink()
    run_shell(project, read_command(refusal(check)).strip("`"))
    check()


def test_a_broken_dvc_yaml_comes_back(project) -> None:
    Path("dvc.yaml").write_text("stages: [")
    run_shell(project, re.search(r"`(git restore .*?)`", refusal(check))[1])
    check()


def test_the_section_that_is_meant_is_declared(project) -> None:
    text = "stages:\n  a:\n    cmd: x\n    params: [seed, trian]\n"
    Path("dvc.yaml").write_text(text)
    wrong, close = re.search(r"names '(\w+)',.*did you mean '(\w+)'", refusal(check)).groups()
    Path("dvc.yaml").write_text(text.replace(wrong, close))
    check()


@pytest.mark.parametrize("name", ["My Model", "3-way", "class", "Ünder"])
def test_a_component_gets_a_name_as_the_message_says(name, project) -> None:
    message = refusal(skeletons.write_skeleton, "model", name)
    close = re.search(r"try '(\w+)'|as `(\w+)`", message)
    assert skeletons.write_skeleton("model", close[1] or close[2]).exists()


@pytest.mark.parametrize("kind", skeletons.SETTINGS)
def test_the_next_commands_of_a_skeleton_name_what_exists(kind, project, capsys) -> None:
    from foldline.core.params import Settings
    from foldline.core.params.loading import load_params

    Path("params.yaml").write_text(projects.PARAMS.read_text("utf-8"), "utf-8")
    skeletons.run(argparse.Namespace(kind=kind, name="own"))
    (settings,) = read_settings(capsys.readouterr().out)
    projects.set_params(Path("params.yaml"), settings)
    load_params(Settings)
    message = refusal(skeletons.write_skeleton, kind, "own")
    assert "choose another name, or remove it" in message
    Path("components/own.py").unlink()
    assert skeletons.write_skeleton(kind, "own").exists()


def test_a_wheel_on_a_line_of_its_own_is_ejected(project, monkeypatch) -> None:
    monkeypatch.setattr(ejection, "check_library", lambda root: None)
    wheel = "wheels/foldline-1-py3-none-any.whl"
    Path("dvc.yaml").write_text(f"stages:\n  prepare:\n    cmd: x\n    deps: [{wheel}]\n")
    message = refusal(ejection.run, argparse.Namespace())
    form = re.search(r"as `(\s+- wheels/)\.\.\.`, then run `foldline eject` again", message)
    assert "line 4" in message
    line = form[1].replace("wheels/", wheel)
    Path("dvc.yaml").write_text(f"stages:\n  prepare:\n    cmd: x\n    deps:\n{line}\n")
    ejection.run(argparse.Namespace())
    assert wheel not in Path("dvc.yaml").read_text()
    assert Path("foldline/__init__.py").exists()


def test_marks_are_removed_and_the_merge_ends(project, capsys) -> None:
    run_shell(
        project, "git switch -qc other && echo 'lr: 2' > own.yaml && git add . && git commit -qm a"
    )
    run_shell(
        project, "git switch -q - && echo 'lr: 3' > own.yaml && git add . && git commit -qm b"
    )
    run_shell(project, "git merge -q other || true")

    merge_conflicts.run(argparse.Namespace(take="ours"))

    shown = capsys.readouterr().out
    assert "yours to settle: own.yaml. In each, keep what is right between <<<<<<< and" in shown
    marks = re.findall(r"<{7}|={7}|>{7}", Path("own.yaml").read_text())
    assert len(marks) == 3
    Path("own.yaml").write_text("lr: 3\n")
    command = re.search(r"then `(git add)` it", shown)[1]
    run_shell(project, f"{command} own.yaml")
    run_shell(project, shown.splitlines()[-1])
    assert run_shell(project, "git status --porcelain --untracked-files=no") == ""
