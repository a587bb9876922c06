"""Chains in folds: nothing of held-out rows is learnt, and the gap to true inputs is reported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline import Predictor
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import digest, read_json
from foldline.core.io.labels import Labels
from foldline.core.params.kind_options import select_options
from foldline.ensembling.chain_gap import (
    correct_predictions,
    format_chain,
    score_chain,
    summarize_chain,
)
from foldline.ensembling.fits import PREDICTIONS, Fit
from foldline.ensembling.folds import Fold, fit_fold
from foldline.metrics.fold_statistics import corrected_interval
from foldline.models import registry
from foldline.models.chain import ChainedModel
from foldline.models.chain_input import ChainInput
from foldline.models.interface import FitResult, Job
from foldline.onnx.command import load_transformer
from tests.helpers import projects

SPLITS = 3
CHAIN = {"chain.first": "tfidf", "chain.predicts": "auxiliary", "chain.n_splits": 2}
MEMBERS = {
    "model": {},
    "prefix": CHAIN,
    "features": CHAIN | {"chain.input": "features"},
    "bag": CHAIN | {"bagging.n_estimators": 2},
    "swapped": CHAIN | {"tta.method": "swap"},
    "stacked": {"chain.first": "gbdt", "chain.input": "features"},
}


@pytest.fixture
def make_fold(workplace, rows, recipe, labels, augment) -> Callable[..., Fold]:
    """Make the second fold of a chain over 36 rows in 12 groups; each row has a copy."""

    def make(dotted: dict[str, Any] = CHAIN, **columns: Any) -> Fold:
        group = np.arange(36) // 3
        table = rows(n=36).assign(
            group=[f"g{number}" for number in group],
            auxiliary=["gender" if number % 2 else "none" for number in range(36)],
            fold=group % SPLITS,
            duplicate="",
            **columns,
        )
        own = select_options(recipe(dotted, model="tfidf"))
        copies = augment(method="aeda", strategy="n_per_row", copies=1)
        return Fold("chained", 1, table, labels("classification"), own, copies, 0.25)

    return make


def run(fold: Fold, folder: Path) -> Path:
    for own in (folder, folder / "scratch"):
        own.mkdir()
    fit_fold(folder, folder / "scratch", fold)
    return folder


@pytest.mark.parametrize("form", ["prefix", "features"])
@pytest.mark.parametrize("predicts", ["label", "auxiliary"])
def test_labels_of_held_out_rows_change_nothing(form, predicts, make_fold, tmp_path):
    options = CHAIN | {"chain.input": form, "chain.predicts": predicts}
    fold = make_fold(options)
    scrambled = make_fold(options)
    held_out = scrambled.rows["fold"] == 1
    for name, value in (("label", "sport 운동"), ("auxiliary", "none")):
        scrambled.rows.loc[held_out, name] = value
    one, two = run(fold, tmp_path / "one"), run(scrambled, tmp_path / "two")

    assert (one / PREDICTIONS).read_bytes() == (two / PREDICTIONS).read_bytes()
    assert digest(one / "model") == digest(two / "model")


def test_the_auxiliary_label_is_part_of_a_key_that_reads_it_alone(make_fold):
    one = make_fold()
    other = make_fold()
    other.rows.loc[0, "auxiliary"] = "others"
    assert one.key != other.key
    for options in ({}, CHAIN | {"chain.predicts": "label"}):
        plain, changed = make_fold(options), make_fold(options)
        changed.rows.loc[0, "auxiliary"] = "others"
        without = Fold(**vars(plain) | {"rows": plain.rows.drop(columns="auxiliary")})
        assert plain.key == changed.key == without.key


def test_the_first_model_is_part_of_a_key(make_fold, rows, labels, recipe):
    keys = {
        make_fold(CHAIN | changes).key
        for changes in ({}, {"chain.first": "gbdt"}, {"chain.n_splits": 4}, {"gbdt.leaves": 5})
    }
    assert len(keys) == 3  # gbdt is not read by a chain of tfidf
    chained = CHAIN | {"chain.first": "gbdt"}
    own = [select_options(recipe(chained | c, model="tfidf")) for c in (
        {}, {"gbdt.leaves": 5}
    )]  # fmt: skip
    table = rows()
    fits = [Fit("c", table, table, table, labels("classification"), recipe) for recipe in own]
    assert fits[0].key != fits[1].key


def test_the_first_stage_is_fitted_once_for_several_chains(make_fold, tmp_path, monkeypatch):
    counted = []
    fit = registry.fit

    def count(job: Job) -> FitResult:
        counted.append(job.recipe.seed)
        return fit(job)

    monkeypatch.setattr(registry, "fit", count)
    alone = run(make_fold(CHAIN | {"chain.input": "features"}), tmp_path / "alone")
    assert len(counted) == 1 + 1 + 2  # the chain, the first model of all rows and of each part
    counted.clear()
    run(make_fold(CHAIN), tmp_path / "prefix")
    assert len(counted) == 1 + 1
    counted.clear()
    run(make_fold(CHAIN | {"chain.n_splits": 3}), tmp_path / "parts")
    assert len(counted) == 1 + 1 + 3
    again = run(make_fold(CHAIN | {"chain.input": "features"}), tmp_path / "again")
    assert (again / PREDICTIONS).read_bytes() == (alone / PREDICTIONS).read_bytes()


def test_a_gap_by_hand():
    """The second model reads the class before the text; the first is wrong in one row of four."""
    labels, bias = Labels("classification", ("a", "b")), Labels("classification", ("x", "y"))
    rows = pd.DataFrame({"text": [*list("1234"), "5"], "auxiliary": [*list("xyxy"), ""]})
    rows["label"] = [*list("abab"), "a"]

    class First:
        def predict(self, rows: pd.DataFrame) -> np.ndarray:
            codes = [int(text in "24") if text != "4" else 0 for text in rows["text"]]
            return np.eye(2)[codes]

    class Second:
        def predict(self, rows: pd.DataFrame) -> np.ndarray:
            return np.eye(2)[[int(text.startswith("y")) for text in rows["text"]]]

    model: Any = ChainedModel("tfidf", First(), ChainInput("prefix", bias), Second())  # type: ignore[arg-type]
    recipe: Any = type("R", (), {"chain": type("C", (), {"predicts": "auxiliary"})})
    scores = score_chain(model, recipe, rows, labels)["chain"]

    assert scores["rows"] == 4
    assert scores["first"] == 0.75
    # One b of two is called a: F1 of a is 4/5, of b 2/3.
    assert scores["predicted_input"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert scores["true_input"] == 1.0
    recipe.chain.predicts = "label"
    assert score_chain(model, recipe, rows, labels) == {}
    assert score_chain(Second(), recipe, rows, labels) == {}  # type: ignore[arg-type]


def test_the_true_class_takes_the_probability_of_the_predicted_one():
    probabilities = np.array([[0.5, 0.2, 0.3], [0.9, 0.1, 0.0]])
    corrected = correct_predictions(probabilities, np.array([2, 0]))
    np.testing.assert_array_equal(corrected, [[0.3, 0.2, 0.5], [0.9, 0.1, 0.0]])
    assert probabilities[0].tolist() == [0.5, 0.2, 0.3]


def test_folds_are_summarized():
    folds = [
        {"chain": {"rows": 9, "first": 0.7, "predicted_input": 0.5, "true_input": 0.6}},
        {"chain": {"rows": 9, "first": 0.9, "predicted_input": 0.6, "true_input": 0.8}},
        {},
    ]
    summary = summarize_chain(folds, 0.5, 0.95)

    assert summary is not None
    interval = corrected_interval(np.array([0.1, 0.2]), 0.5)
    assert summary["gap"] == pytest.approx({"value": 0.15} | interval._asdict())
    assert summary["first"] == pytest.approx(0.8)
    assert format_chain(summary, "f1_macro").startswith(
        "f1_macro 0.5500 with predicted auxiliary labels (accuracy 0.8000), 0.7000 with the true "
        "ones: gap 0.1500 ["
    )
    assert summarize_chain([{}], 0.5, 0.95) is None


@pytest.fixture
def project(workplace, request) -> Path:
    """Make a project with an auxiliary label, which every ninth row lacks."""
    task = getattr(request, "param", "classification")
    options = {"ensemble.members": MEMBERS, "data.auxiliary_label": "bias"}
    projects.make(workplace, options, task)
    path = Path("data/raw/rows.csv")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    bias = ["" if n % 9 == 0 else ["gender", "none"][n % 2] for n in range(len(table))]
    table.assign(bias=bias).to_csv(path, index=False)
    table.head(6).drop(columns=["label", "score"], errors="ignore").to_csv(
        path.with_name("new.csv"), index=False
    )
    projects.set_params(Path("params.yaml"), {"data.predict": "data/raw/new.csv"})
    return workplace


@pytest.mark.slow
@pytest.mark.parametrize("project", ["classification", "multilabel", "regression"], indirect=True)
def test_chains_go_through_all_stages(project, capsys):
    projects.run()
    report = read_json(Path("reports/folds.json"))
    assert set(schemas.AUXILIARY_LABELS.read()["label"]) == {"gender", "none"}
    assert {name for name, own in report["members"].items() if "chain" in own} == {
        "prefix", "features", "bag", "swapped"
    }  # fmt: skip
    line = "prefix: " + format_chain(report["members"]["prefix"]["chain"], report["metric"])
    assert line in capsys.readouterr().out
    predictor = Predictor(".")
    table = pd.read_csv("data/raw/new.csv", dtype=str, keep_default_na=False)
    texts = [table["a"].tolist(), table["b"].tolist()] if "a" in table else [table["text"].tolist()]
    written = schemas.UNLABELLED_PREDICTIONS.read()
    np.testing.assert_allclose(
        predictor._predict_texts(texts[0], texts[1] if len(texts) > 1 else None),
        Labels.load().predictions(written),
        atol=1e-9,
    )


@pytest.mark.slow
def test_a_chain_of_transformers_is_not_exported(fit, rows, labels, tmp_path):
    table = rows()
    options = {"chain.first": "tfidf", "chain.n_splits": 2}
    fitted = fit("scratch", table.iloc[:28], table.iloc[28:], "classification", dotted=options)
    registry.save(fitted.model, "scratch", labels("classification"), tmp_path / "m")
    with pytest.raises(FoldlineError, match=r"chain of two models.*set chain\.first to null"):
        load_transformer(tmp_path / "m")
