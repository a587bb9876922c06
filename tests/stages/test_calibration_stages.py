"""`ensemble.calibration`: the same calibrated probabilities wherever the ensemble predicts."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline import Predictor
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import read_json
from foldline.core.io.labels import Labels
from foldline.ensembling.ensemble import Ensemble
from foldline.metrics.registry import measure
from tests.helpers import projects
from tests.helpers.marks import mark_slow_except

CASES = [("classification", "temperature"), ("classification", "isotonic"), ("multilabel", "platt")]


def make_project(task: str, changes: dict[str, Any]) -> list[str]:
    """Make a tiny project in the working folder; return the texts that it is to predict."""
    projects.make(Path(), {"data.predict": "data/raw/new.csv", "model": "length"} | changes, task)
    rows = projects.ROWS[task](9)
    names = ["id", "a", "b"] if task == "regression" else ["id", "text"]
    new = [{key: row[key] for key in names} | {"id": f"new {row['id']}"} for row in rows]
    for row in new:
        row[names[1]] += " neu"
    projects.write_csv(Path("data/raw/new.csv"), new)
    return [row[names[1]] for row in new]


@pytest.mark.parametrize(("task", "method"), mark_slow_except(CASES, CASES[:1]))
def test_stages_and_predictor_calibrate_alike(task, method, workplace):
    texts = make_project(task, {"ensemble.calibration": method})
    projects.run()
    labels, ensemble = Labels.load(), Ensemble.load()
    new = labels.predictions(schemas.UNLABELLED_PREDICTIONS.read())
    test = schemas.TEST_PREDICTIONS.read()
    held = schemas.ENSEMBLE_OUT_OF_FOLD.read()

    assert ensemble.calibration_method == method
    np.testing.assert_array_equal(new, Predictor().predict_proba(texts))
    rows = schemas.UNLABELLED.read()
    plain = ensemble.combine_uncalibrated(ensemble.predict_members(rows), rows, task)
    assert (plain != new).any()
    report = read_json(Path("reports/evaluation.json"))
    assert report["calibration"]["method"] == method
    for part, table in (("test", test), ("out_of_fold", held)):
        values = labels.predictions(table)
        expected = measure(task, labels.encode(table["label"]), values)["log_loss"]
        assert report["calibration"][part]["methods"][method]["log_loss"] == pytest.approx(expected)
    assert report["test"]["log_loss"] == pytest.approx(
        report["calibration"]["test"]["methods"][method]["log_loss"]
    )


@pytest.mark.parametrize("task", mark_slow_except(["classification", "multilabel"], []))
def test_stages_and_predictor_decide_alike(task, workplace):
    texts = make_project(task, {"ensemble.threshold": "f1", "ensemble.members": {"model": {}}})
    projects.run()
    ensemble, plain = Ensemble.load(), Labels.load()
    labels = ensemble.set_thresholds(plain)
    new, test = schemas.UNLABELLED_PREDICTIONS.read(), schemas.TEST_PREDICTIONS.read()

    assert len(ensemble.thresholds) == 3
    given = Predictor().predict(texts)
    names = ["|".join(own) for own in given] if task == "multilabel" else given
    assert new["predicted"].tolist() == names
    assert names != plain.decode(plain.predictions(new))
    report = read_json(Path("reports/evaluation.json"))
    codes = plain.encode(test["predicted"])
    values = plain.predictions(test)
    expected = measure(task, plain.encode(test["label"]), values, predicted=codes)
    expected = {k: v for k, v in expected.items() if not np.isnan(v)}
    found = {k: v for k, v in report["test"].items() if v is not None}
    assert found == pytest.approx(expected)
    drawn = pd.read_csv("reports/plots/predictions.csv", keep_default_na=False)
    if task == "classification":
        assert drawn["predicted"].tolist() == test["predicted"].tolist()
    held = schemas.ENSEMBLE_OUT_OF_FOLD.read()
    codes = plain.encode(held["predicted"])
    final = plain.predictions(held)
    expected = measure(task, plain.encode(held["label"]), final, predicted=codes)["f1_macro"]
    nested = read_json(Path("reports/ensemble.json"))["thresholds"]["score"]
    assert nested == pytest.approx(expected)
    assert labels.decode(final) != held["predicted"].tolist()  # of each fold by the others


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_every_calibrator_is_compared_where_none_is_chosen(task, workplace, capsys):
    make_project(task, {})
    projects.run()
    report = read_json(Path("reports/evaluation.json"))
    decisions = 3 if task == "multilabel" else 1

    assert list(read_json(Path("models/ensemble.json"))) == [
        "method",
        "members",
        "state",
        "revisions",
    ]
    for part, rows in (("out_of_fold", 48), ("test", 12)):
        own = report["calibration"][part]
        assert list(own["methods"]) == ["none", "temperature", "platt", "isotonic"]
        assert sum(one["rows"] for one in own["bins"]) == rows * decisions
        before, after = own["methods"]["none"], own["methods"]["temperature"]
        change = after["log_loss_change"]
        assert change["difference"] == pytest.approx(after["log_loss"] - before["log_loss"])
        assert change["low"] <= change["difference"] <= change["high"]
        confidence = report["confidence"][part]
        assert confidence["curve"][-1]["coverage"] == 1
        answers = confidence["thresholds"]["0.8"]
        assert answers["coverage"] == 0 or answers["low"] <= answers["accuracy"]
        assert 0 <= report["conformal"]["marginal"][part]["coverage"] <= 1
    plot = pd.read_csv("reports/plots/reliability.csv")
    assert plot.columns.tolist() == ["confidence", "accuracy", "low", "high", "rows"]
    assert plot["rows"].sum() == 12 * decisions
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("* ")][-1] == "none"


@pytest.mark.slow
def test_regression_has_a_conformal_interval_alone(workplace, capsys):
    make_project("regression", {"evaluate.level": 0.8})
    projects.run()
    report = read_json(Path("reports/evaluation.json"))
    held = schemas.ENSEMBLE_OUT_OF_FOLD.read()
    errors = np.sort(np.abs(held["predicted"].astype(float) - held["label"].astype(float)))

    assert "calibration" not in report
    assert report["conformal"]["half_width"] == pytest.approx(errors[int(np.ceil(49 * 0.8)) - 1])
    assert 0.6 < report["conformal"]["out_of_fold"]["coverage"] <= 1
    assert "conformal 80% interval: prediction +- " in capsys.readouterr().out


@pytest.mark.parametrize(("key", "value"), [("calibration", "platt"), ("threshold", "f1")])
def test_regression_is_refused_and_the_advice_works(key, value, workplace):
    make_project("regression", {f"ensemble.{key}": value})
    message = rf"ensemble\.{key}  {value} needs probabilities; set it to none"

    with pytest.raises(FoldlineError, match=message):
        projects.run("prepare")
    projects.set_params(Path("params.yaml"), {f"ensemble.{key}": "none"})
    projects.run("prepare")
