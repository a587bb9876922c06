"""Stages of a tiny project with a component of each kind."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.ensembling import members
from foldline.ensembling.folds import Fold
from foldline.models import registry
from tests.helpers import projects
from tests.helpers.component_files import write_component, write_skeleton

CLEANER = """
    def clean(text, word="cleaned"):
        return f"{word} {text.removeprefix(word)}"
"""


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_a_chain_with_a_model_augmenter_metric_and_cleaner(task, workplace):
    for kind in ("model", "augmenter", "metric"):
        write_skeleton(kind, f"own_{kind}", task)
    write_component("own_cleaner", CLEANER)
    changes = {
        "model": "components.own_model",
        "augment.method": "components.own_augmenter",
        "augment.strategy": "n_per_row",
        "evaluate.metric": "components.own_metric",
        "prepare.clean": "components.own_cleaner",
        "components": {"own_model": {"alpha": 2.0}, "own_cleaner": {"word": "text"}},
    }
    projects.make(workplace, changes, task)
    projects.run()

    prepared = pd.read_csv("data/prepared.csv")
    assert prepared["text"].str.startswith("text ").all()
    copies = pd.read_csv("data/train_augmented.csv")
    assert set(copies["method"]) == {"original", "components.own_augmenter"}
    report = json.loads(Path("reports/evaluation.json").read_text(encoding="utf-8"))
    value = report["test"]["components.own_metric"]
    interval = report["interval"]["components.own_metric"]
    assert 0 <= interval["low"] <= value <= interval["high"] <= 1
    assert "components.own_metric" in report["baselines"]["majority"]
    assert report["test"].keys() > {"components.own_metric"}
    card = json.loads(Path("models/model/foldline.json").read_text(encoding="utf-8"))
    assert card["kind"] == "components.own_model"
    assert (Path("models/folds/model/0") / "pipeline.joblib").exists()
    assert registry.load(Path("models/model")).model.pipeline[1].alpha == 2.0


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_a_transformer_is_trained_by_an_own_loss(task, workplace):
    write_skeleton("loss", "own", task)
    changes = {"model": "scratch", "train.loss": "components.own"}
    projects.make(workplace, changes, task)
    projects.run("prepare", "split", "augment", "train")
    first = json.loads(Path("reports/train.json").read_text(encoding="utf-8"))
    option = {"classification": "epsilon", "multilabel": "present", "regression": "scale"}[task]
    projects.make(workplace, changes | {"components": {"own": {option: 5.0}}}, task)
    projects.run("train")
    second = json.loads(Path("reports/train.json").read_text(encoding="utf-8"))

    assert first["fit"] != second["fit"]


@pytest.mark.parametrize("use", ["model", "train.loss", "augment.method"])
def test_a_fold_is_fitted_anew_when_a_component_changes(
    use, workplace, rows, recipe, labels, augment
):
    kinds = {"model": "model", "train.loss": "loss", "augment.method": "augmenter"}
    path = write_skeleton(kinds[use], "own")
    own = recipe({use: "components.own"} if use != "augment.method" else {})
    copies = augment(method="components.own" if use == "augment.method" else "swap")

    def key() -> str:
        table = rows().assign(fold=0)
        return Fold("model", 0, table, labels("classification"), own, copies, 0.25).key

    first = key()
    assert key() == first
    path.write_text(path.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    assert key() != first


def test_predictions_are_made_anew_when_the_models_component_changes(workplace, rows):
    path = write_skeleton("model", "own")
    projects.make(workplace, {"model": "components.own"})
    projects.run("prepare", "split", "augment", "train")
    first = members.predict_member([members.MODEL], rows())
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("dtype=np.float64)", "dtype=np.float64)[:, ::-1]"), "utf-8")

    np.testing.assert_allclose(members.predict_member([members.MODEL], rows()), first[:, ::-1])


@pytest.mark.slow
def test_folds_in_other_processes_use_the_components(workplace):
    for kind in ("model", "augmenter"):
        write_skeleton(kind, f"own_{kind}")
    found = []
    for jobs in (1, 2):
        changes = {
            "model": "components.own_model",
            "augment.method": "components.own_augmenter",
            "augment.strategy": "n_per_row",
            "runner.jobs": jobs,
        }
        projects.make(workplace, changes)
        projects.run("prepare", "split", "augment", "kfold")
        found.append(Path("data/predictions/out_of_fold.csv").read_bytes())

    assert found[0] == found[1]


def test_two_metrics_are_printed(workplace, capsys):
    for name in ("one", "two"):
        write_skeleton("metric", name)
    both = ["components.one", "components.two"]
    projects.make(workplace, {"evaluate.metric": both, "model": "majority"})
    projects.run()

    printed = capsys.readouterr().out
    assert all(f"{name}  " in printed for name in both)


@pytest.mark.parametrize(
    ("key", "source", "stages", "message"),
    [
        (
            "prepare.clean",
            "def clean(text):\n    return [text]\n",
            ["prepare"],
            "`clean` of components/own.py returned list; it must return the cleaned text, a str",
        ),
        (
            "prepare.clean",
            "def clean(text):\n    return text[1000]\n",
            ["prepare"],
            "components/own.py, line 2: IndexError: string index out of range",
        ),
        (
            "augment.method",
            "def augment(batch):\n    return batch.texts[1:]\n",
            ["prepare", "split", "augment"],
            "`augment` of components/own.py returned .* texts; it must return a list of",
        ),
        (
            "train.loss",
            "def loss(logits, target):\n    return logits.mean()\n",
            ["prepare", "split", "augment", "train"],
            "`loss` of components/own.py returned .*; it must return a tensor of shape",
        ),
        (
            "model",
            "def fit(job):\n    return None\ndef load(folder, labels): ...\n",
            ["prepare", "split", "augment", "train"],
            "`fit` of components/own.py returned NoneType; it must return",
        ),
    ],
)
def test_a_wrong_result_is_refused_at_first_use(key, source, stages, message, workplace):
    write_component("own", source)
    changes = {"model": "scratch", "augment.strategy": "n_per_row", key: "components.own"}
    projects.make(workplace, changes)

    with pytest.raises(FoldlineError, match=message):
        projects.run(*stages)


def test_a_model_with_predictions_of_a_wrong_shape_is_refused(workplace):
    path = write_skeleton("model", "own")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("dtype=np.float64)", "dtype=np.float64)[:, :1]"), "utf-8")
    projects.make(workplace, {"model": "components.own"})

    with pytest.raises(FoldlineError, match=r"returned an array of shape \(.*, 1\); it must"):
        projects.run("prepare", "split", "augment", "train")


def test_the_example_works_in_the_first_stage(workplace):
    root = Path(__file__).resolve().parents[2]
    write_component(
        "example_cleaner", (root / "components/example_cleaner.py").read_text(encoding="utf-8")
    )
    projects.make(workplace, {"prepare.clean": "components.example_cleaner"})
    rows = projects.topics()
    rows[0]["text"] = "see https://a.b/c?d=1 by @someone, me@b.c"
    projects.write_csv(Path("data/raw/rows.csv"), rows)
    projects.run("prepare")

    table = pd.read_csv("data/prepared.csv").set_index("id")
    assert table.loc["r0", "text"] == "see [url] by [user], me@b.c"
    originals = pd.read_csv("data/originals.csv").set_index("id")
    assert originals.loc["r0", "text"].startswith("see https://")
