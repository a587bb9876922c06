"""Who opens the test set, and what is judged where there is none."""

import json
from pathlib import Path

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import MAIN, Labels
from foldline.experiments.compare import read_version
from foldline.metrics.registry import measure
from tests.helpers import projects
from tests.helpers.git_projects import git
from tests.helpers.stage_results import metrics, report


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


def test_nothing_before_evaluate_needs_the_test_set(project):
    projects.run("prepare", "split")
    Path("data/test.csv").unlink()
    Path("data/prepared.csv").unlink()
    projects.run("augment", "train", "kfold", "ensemble", "predict")

    with pytest.raises(FoldlineError, match=r"test\.csv is missing: run `dvc repro`"):
        projects.run("evaluate")


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
