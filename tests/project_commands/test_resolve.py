"""`foldline resolve`: merge conflicts in what runs write end with the commands it prints."""

import argparse

import pytest

from foldline.project import merge_conflicts
from tests.helpers.git_projects import commit, git, make_repository, run_shell

FILES = {
    "dvc.lock": "a: 0\n",
    "metrics/train.json": "{}\n",
    "reports/plots/history.csv": "0\n",
    "models/ensemble.json": "{}\n",
    "params.yaml": "lr: 1\n",
    "data/raw/x.csv.dvc": "md5: 0\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_repository(tmp_path, FILES)


def merge(project, ours: dict[str, str | None], theirs: dict[str, str | None]) -> None:
    """Change files on two branches, None removes one, and merge."""
    git(project, "switch", "-q", "-c", "other")
    for files, branch in ((theirs, "main"), (ours, None)):
        for name in [name for name, text in files.items() if text is None]:
            (project / name).unlink()
        commit(project, {name: text for name, text in files.items() if text is not None})
        if branch:
            git(project, "switch", "-q", branch)
    git(project, "merge", "-q", "other", code=None)


def resolve(take: str = "ours") -> None:
    merge_conflicts.run(argparse.Namespace(take=take))


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_one_side_is_taken_of_all_that_runs_write(project, capsys, take):
    names = [name for name in FILES if not name.endswith((".yaml", ".dvc"))]
    merge(project, {name: "ours\n" for name in names}, {name: "theirs\n" for name in names})

    resolve(take)

    assert {(project / name).read_text() for name in names} == {f"{take}\n"}
    shown = capsys.readouterr().out
    assert f"took {take} of 4 files" in shown
    assert ("dvc checkout" in shown) == (take == "theirs")
    commands = [line for line in shown.splitlines() if line.startswith("  git ")]
    run_shell(project, " && ".join(commands))
    assert git(project, "status", "--porcelain") == ""
    assert len(git(project, "log", "-1", "--format=%P").split()) == 2


def test_files_of_ones_own_are_left_with_advice(project, capsys):
    changes = {"params.yaml": "lr: {}\n", "dvc.lock": "a: {}\n", "data/raw/x.csv.dvc": "md5: {}\n"}
    sides = [{name: text.format(n) for name, text in changes.items()} for n in (2, 3)]
    merge(project, *sides)

    resolve()

    shown = capsys.readouterr().out
    assert "yours to settle: data/raw/x.csv.dvc, params.yaml" in shown
    assert "git checkout --ours data/raw/x.csv.dvc" in shown
    assert "foldline check" in shown
    assert "<<<<<<<" in (project / "params.yaml").read_text()
    assert (project / "dvc.lock").read_text() == "a: 2\n"


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_a_file_that_one_side_removed(project, take):
    merge(project, {"metrics/train.json": None}, {"metrics/train.json": "{1}\n"})

    resolve(take)

    assert (project / "metrics/train.json").exists() == (take == "theirs")
    assert merge_conflicts.unmerged_files() == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("rebase other", "git rebase --continue"),
        ("cherry-pick other", "git cherry-pick --continue"),
    ],
)
def test_the_command_that_goes_on_fits(project, capsys, command, told):
    git(project, "switch", "-q", "-c", "other")
    commit(project, {"dvc.lock": "a: 1\n"})
    git(project, "switch", "-q", "main")
    commit(project, {"dvc.lock": "a: 2\n"})
    git(project, *command.split(), code=None)

    resolve()

    assert f"  {told}\n" in capsys.readouterr().out


def test_without_conflicts_nothing_is_done(project, capsys):
    resolve()

    assert capsys.readouterr().out == "no merge conflict found\n"


def test_the_shipped_attributes_leave_no_marks_and_merge_no_lines(project):
    """Lines of two runs, merged without a conflict, would record a run that never was."""
    attributes = "dvc.lock -merge\nmetrics/** -merge\n"
    lines = [f"k{n}: 0\n" for n in range(20)]
    commit(project, {".gitattributes": attributes, "dvc.lock": "".join(lines)})
    ours = "".join(["k0: 1\n", *lines[1:]])
    merge(project, {"dvc.lock": ours}, {"dvc.lock": "".join([*lines[:-1], "k19: 1\n"])})

    assert merge_conflicts.unmerged_files() == ["dvc.lock"]
    assert (project / "dvc.lock").read_text() == ours
