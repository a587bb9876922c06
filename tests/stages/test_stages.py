"""Each stage and their chain, on tiny data, in the process."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from tests.helpers import projects
from tests.helpers.marks import mark_slow_except
from tests.helpers.stage_results import BASELINES, fingerprints, metrics, report


def leaves(content, name=""):
    if isinstance(content, dict):
        return [leaf for key, value in content.items() for leaf in leaves(value, f"{name}.{key}")]
    return [(name, content)]


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
