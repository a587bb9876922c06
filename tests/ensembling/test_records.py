"""ensemble.json and index.json as others may have edited them: one message, nothing followed."""

import json
from pathlib import Path

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.files import write_json
from foldline.ensembling.baselines import predict_baselines
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.members import BASELINES, FOLDS, INDEX, list_models

GOOD = {"method": "weighted", "members": ["model", "tfidf"]}
GOOD |= {"state": {"weights": {"model": 1.2, "tfidf": 0.0}}}


@pytest.fixture
def project(workplace: Path) -> Path:
    write_json(FOLDS / INDEX, {"models": {"model": 3}})
    return workplace


def test_what_was_written_is_read(project):
    own = Ensemble("weighted", GOOD["members"], GOOD["state"])
    own.save()
    assert Ensemble.load() == own


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"method": "best"},
            "method  must be one of soft, hard, rank, weighted, simplex, greedy, stacking, gate",
        ),
        ({"method": 3}, "method  must be a text (found 3)"),
        ({"method": None}, "method  must be a text (found None)"),
        ({"members": ["model"]}, "state.weights: must be of model, which `members` names"),
        ({"state": {"weights": {"model": 1.0}}}, "must be of model, tfidf, which `members` names"),
        ({"state": {"weights": {"model": 1.0, "../x": 1.0}}}, "(found model, ../x)"),
        ({"members": []}, "members  must be "),
        ({"members": {"model": 1}}, "members  must be "),
        ({"members": ["../../x"]}, "members.0  must "),
        ({"members": ["/etc"]}, "members.0  must "),
        ({"state": {}}, "state.weights  is missing"),
        ({"state": []}, "state  must be "),
        (
            {"state": {"weights": {"model": -1, "tfidf": 1}}},
            "state.weights.model  must be greater than or equal",
        ),
        (
            {"state": {"weights": {"model": float("nan"), "tfidf": 1}}},
            "state.weights.model  must be a finite",
        ),
        (
            {"state": {"weights": {"model": float("inf"), "tfidf": 1}}},
            "state.weights.model  must be a finite",
        ),
        (
            {"state": {"weights": {"model": "1", "tfidf": 1}}},
            "state.weights.model  must be a number (found '1')",
        ),
        ({"state": {"weights": {"model": 0, "tfidf": 0.0}}}, "state.weights: must not all be 0"),
    ],
)
def test_an_edited_ensemble_is_told(change, message, project):
    path = Path("models/ensemble.json")
    path.write_text(json.dumps(GOOD | change))
    with pytest.raises(FoldlineError) as caught:
        Ensemble.load()
    assert str(caught.value).startswith("models/ensemble.json: ")
    assert message in str(caught.value)
    assert "`dvc repro -s -f ensemble` makes it again" in str(caught.value)


NUMBERS = {"model": [[1.0]], "tfidf": [[0.5]]}
SHAPES = {
    "rank": {"quantiles": NUMBERS, "target": []},
    "stacking": {"coefficients": NUMBERS, "intercept": [0.0]},
    "gate": {
        "coefficients": {"model": [1.0], "tfidf": [2.0]},
        "intercept": {"model": 0.0, "tfidf": 0.0},
        "mean": [0.0],
        "scale": [1.0],
    },
}


@pytest.mark.parametrize("method", SHAPES)
def test_a_state_of_another_shape_is_told(method, project, rows):
    """As that of other classes, or one from which numbers were cut."""
    write_json(Path("models/ensemble.json"), GOOD | {"method": method, "state": SHAPES[method]})
    p = np.full((2, 3), 1 / 3)
    with pytest.raises(FoldlineError) as caught:
        Ensemble.load().combine(
            dict.fromkeys(GOOD["members"], p), rows().iloc[:2], "classification"
        )
    assert str(caught.value).startswith("models/ensemble.json: state: ")
    assert "must have the shape" in str(caught.value)
    assert "`dvc repro -s -f ensemble` makes it again" in str(caught.value)


@pytest.mark.parametrize(
    "content", ["[]", "3", "null", '"text"', "{}", "{", "", "\x00", "[" * 9999]
)
def test_an_ensemble_that_is_none_is_told(content, project):
    Path("models/ensemble.json").write_text(content)
    with pytest.raises(FoldlineError, match=r"models/ensemble.json.*[\s\S]*dvc repro"):
        Ensemble.load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"models": {"model": "../.."}}, "models.model  must be a whole number (found '../..')"),
        ({"models": {"model": 0}}, "models.model  must be greater than or equal to 1 (found 0)"),
        ({"models": {"model": 10**9}}, "models.model  must be less than or equal to 10000"),
        ({"models": {"model": 2.5}}, "models.model  must be a whole number (found 2.5)"),
        ({}, "models  is missing"),
        ([], "(file)  must be "),
    ],
)
def test_an_edited_index_of_folds_is_told(content, message, project):
    (FOLDS / INDEX).write_text(json.dumps(content))
    with pytest.raises(FoldlineError) as caught:
        list_models(FOLDS)
    assert str(caught.value).startswith("models/folds/index.json: 1 problem")
    assert message in str(caught.value)
    assert "`dvc checkout --force models/folds`" in str(caught.value)


@pytest.mark.parametrize("content", [["../../x"], ["tfidf/../.."], [3], {"tfidf": 1}, ["model"]])
def test_an_edited_index_of_baselines_is_told(content, project, rows):
    BASELINES.mkdir()
    (BASELINES / INDEX).write_text(json.dumps(content))
    with pytest.raises(FoldlineError) as caught:
        predict_baselines(rows())
    assert str(caught.value).startswith("models/baselines/index.json: 1 problem")
    assert "`dvc checkout --force models/baselines`" in str(caught.value)
