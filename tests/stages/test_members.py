"""The models of a run: members, folds and baselines, which are fitted, kept and left out."""

import json
import shutil
from pathlib import Path

import pytest

from foldline.core.io import schemas
from foldline.core.io.files import read_json
from foldline.ensembling.members import FULL, list_models
from foldline.models import registry
from tests.helpers import projects
from tests.helpers.stage_results import BASELINES, fingerprints, report


@pytest.mark.slow
def test_snapshots_and_soups_are_members(tmp_path, monkeypatch, tiny_bert):
    monkeypatch.chdir(tmp_path)
    tiny = {"model": "models/pretrained/bert", "max_length": 16}
    members = {
        "model": {},
        "snapshots": {"train.schedule": "cosine", "train.snapshots": 2, "epochs": 3},
        "soup": tiny | {"train.soup": 2},
    }
    projects.make(tmp_path, {"model": "scratch", "ensemble.members": members})
    shutil.copytree(tiny_bert, "models/pretrained/bert")
    projects.run()
    member = registry.load(list_models(FULL)["snapshots"][0])
    table = schemas.TEST.read()

    assert len(member.snapshots) == 2
    expected = (member.snapshots[0].predict(table) + member.snapshots[1].predict(table)) / 2
    assert member.predict(table) == pytest.approx(expected, abs=1e-9)
    assert set(schemas.OUT_OF_FOLD.read()["member"]) == set(members)
    projects.set_params(
        Path("params.yaml"), tiny | {"train.soup": 2, "ensemble.members": {"model": {}}}
    )
    projects.run("train")
    fitted = report("train")["fit"]
    assert fitted["soup_models"] == fitted["soup_0_entered"] + fitted["soup_1_entered"]
    assert fitted["soup_valid_loss"] <= fitted["soup_0_valid_loss"]


@pytest.mark.slow
def test_rules_and_entailment_are_baselines_where_params_name_them(project, tiny_nli):
    projects.set_params(
        Path("params.yaml"),
        {
            "model": "tfidf",
            "keywords.file": "data/raw/rules.yaml",
            "zero_shot.model": "models/pretrained/nli",
            "zero_shot.hypothesis": "about {label}",
            "max_length": 32,
        },
    )
    shutil.copytree(tiny_nli, "models/pretrained/nli")
    rules = "\n".join(f"{name}: [{words[0][:2]}]" for name, words in projects.SUBJECTS.items())
    Path("data/raw/rules.yaml").write_text(rules, encoding="utf-8")
    projects.run()
    found = json.loads(Path("reports/evaluation.json").read_text(encoding="utf-8"))["baselines"]

    assert list(found) == [
        "majority", "random", "uniform", "length", "decision-list", "keywords", "zero-shot",
        "tfidf", "oracle",
    ]  # fmt: skip
    assert found["keywords"]["f1_macro"] > found["majority"]["f1_macro"]


def test_baselines_are_fitted_once_for_experiments_with_the_same_rows(project, monkeypatch):
    projects.run("prepare", "split", "augment")
    fitted = []
    fit = registry.fit
    monkeypatch.setattr(registry, "fit", lambda job: (fitted.append(job.recipe.model), fit(job))[1])

    for model, expected in [
        ("gbdt", ["gbdt", "tfidf", *BASELINES[:-1]]),
        ("static", ["static"]),
    ]:
        projects.set_params(Path("params.yaml"), {"model": model})
        projects.run("train")
        assert fitted == expected
        fitted.clear()
    first = fingerprints(Path("models/baselines"))
    shutil.rmtree(Path(".foldline"))
    projects.run("train")
    assert fitted == ["static", "tfidf", *BASELINES[:-1]]
    assert fingerprints(Path("models/baselines")) == first


def test_a_model_that_is_its_own_baseline_is_kept_as_both(project):
    projects.run("prepare", "split", "augment", "train")

    own = fingerprints(Path("models/model"))
    assert own.pop("preprocessing.json")
    assert own == fingerprints(Path("models/baselines/tfidf"))
    assert set(schemas.VALID_PREDICTIONS.read()["member"]) == {"model"}


@pytest.mark.slow
def test_a_new_number_of_folds_leaves_no_old_fold(project):
    projects.run("prepare", "split", "augment", "train", "kfold")
    folder = Path("models/folds/model")
    assert sorted(p.name for p in folder.iterdir()) == ["0", "1", "2"]
    projects.set_params(Path("params.yaml"), {"kfold.n_splits": 2})
    projects.run("split", "kfold", "ensemble", "evaluate")

    assert sorted(p.name for p in folder.iterdir()) == ["0", "1"]
    assert set(schemas.OUT_OF_FOLD.read()["fold"]) == {0, 1}


@pytest.mark.slow
@pytest.mark.parametrize(("models", "full", "folds"), [("full", 2, 0), ("folds", 0, 6)])
def test_only_the_models_that_predict_are_kept(project, models, full, folds):
    projects.set_params(Path("params.yaml"), {"ensemble.models": models})
    projects.set_params(Path("params.yaml"), {"model": "length"})
    projects.run()

    assert len(list(Path("models/members").glob("*/*/foldline.json"))) == min(full, 1)
    assert len(list(Path("models/folds").glob("*/*/foldline.json"))) == folds
    assert Path("models/model/foldline.json").exists()
    assert set(report("evaluation")["members"]) == {"model", "tfidf"}


@pytest.mark.slow
def test_a_member_is_a_recipe_of_its_own(project):
    members = {"nbsvm": {"tfidf.head": "nbsvm"}, "length": {}, "same": {"tfidf.c": 4.0}}
    projects.set_params(Path("params.yaml"), {"ensemble.members": {"model": {}} | members})
    projects.run()

    names = ["model", "nbsvm", "length"]
    assert list(dict.fromkeys(schemas.OUT_OF_FOLD.read()["member"])) == names
    assert list(dict.fromkeys(schemas.VALID_PREDICTIONS.read()["member"])) == names
    assert list(report("evaluation")["members"]) == names
    kinds = [read_json(Path(f"models/members/{n}/0/foldline.json"))["kind"] for n in names[1:]]
    assert kinds == ["tfidf", "length"]


@pytest.mark.slow
def test_changed_weights_predict_nothing_again(project, monkeypatch):
    projects.run()
    monkeypatch.setattr("foldline.models.registry.load", lambda folder: pytest.fail("loaded"))
    projects.set_params(Path("params.yaml"), {"ensemble.method": "hard"})
    projects.run("ensemble", "evaluate", "predict")
