"""Members of an ensemble: their folders, and predictions that are made once."""

from pathlib import Path

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.files import write_json
from foldline.ensembling import members
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.members import FOLDS, model_folders, predict_member, predict_model
from foldline.models import registry


@pytest.fixture
def models(workplace, fit, rows, labels) -> None:
    """Keep two fold models and one of an earlier run, which must not vote."""
    table = rows()
    for number, end in enumerate((10, 20, 30)):
        found = fit("majority", table.iloc[: end - number], table.iloc[:0], "classification")
        registry.save(found.model, "majority", labels("classification"), FOLDS / str(number))
    write_json(FOLDS / "index.json", {"n_splits": 2, "kept": True})


def test_fold_models_vote_by_their_mean(models, rows) -> None:
    assert model_folders("folds") == [FOLDS / "0", FOLDS / "1"]
    each = [registry.load(folder).predict(rows()) for folder in model_folders("folds")]
    assert predict_member("folds", rows()) == pytest.approx((each[0] + each[1]) / 2)


def test_models_that_were_not_kept_are_an_error(models) -> None:
    write_json(FOLDS / "index.json", {"n_splits": 2, "kept": False})
    with pytest.raises(FoldlineError, match=r"set kfold\.keep_models=true"):
        model_folders("folds")


def test_a_prediction_is_made_once(models, rows, labels, fit, monkeypatch) -> None:
    loads: list[Path] = []
    load = registry.load

    def counting(folder: Path) -> registry.Model:
        loads.append(folder)
        return load(folder)

    monkeypatch.setattr(members.registry, "load", counting)
    table, folder = rows(), FOLDS / "0"
    first = predict_model(folder, table)
    np.testing.assert_array_equal(predict_model(folder, table), first)
    assert len(loads) == 1
    predict_model(folder, table.iloc[1:])
    assert len(loads) == 2
    other = fit("majority", table.iloc[5:7], table.iloc[:0], "classification")
    registry.save(other.model, "majority", labels("classification"), folder)
    assert not np.array_equal(predict_model(folder, table), first)


def test_an_ensemble_is_what_was_saved(workplace, rows) -> None:
    Path("models").mkdir()
    models, weights = {"model": 1, "folds": 3, "tfidf": 1}, {"model": 0.1 + 0.2, "tfidf": 0.75}
    own = Ensemble("weighted", models, {"weights": weights})
    own.save()
    assert Ensemble.load() == own
    given = {"tfidf": np.array([1.0]), "model": np.array([9.0]), "folds": np.array([5.0])}
    # One model says 9, three say 5: their vote is 6.
    found = Ensemble.load().combine(given, rows().iloc[:1], "regression")
    assert found == pytest.approx([(0.1 + 0.2) * 6 + 0.75 * 1])
    soft = Ensemble("soft", models, {}).combine(given, rows().iloc[:1], "regression")
    assert soft == pytest.approx([3.5])
