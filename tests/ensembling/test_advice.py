"""The advice of ensembling: each is followed, and the stage or the ensemble is better off."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foldline import Predictor
from foldline.core import params
from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.ensembling import ensemble_fit
from tests.helpers import projects
from tests.helpers.advice import read_settings

LABELS = Labels("classification", ("a", "b"))


def predict_out_of_fold(member: str, right: int, n: int = 60) -> pd.DataFrame:
    """Predict two classes, sure of each; so many of the rows are right."""
    label = np.array(["a", "b"])[np.arange(n) % 2]
    a = np.where((label == "a") == (np.arange(n) < right), 0.95, 0.05)
    ids = [f"r{number}" for number in range(n)]
    table = pd.DataFrame({"id": ids, "member": member, "label": label, "p_a": a, "p_b": 1 - a})
    return table.assign(fold=np.arange(n) // 2 % 3)


def test_the_member_that_is_better_alone_is_taken_alone() -> None:
    """Two votes against one: the mean of both is the worse."""
    table = pd.concat([predict_out_of_fold("model", 30), predict_out_of_fold("tfidf", 54)])
    options = params.Ensemble(members=["model", "folds", "tfidf"], method="hard")
    voted, scores = ensemble_fit.fit_ensemble(table, options, LABELS)
    note = ensemble_fit.describe_better_voter(voted, scores, "f1_macro")
    assert note
    (settings,) = read_settings(note)
    own = params.Ensemble(members=settings["ensemble.members"], method="hard")
    alone, again = ensemble_fit.fit_ensemble(table, own, LABELS)
    assert ensemble_fit.describe_better_voter(alone, again, "f1_macro") is None
    assert again["hard"] == scores[settings["ensemble.members"][0]] > scores["hard"]


def test_the_members_that_are_named_have_predictions() -> None:
    """The model is TF-IDF itself, so that it is no member besides."""
    table = predict_out_of_fold("model", 40)

    def fit(*members: str) -> object:
        return ensemble_fit.fit_ensemble(
            table, params.Ensemble(members=list(members), method="soft"), LABELS
        )

    with pytest.raises(FoldlineError, match="the model is TF-IDF itself") as caught:
        fit("tfidf")
    for name in re.search(r"name '(\w+)' or '(\w+)'", str(caught.value)).groups():
        assert fit(name)


@pytest.mark.slow
def test_fold_models_are_kept_or_another_member_predicts(workplace) -> None:
    members = {"kfold.keep_models": False, "ensemble.members": ["model"]}
    projects.make(workplace, {"model": "static", "static.epochs": 2} | members)
    projects.run()
    with pytest.raises(FoldlineError, match="or name another member than folds") as caught:
        Predictor(model="folds")
    assert Predictor(model="model").predict(["a"])
    (settings,) = read_settings(str(caught.value))
    projects.set_params(Path("params.yaml"), settings)
    projects.run("kfold")
    assert Predictor(model="folds").predict(["a"])
