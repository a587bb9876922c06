"""Members of an ensemble: their folders, and predictions that are made once."""

from pathlib import Path

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.ensembling import members
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.members import (
    FOLDS,
    FULL,
    MODEL,
    list_member_models,
    predict_member,
    predict_model,
    write_models,
)
from foldline.models import registry


@pytest.fixture
def models(workplace, fit, rows, labels) -> None:
    """Keep two fold models and one of an earlier run, which must not vote."""
    table, sources = rows(), []
    for number, end in enumerate((10, 20, 30)):
        found = fit("majority", table.iloc[: end - number], table.iloc[:0], "classification")
        sources.append(Path(str(number)))
        registry.save(found.model, "majority", labels("classification"), sources[-1])
    write_models(FOLDS, {"model": sources[:2]})
    sources[2].rename(FOLDS / "model" / "2")
    write_models(FULL, {})


def test_a_members_prediction_is_the_mean_of_its_models(models, rows) -> None:
    own = list_member_models()["model"]
    assert own == [FOLDS / "model" / "0", FOLDS / "model" / "1"]
    each = [registry.load(folder).predict(rows()) for folder in own]
    assert predict_member(own, rows()) == pytest.approx((each[0] + each[1]) / 2)


def test_models_of_all_rows_predict_before_those_of_folds(models) -> None:
    write_models(FULL, {"model": [MODEL], "other": [FOLDS / "model" / "0"]})
    assert list_member_models() == {
        "model": [MODEL, FOLDS / "model" / "0", FOLDS / "model" / "1"],
        "other": [FULL / "other" / "0"],
    }
    assert not (FULL / "model").exists()


def test_a_member_without_models_is_told(models) -> None:
    with pytest.raises(FoldlineError, match="there are no models of nbsvm, but of model"):
        Ensemble("soft", ["model", "nbsvm"], {}).list_models()
    with pytest.raises(FoldlineError, match=r"unknown member 'modle'; did you mean 'model'\?"):
        Ensemble.from_member("modle")


def test_a_prediction_is_made_once(models, rows, labels, fit, monkeypatch) -> None:
    loads: list[Path] = []
    load = registry.load

    def counting(folder: Path) -> registry.Model:
        loads.append(folder)
        return load(folder)

    monkeypatch.setattr(members.registry, "load", counting)
    table, folder = rows(), FOLDS / "model" / "0"
    first = predict_model(folder, table)
    np.testing.assert_array_equal(predict_model(folder, table), first)
    assert len(loads) == 1
    predict_model(folder, table.iloc[1:])
    assert len(loads) == 2
    other = fit("majority", table.iloc[5:7], table.iloc[:0], "classification")
    registry.save(other.model, "majority", labels("classification"), folder)
    assert not np.array_equal(predict_model(folder, table), first)


def test_an_ensemble_is_what_was_saved(workplace, rows) -> None:
    own = Ensemble("weighted", ["model", "tfidf"], {"weights": {"model": 0.1 + 0.2, "tfidf": 0.75}})
    own.save()
    assert Ensemble.load() == own
    given, new = {"tfidf": np.array([1.0]), "model": np.array([6.0])}, rows().iloc[:1]
    found = Ensemble.load().combine(given, new, "regression")
    assert found == pytest.approx([(0.1 + 0.2) * 6 + 0.75 * 1])
    soft = Ensemble("soft", ["model", "tfidf"], {})
    assert soft.combine(given, new, "regression") == pytest.approx([3.5])
