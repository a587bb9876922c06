"""The diagnostic verbs as a user runs them: their page, their files, their exit codes."""

import json
from pathlib import Path

import pytest

from foldline.cli import main as run_verb
from tests.helpers import projects
from tests.helpers.pages import console_lines, run_lines
from tests.helpers.repositories import copy_project

VERBS = ["sanity", "overfit", "lr-find", "profile"]
LEARNS = {
    "model": "scratch",
    "lr": 3.0e-3,
    "epochs": 2,
    "scratch.width": 32,
    "scratch.vocabulary": 400,
}
PAGE = Path("docs/diagnostics.md")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Make a project up to augment, by task and params."""
    monkeypatch.chdir(tmp_path)

    def make(task: str = "classification", **changes: object) -> Path:
        projects.make(tmp_path, LEARNS | changes, task)
        rows = projects.ROWS[task](240)
        projects.write_csv(tmp_path / "data/raw/rows.csv", rows)
        projects.run("prepare", "split", "augment")
        return tmp_path

    return make


@pytest.mark.parametrize("verb", VERBS)
def test_without_tables_the_next_step_is_told(verb, tmp_path, monkeypatch, capsys):
    projects.make(tmp_path)
    monkeypatch.chdir(tmp_path)

    assert run_verb([verb]) == 1
    assert "run `dvc repro augment` first" in capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_says_what_it_does(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        run_verb([verb, "--help"])

    assert ended.value.code == 0
    assert f"reports/diagnostics/{verb}.json" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_a_model_without_steps_has_no_lr_but_is_timed(project, capsys):
    folder = project(model="tfidf")

    assert run_verb(["lr-find"]) == 1
    assert "model=tfidf has no `lr`" in capsys.readouterr().err
    assert run_verb(["profile"]) == 0
    found = json.loads((folder / "reports/diagnostics/profile.json").read_text("utf-8"))
    assert set(found["seconds"]) == {"fit", "prediction"}
    assert run_verb(["overfit"]) == 0


def test_a_model_that_reads_no_text_cannot_overfit(project, capsys):
    project(model="majority")

    assert run_verb(["overfit"]) == 1
    assert "there is nothing to overfit" in capsys.readouterr().err


@pytest.mark.slow
def test_what_is_wrong_ends_with_code_1_and_stands_in_the_file(project, capsys):
    folder = project(lr=1e-9)

    assert run_verb(["overfit"]) == 1
    found = json.loads((folder / "reports/diagnostics/overfit.json").read_text("utf-8"))
    assert found["verdict"] == "wrong"
    assert len(found["losses"]) == 600
    assert "-> run `foldline sanity` first" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("task", list(projects.ROWS))
def test_every_verb_serves_every_task(task, project):
    folder = project(task)

    for verb in VERBS:
        assert run_verb([verb]) == 0, verb
        found = json.loads((folder / f"reports/diagnostics/{verb}.json").read_text("utf-8"))
        assert found["verdict"] in ("ok", "look at")
        assert (folder / f"reports/diagnostics/{verb}.svg").exists()
    assert sum(found["seconds"].values()) > 0
    assert 0 < found["operations_per_second"] < found["peak_operations_per_second"]


@pytest.mark.slow
def test_the_same_rows_give_the_same_verdicts_to_the_byte(project):
    folder = project()
    file = folder / "reports/diagnostics"

    seen = []
    for _ in range(2):
        for verb in ("sanity", "lr-find"):
            run_verb([verb])
        seen.append([(file / name).read_bytes() for name in ("sanity.json", "lr-find.svg")])
    assert seen[0] == seen[1]


@pytest.mark.slow
def test_the_commands_of_the_page_run(tmp_path):
    folder = tmp_path / "project"
    copy_project(folder, LEARNS)
    lines = console_lines(PAGE)

    _, shown = run_lines(lines, folder)

    assert [line.split()[-1] for line in lines] == ["augment", *VERBS]
    for line, verb in zip(lines[1:], VERBS, strict=True):
        assert f"reports/diagnostics/{verb}.json" in shown[line]
