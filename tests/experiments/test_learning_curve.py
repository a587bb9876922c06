"""`foldline learning-curve` and `foldline plan` on a tiny project."""

import json
import re
from pathlib import Path

import pytest

from foldline.cli import main as run_verb
from foldline.core.io.threads import count_cores
from foldline.execution.tasks import Task
from foldline.experiments.fold_inputs import load_fold_inputs
from foldline.experiments.learning_curve import make_points
from foldline.experiments.task_costs import TaskCost, estimate_total
from tests.helpers import projects

REPORT, PLOT = Path("reports/learning_curve.json"), Path("reports/learning_curve.svg")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Make a project up to augment, by task and params."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)

    def make(task: str = "classification", **changes: object) -> Path:
        projects.make(tmp_path, {"runner.kind": "inline"} | changes, task)
        projects.write_csv(tmp_path / "data/raw/rows.csv", projects.ROWS[task](300))
        projects.run("prepare", "split", "augment")
        return tmp_path

    return make


def count_trainings(output: str) -> int:
    """Return how many trainings began, besides measurements of their cost."""
    return len(re.findall(r"^\d+ of \d+: \d+ rows", output, re.M))


def test_a_curve_is_trained_once_and_extended_by_new_sizes(project, capsys):
    project()
    command = ["learning-curve", "--seeds", "2", "--sizes"]

    assert run_verb([*command, "4"]) == 0
    output = capsys.readouterr().out
    first, plot = json.loads(REPORT.read_text("utf-8")), PLOT.read_text("utf-8")
    assert count_trainings(output) == 8
    assert "8 trainings, 0 in the store: about" in output
    assert "twice the rows" in output
    assert [len(size["scores"]) for size in first["sizes"]] == [2] * 4
    assert first["forecast"]["rows"] == pytest.approx(2 * first["sizes"][-1]["rows"][0])
    assert "forecast for twice the rows" in plot

    assert run_verb([*command, "4"]) == 0
    output = capsys.readouterr().out
    assert count_trainings(output) == 0
    assert "8 trainings, 8 in the store\n" in output
    assert json.loads(REPORT.read_text("utf-8")) == first
    assert PLOT.read_text("utf-8") == plot

    assert run_verb([*command, "5"]) == 0
    assert count_trainings(capsys.readouterr().out) == 2
    assert (
        json.loads(REPORT.read_text("utf-8"))["sizes"][-1]["scores"]
        == (first["sizes"][-1]["scores"])
    )


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_other_tasks_and_metrics_have_curves(task, project, capsys):
    project(task)
    metric = {"multilabel": "log_loss", "regression": "rmse"}[task]

    assert run_verb(["learning-curve", "--seeds=1", "--sizes=4", "--metric", metric]) == 0
    assert f"{metric} of " in capsys.readouterr().out
    report = json.loads(REPORT.read_text("utf-8"))
    assert report["law"]["b"] <= 0  # a loss falls
    assert any("one seed" in note for note in report["notes"])


def test_the_training_on_all_rows_is_that_of_kfold(project):
    project()
    inputs = load_fold_inputs()
    points = make_points(inputs, 4, 2)

    assert points[-2].fold.key == inputs.make_folds()[0].key
    assert points[-1].fold.key != points[-2].fold.key
    held_out = [set(point.fold.held_out["id"]) for point in points]
    assert all(ids == held_out[0] for ids in held_out)
    for point in points:
        learnt = point.fold.rows[point.fold.rows["fold"] != 0]
        assert len(learnt) == point.size
        assert not set(learnt["group"]) & set(point.fold.held_out["group"])


def test_official_validation_rows_are_predicted(project, tmp_path):
    projects.write_csv(
        tmp_path / "data/raw/valid.csv",
        [row | {"id": f"v{row['id']}", "text": f"{row['text']} x"} for row in projects.topics(45)],
    )
    project(**{"data.valid": "data/raw/valid.csv"})
    inputs = load_fold_inputs()

    held_out = make_points(inputs, 4, 1)[0].fold.held_out
    assert set(held_out["id"]) <= set(inputs.valid["id"])
    assert len(held_out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sizes", "3"], "--sizes must be at least 4 (found 3)"),
        (["--seeds", "0"], "--seeds must be at least 1 (found 0)"),
        (["--metric", "f1_marco"], "f1_macro"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(options, message, project, capsys):
    project()

    assert run_verb(["learning-curve", *options]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["learning-curve", "plan"])
def test_without_tables_the_next_step_is_told(verb, tmp_path, monkeypatch, capsys):
    projects.make(tmp_path)
    monkeypatch.chdir(tmp_path)

    assert run_verb([verb]) == 1
    assert "run `dvc repro augment` first" in capsys.readouterr().err


def test_a_plan_counts_what_is_in_the_store(project, capsys):
    folder = project()
    projects.run("kfold")
    capsys.readouterr()

    assert run_verb(["plan"]) == 0
    lines = capsys.readouterr().out.splitlines()
    stages = json.loads((folder / "reports/plan.json").read_text("utf-8"))["stages"]
    assert stages["kfold"]["trainings"] == stages["kfold"]["stored"] == 3
    assert stages["kfold"]["seconds"] == 0
    assert stages["train"]["stored"] == 0
    assert stages["train"]["seconds"] > 0
    # The first seed's largest subset is the first fold.
    assert stages["learning-curve"]["trainings"] == 18
    assert stages["learning-curve"]["stored"] == 1
    assert any(re.match(r"kfold +3 trainings, 3 in the store$", line) for line in lines)
    assert not list(folder.glob(".foldline/results/*/cost.json"))


def test_times_add_up_by_worker(runner):
    def cost(name: str, seconds: float, stored: bool = False) -> TaskCost:
        return TaskCost(Task(name, name, print, ()), stored, seconds, 0.1, 1.0)

    costs = [cost(str(number), 10.0) for number in range(5)] + [cost("known", 9.0, stored=True)]
    inline, two = runner(kind="inline"), runner(kind="local", jobs=2)

    assert estimate_total(costs, inline) == 51.0
    # Three of five on one worker; with fewer cores than workers, their time is shared.
    assert estimate_total(costs, two) == 1 + max(30.0, 50.0 / count_cores())
    assert estimate_total([costs[0], costs[0]], two) == 11.0


@pytest.mark.slow
def test_a_transformer_is_measured_by_a_few_steps(project):
    folder = project(model="scratch", epochs=40)

    assert run_verb(["plan"]) == 0
    plan = json.loads((folder / "reports/plan.json").read_text("utf-8"))
    assert plan["recipes"]["kfold: model, fold 1"]["seconds"] > 0
