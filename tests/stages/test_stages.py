"""Each stage and their chain, on tiny data, in the process."""

import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import read_json
from foldline.core.io.labels import MAIN, Labels
from foldline.ensembling.members import FULL, list_models
from foldline.experiments.compare import read_version
from foldline.metrics.registry import measure
from foldline.models import registry
from tests.helpers import projects
from tests.helpers.git_projects import git
from tests.helpers.marks import mark_slow_except

BASELINES = ["majority", "random", "uniform", "length", "decision-list", "tfidf"]
UNSTABLE = {"reports/environment.json", "reports/training_speed.csv"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    projects.make(tmp_path)
    return tmp_path


def metrics(stage: str):
    return json.loads(Path(f"metrics/{stage}.json").read_text(encoding="utf-8"))


def report(stage: str):
    return json.loads(Path(f"reports/{stage}.json").read_text(encoding="utf-8"))


def leaves(content, name=""):
    if isinstance(content, dict):
        return [leaf for key, value in content.items() for leaf in leaves(value, f"{name}.{key}")]
    return [(name, content)]


def fingerprints(folder: Path) -> dict[str, str]:
    """Hash what stages made."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name.startswith((".foldline", "data/raw")) or name in UNSTABLE:
            continue
        found[name] = str(hash(path.read_bytes()))
    return found


CHAINS = [
    ("classification", "scratch"),
    ("classification", "tfidf"),
    ("multilabel", "tfidf"),
    ("multilabel", "scratch"),
    ("regression", "majority"),
    ("regression", "scratch"),
]
FAST = CHAINS[:1]


@pytest.mark.parametrize(("task", "model"), mark_slow_except(CHAINS, FAST))
def test_the_chain_runs_and_keeps_the_rows(tmp_path, monkeypatch, task, model):
    monkeypatch.chdir(tmp_path)
    projects.make(tmp_path, {"model": model}, task)
    projects.run()
    rows = {
        part: table.read()
        for part, table in (
            ("train", schemas.TRAIN),
            ("valid", schemas.VALID),
            ("test", schemas.TEST),
        )
    }
    held = schemas.OUT_OF_FOLD.read()
    own = held[held["member"] == "model"]

    assert {part: len(table) for part, table in rows.items()} == {
        "train": 36,
        "valid": 12,
        "test": 12,
    }
    assert sorted(own["id"]) == sorted([*rows["train"]["id"], *rows["valid"]["id"]])
    assert schemas.TEST_PREDICTIONS.read()["id"].tolist() == rows["test"]["id"].tolist()
    main = "pearson" if task == "regression" else "f1_macro"
    if model == "tfidf":
        assert metrics("evaluate")["test"][main] > 0.6
    undefined = task == "regression" and model == "majority"  # a constant correlates with nothing
    for stage in projects.CHAIN:
        shown = leaves(metrics(stage))
        assert (stage == "kfold" and undefined) or 1 <= len(shown) <= 14, (
            f"{stage}: each number is a column of `dvc exp show`"
        )
        assert all(isinstance(v, (int, float)) and math.isfinite(v) for _, v in shown)


@pytest.mark.slow
def test_pretraining_reads_new_texts_and_no_others(tmp_path, monkeypatch):
    """Those of the file to predict, but for one that stands in a row; of it all is trained anew."""
    monkeypatch.chdir(tmp_path)
    projects.make(
        tmp_path,
        {"model": "scratch", "pretrain.epochs": 1, "pretrain.max_length": 16, "train.lora": 2},
    )
    new = [{"id": f"u{n}", "text": f"unseen words {n}"} for n in range(5)]
    new.append({"id": "u5", "text": projects.topics(1)[0]["text"]})
    projects.write_csv(Path("data/raw/new.csv"), new)
    projects.set_params(Path("params.yaml"), {"data.predict": "data/raw/new.csv"})
    projects.run("prepare", "split", "augment", "train", "kfold")
    folds = json.loads(Path("reports/folds.json").read_text(encoding="utf-8"))["folds"]
    steps = [row["pretrain_steps"] for row in folds if row["member"] == "model"]

    assert schemas.PRETRAINING_TEXTS.read()["id"].tolist() == ["u0", "u1", "u2", "u3", "u4"]
    assert report("train")["fit"]["pretrain_steps"] == 5  # 36 + 5 texts, less 2 held, by 8
    assert len(steps) == 3
    assert all(4 <= count <= 5 for count in steps)
    assert len(leaves(metrics("train"))) <= 7


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


@pytest.mark.slow
def test_evaluation_has_the_names_that_others_read(project):
    projects.run()
    details = json.loads(Path("reports/evaluation.json").read_text(encoding="utf-8"))
    shown = metrics("evaluate")["test"]

    assert set(shown) == {
        "accuracy",
        "f1_macro",
        "f1_weighted",
        "roc_auc",
        "auprc",
        "ece",
        "low",
        "high",
    }
    assert details["test"]["f1_macro"] == shown["f1_macro"]
    assert set(details["baselines"]) == {*BASELINES, "oracle"}
    assert set(details["members"]) == {"model"}
    assert set(details["interval"]["f1_macro"]) == {"low", "high"}
    assert [row["class"] for row in details["classes"]] == sorted(projects.SUBJECTS)
    assert shown["low"] <= shown["f1_macro"] <= shown["high"]


@pytest.mark.slow
def test_a_closed_test_set_is_read_by_nobody_until_it_is_opened(project):
    projects.set_params(Path("params.yaml"), {"model": "tfidf", "evaluate.test": "on_request"})
    projects.run("prepare", "split", "augment", "train", "kfold", "ensemble")
    hidden = {path: path.read_bytes() for path in map(Path, ["data/test.csv", "data/prepared.csv"])}
    ids = schemas.TEST.read()["id"].tolist()
    Path("data/prepared.csv").unlink()
    Path("data/test.csv").write_text("\n".join(["id", *ids, ""]), encoding="utf-8")
    git(project, "init", "-q")
    projects.run("evaluate")

    assert report("evaluation")["judged"] == "out_of_fold"
    assert report("evaluation")["errors"]["highest_loss"]
    assert "test" not in metrics("evaluate")
    assert report("comparison")["test_use"]["openings"] == 0
    read = ("workspace", schemas.TEST_PREDICTIONS, Labels.load())
    with pytest.raises(FoldlineError, match=r"closed .* -S evaluate.test=always` opens it"):
        read_version(*read, pd.DataFrame({"id": ids}))
    for path, content in hidden.items():
        path.write_bytes(content)
    projects.set_params(Path("params.yaml"), {"evaluate.test": "always"})
    projects.run("evaluate")
    assert report("evaluation")["judged"] == "test"
    assert report("comparison")["test_use"]["openings"] == 1
    assert read_version(*read, schemas.TEST.read())["id"].tolist() == ids


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(tmp_path, monkeypatch):
    found = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        projects.make(tmp_path / name, {"model": "scratch", "augment.method": "aeda"})
        projects.run()
        found.append(fingerprints(tmp_path / name))

    assert found[0] == found[1]
    assert len(found[0]) > 40


@pytest.mark.slow
def test_one_and_two_workers_give_the_same_bytes(tmp_path, monkeypatch):
    found = []
    for jobs in (1, 2):
        folder = tmp_path / str(jobs)
        folder.mkdir()
        monkeypatch.chdir(folder)
        projects.make(folder, {"model": "scratch", "runner.jobs": jobs})
        projects.run("prepare", "split", "augment", "kfold")
        made = fingerprints(folder)
        del made["params.yaml"]
        found.append(made)

    assert found[0] == found[1]


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


def test_nothing_before_evaluate_needs_the_test_set(project):
    projects.run("prepare", "split")
    Path("data/test.csv").unlink()
    Path("data/prepared.csv").unlink()
    projects.run("augment", "train", "kfold", "ensemble", "predict")

    with pytest.raises(FoldlineError, match=r"test\.csv is missing: run `dvc repro`"):
        projects.run("evaluate")


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


WITHOUT_TEST = [
    ("classification", [0.7, 0.3, 0.0], "tfidf"),
    ("classification", [1, 0, 0], "tfidf"),
    ("classification", [1, 0, 0], "gbdt"),
    ("multilabel", [1, 0, 0], "tfidf"),
    ("regression", [1, 0, 0], "tfidf"),
    ("regression", [1, 0, 0], "scratch"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "ratios", "model"), WITHOUT_TEST)
def test_without_test_rows_the_score_is_out_of_fold(tmp_path, monkeypatch, task, ratios, model):
    monkeypatch.chdir(tmp_path)
    projects.make(tmp_path, {"split.ratios": ratios, "model": model}, task)
    projects.run()

    assert set(metrics("evaluate")) == {"out_of_fold"}
    scores = metrics("evaluate")["out_of_fold"]
    main = MAIN[task]
    assert scores["low"] <= scores[main] <= scores["high"]
    report = json.loads(Path("reports/evaluation.json").read_text(encoding="utf-8"))
    assert report["judged"] == "out_of_fold"
    assert ("valid" in report) == (ratios[1] > 0)
    assert "test" not in report
    assert len(schemas.TEST_PREDICTIONS.read()) == 0
    rows = len(schemas.PREPARED.read())
    assert len(schemas.TRAIN.read()) + len(schemas.VALID.read()) == rows
    held, labels = schemas.OUT_OF_FOLD.read(), Labels.load()
    assert held["id"].nunique() == rows
    # One member: its out-of-fold predictions are the final ones, weights aside.
    own = held[held["member"] == "model"]
    values = measure(task, labels.encode(own["label"]), labels.predictions(own))
    assert report["members"]["model"][main] == pytest.approx(values[main])


def test_official_files_stay_as_they_are(project):
    rows = projects.topics(90)
    projects.write_csv(Path("data/raw/rows.csv"), rows[:60])
    projects.write_csv(Path("data/raw/test.csv"), rows[60:])
    projects.set_params(Path("params.yaml"), {"data.test": "data/raw/test.csv"})
    projects.run("prepare", "split")

    assert schemas.TEST.read()["id"].tolist() == [row["id"] for row in rows[60:]]
    assert len(schemas.TRAIN.read()) + len(schemas.VALID.read()) == 60


@pytest.mark.slow
def test_submission_has_the_ids_and_the_order_of_the_input(project):
    unlabelled = [{"id": f"u{n}", "text": row["text"]} for n, row in enumerate(projects.topics(20))]
    unlabelled[3]["text"] = ""
    projects.write_csv(Path("data/raw/new.csv"), unlabelled[::-1])
    sample = [{"ID": f"u{n}", "target": "economy"} for n in range(20)]
    projects.write_csv(Path("data/raw/sample.csv"), sample)
    projects.set_params(Path("params.yaml"), {"data.predict": "data/raw/new.csv"})
    projects.run()
    plain = pd.read_csv("data/predictions/submission.csv")
    projects.set_params(Path("params.yaml"), {"predict.sample_submission": "data/raw/sample.csv"})
    projects.run("predict")
    sampled = pd.read_csv("data/predictions/submission.csv")

    assert list(plain.columns) == ["id", "label"]
    assert plain["id"].tolist() == [f"u{n}" for n in reversed(range(20))]
    assert list(sampled.columns) == ["ID", "target"]
    assert sampled["ID"].tolist() == [f"u{n}" for n in range(20)]
    assert dict(zip(plain["id"], plain["label"], strict=True)) == dict(
        zip(sampled["ID"], sampled["target"], strict=True)
    )


@pytest.mark.slow
def test_a_sample_of_another_competition_is_refused(project):
    projects.write_csv(Path("data/raw/new.csv"), [{"id": "u1", "text": "은행 금리"}])
    projects.write_csv(Path("data/raw/sample.csv"), [{"ID": "x1", "target": "economy"}])
    projects.set_params(
        Path("params.yaml"),
        {"data.predict": "data/raw/new.csv", "predict.sample_submission": "data/raw/sample.csv"},
    )

    with pytest.raises(FoldlineError, match=r"only in the sample: x1; only in data\.predict: u1"):
        projects.run()


@pytest.mark.slow
def test_changed_weights_predict_nothing_again(project, monkeypatch):
    projects.run()
    monkeypatch.setattr("foldline.models.registry.load", lambda folder: pytest.fail("loaded"))
    projects.set_params(Path("params.yaml"), {"ensemble.method": "hard"})
    projects.run("ensemble", "evaluate", "predict")


@pytest.mark.slow
def test_official_files_that_share_rows_run_through_once_mended(tmp_path, monkeypatch):
    """Rows of valid that stand in test are in no fold, and are not judged."""
    rows = projects.topics(120)
    parts = {"train": rows[:60], "valid": rows[60:90], "test": rows[90:]}
    parts["valid"][0] |= {"text": parts["test"][0]["text"]}
    parts["train"][0] |= {"text": parts["test"][1]["text"]}
    official = {f"data.{part}": f"data/raw/{part}.csv" for part in parts}
    monkeypatch.chdir(tmp_path)
    projects.make(tmp_path, official | {"split.drop_from_train": True})
    for part, own in parts.items():
        projects.write_csv(Path(f"data/raw/{part}.csv"), own)
    projects.run(*projects.CHAIN)

    lost = parts["valid"][0]["id"]
    assert lost in set(schemas.VALID.read()["id"])
    assert lost not in set(schemas.OUT_OF_FOLD.read()["id"])
    assert parts["train"][0]["id"] not in set(schemas.TRAIN.read()["id"])
    assert 0 < metrics("evaluate")["test"]["accuracy"] <= 1
