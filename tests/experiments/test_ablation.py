"""Ablation: each way of balancing against none, on the same rows, with its uncertainty."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from foldline.cli import main as run_verb
from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.core.params import Settings
from foldline.core.params.loading import load_params
from foldline.experiments import ablation, runs
from foldline.metrics.intervals import Difference
from foldline.verbs import VERBS
from tests.helpers import projects
from tests.helpers.component_files import write_skeleton
from tests.helpers.repositories import call, copy_project

LABELS = Labels("classification", ("a", "b"))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    projects.make(tmp_path, {})
    monkeypatch.chdir(tmp_path)
    return load_params(Settings)


def predictions(right: int, n: int = 200) -> pd.DataFrame:
    """Predict two classes; the first rows are right, the others wrong."""
    label = np.array(["a", "b"])[np.arange(n) % 2]
    sure = np.where(np.arange(n) < right, 0.9, 0.1)
    a = np.where(label == "a", sure, 1 - sure)
    ids = [f"r{i}" for i in range(n)]
    return pd.DataFrame({"id": ids, "group": ids, "label": label, "p_a": a, "p_b": 1 - a})


def test_a_method_is_compared_on_the_same_rows_whatever_their_order(settings):
    better = predictions(180).iloc[::-1]
    found = ablation.compare_methods(
        {"none": predictions(100), "more": better, "same": predictions(100)},
        LABELS,
        settings,
        {"none": "x", "more": "y", "same": "z"},
    )
    rows = {row["method"]: row for row in found}

    assert rows["none"]["score"] == pytest.approx(0.5, abs=0.01)
    assert rows["more"]["difference"] == pytest.approx(0.4, abs=0.01)
    assert 0.3 < rows["more"]["low"] < rows["more"]["difference"] < rows["more"]["high"] < 0.5
    assert (rows["more"]["verdict"], rows["same"]["verdict"]) == ("better", "changed nothing")
    assert rows["same"]["difference"] == rows["same"]["low"] == 0


def test_other_rows_are_refused(settings):
    with pytest.raises(FoldlineError, match="not run on the same rows"):
        ablation.compare_methods(
            {"none": predictions(9), "x": predictions(9, 100)},
            LABELS,
            settings,
            {"none": "n", "x": "x"},
        )


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.01, 0.1, "better"), (-0.1, -0.01, "worse"), (-0.1, 0.1, "not distinguishable")],
)
def test_a_verdict_needs_an_interval_on_one_side(low, high, said):
    assert ablation.judge_difference(Difference(0.0, low, high)) == said


def test_without_names_all_that_need_nothing_are_tried_and_each_alone(settings):
    tried = {trial.name: trial.changes for trial in ablation.list_trials(settings, [])}

    assert tried["none"] == ("augment.method=none", "augment.undersample.method=none")
    assert tried["aeda"] == ("augment.method=aeda", "augment.undersample.method=none")
    assert tried["tomek"] == ("augment.method=none", "augment.undersample.method=tomek")
    assert not {"llm", "backtranslation", "pairswap", "mix"} & set(tried)


def test_a_misspelt_method_is_reported(settings):
    with pytest.raises(FoldlineError, match="did you mean 'tomek'"):
        ablation.list_trials(settings, ["tomec"])


def test_an_augmenter_from_components_is_tried(settings, workplace):
    write_skeleton("augmenter", "own")
    (_, own) = ablation.list_trials(settings, ["components.own"])

    assert own.changes == ("augment.method=components.own", "augment.undersample.method=none")
    with pytest.raises(FoldlineError, match=r"there is no components/onw.py"):
        ablation.list_trials(settings, ["components.onw"])


def test_verbs_are_listed_and_a_misspelt_one_is_reported(capsys):
    with pytest.raises(SystemExit) as ended:
        run_verb([])
    assert ended.value.code == 0
    listed = capsys.readouterr().out
    assert all(verb in listed for verb in VERBS)
    assert run_verb(["veiw"]) == 1
    assert "did you mean 'view'" in capsys.readouterr().err


def test_changed_data_makes_new_experiments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call(tmp_path, "git", "init", "-q")
    (tmp_path / ".gitignore").write_text("data/raw/rows.csv\n")
    rows = tmp_path / "data/raw/rows.csv"
    rows.parent.mkdir(parents=True)
    rows.write_text("a")
    call(tmp_path, "git", "add", "-A")
    call(tmp_path, "git", "commit", "-qm", "start")
    before = runs.hash_workspace()
    assert runs.hash_workspace() == before

    rows.write_text("b")  # kept by DVC, so that git sees no change

    assert runs.hash_workspace() != before


@pytest.mark.slow
def test_one_command_runs_compares_and_is_not_run_twice(tmp_path):
    folder = tmp_path / "project"
    copy_project(folder, {"model": "tfidf"})
    command = (sys.executable, "-m", "foldline", "ablate", "aeda")

    said = call(folder, *command)
    again = call(folder, *command)
    found = json.loads((folder / "reports/ablation.json").read_text(encoding="utf-8"))

    assert [row["method"] for row in found["methods"]] == ["none", "aeda"]
    assert all(row["low"] <= row["difference"] <= row["high"] for row in found["methods"][1:])
    assert found["failed"] == {}
    assert "out-of-fold f1_macro; difference to none [95% interval]" in said
    assert again.splitlines()[-4:] == said.splitlines()[-4:]
    listed = call(folder, "dvc", "exp", "list", "--name-only").split()
    assert sorted(name.split("-")[1] for name in listed) == ["aeda", "none"]
    assert call(folder, "git", "status", "--short").split() == ["??", "reports/ablation.json"]
