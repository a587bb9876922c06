"""Test-time augmentation: part of a recipe, judged out of fold, alike wherever a text is read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline import Predictor
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.files import read_json, write_json
from foldline.core.io.labels import Labels
from foldline.core.params import KINDS, Runner
from foldline.core.params.kind_options import select_options
from foldline.core.params.loading import read_params
from foldline.ensembling import folds as folds_module
from foldline.ensembling import members
from foldline.ensembling.cross_validation import cross_validate
from foldline.ensembling.folds import Fold
from foldline.ensembling.members import FOLDS, FULL, predict_member
from foldline.ensembling.tta import CHANGES, PAIRSWAP, AugmentedPrediction
from foldline.models import registry
from foldline.models.interface import Model
from tests.helpers import projects
from tests.helpers.edited_params import params_error, write_edited_params
from tests.helpers.marks import mark_slow_except

MODELS = (*KINDS, "pretrained")
FAST = ("length", "keywords", "tfidf", "gbdt", "external")
METHODS = (*CHANGES, PAIRSWAP)


def make(method: str, copies: int = 3, seed: int = 7) -> AugmentedPrediction:
    return AugmentedPrediction(method, copies, 0.3, seed)


@pytest.fixture(scope="session")
def model(fit, rows) -> Callable[[str], Model]:
    """Fit a kind to 28 rows of pairs, once."""
    made: dict[str, Model] = {}

    def give(name: str) -> Model:
        if name not in made:
            table = rows("classification", pairs=True)
            own = fit(name, table.iloc[:28], table.iloc[28:34], "classification", epochs=1)
            made[name] = own.model
        return made[name]

    return give


@pytest.mark.parametrize("name", mark_slow_except(MODELS, FAST))
def test_rows_alone_and_in_another_order_are_predicted_alike(name, model, rows, labels):
    table = rows("classification", pairs=True).iloc[34:]
    predict, own = model(name).predict, make("swap")
    together = own.predict(table, predict)

    assert together.shape == (6, 3)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    backwards = own.predict(table.iloc[::-1], predict)[::-1]
    np.testing.assert_allclose(backwards, together, atol=1e-5)
    alone = [own.predict(table.iloc[[number]], predict) for number in range(len(table))]
    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-5)
    assert own.predict(table.iloc[:0], predict).shape == (0, 3)


@pytest.mark.parametrize("method", METHODS)
def test_the_mean_of_the_row_and_its_copies(method, rows):
    table, seen = rows("regression", pairs=True), []

    def count(read: pd.DataFrame) -> np.ndarray:
        seen.append(read)
        return np.asarray(read["text"].str.len(), dtype=np.float64)

    mean = make(method).predict(table, count)
    texts = seen[0]["text"].to_numpy().reshape(4, len(table))

    assert texts[0].tolist() == table["text"].tolist()
    assert (texts[1:] != texts[0]).mean() > 0.5
    assert seen[0]["id"].tolist() == table["id"].tolist() * 4
    lengths = [[len(text) for text in column] for column in texts.T]
    np.testing.assert_allclose(mean, np.mean(lengths, axis=1))
    assert "label" not in seen[0]


def test_copies_follow_the_text_the_seed_and_their_number(rows):
    def copy(table: pd.DataFrame, seed: int = 7) -> list[str]:
        seen: list[str] = []
        make("noise", seed=seed).predict(
            table, lambda own: (seen.extend(own["text"]), np.zeros(len(own)))[1]
        )
        return seen[len(table) :]

    table = rows()
    first = copy(table)
    assert copy(table) == copy(table.assign(id="x", label="y")) == first
    assert copy(table, seed=8) != first
    assert len({first[0], first[len(table)], first[2 * len(table)]}) == 3
    assert copy(table.assign(text=["", " ", *table["text"][2:]]))[:2] == ["", " "]


def test_pairs_are_exchanged(rows):
    table = rows("regression", pairs=True)
    own = make(PAIRSWAP, copies=1).predict(
        table, lambda read: (read["text"] < read["text_pair"]).to_numpy(dtype=np.float64)
    )
    assert (own == 0.5).all()


@pytest.fixture
def run(workplace, rows, recipe, labels, augment) -> Callable[..., Any]:
    """Cross-validate TF-IDF with these options over three folds."""
    table = rows(n=36).assign(fold=np.arange(36) % 3, duplicate="")

    def make_result(**options: Any) -> Any:
        dotted = {f"tta.{name}": value for name, value in options.items()}
        own = select_options(recipe(dotted, model="tfidf"))
        fold = Fold("tta", 0, table, labels("classification"), own, augment(), 0.25)
        runner = Runner.model_validate(read_params(projects.PARAMS)["runner"])
        return cross_validate([replace(fold, number=number) for number in range(3)], runner)

    return make_result


def test_out_of_fold_predictions_are_augmented_and_nothing_is_trained_twice(run, monkeypatch):
    plain = run()
    monkeypatch.setattr(folds_module.registry, "fit", lambda _: pytest.fail("trained twice"))
    augmented = run(method="delete", share=0.4)
    off = run(method="none", copies=9)

    for one, other, none in zip(plain.results, augmented.results, off.results, strict=True):
        np.testing.assert_array_equal(one.fit.predictions, none.fit.predictions)
        assert not np.array_equal(one.fit.predictions, other.fit.predictions)
        held_out = one.fold.held_out
        expected = AugmentedPrediction("delete", 4, 0.4, 7).predict(
            held_out, registry.load(one.fit.model).predict
        )
        np.testing.assert_allclose(other.fit.predictions, expected, atol=1e-12)


def test_a_member_is_distinct_by_it(recipe):
    plain, other = (
        select_options(recipe({"tta.method": method}, model="tfidf")) for method in ("none", "swap")
    )
    assert plain != other
    assert AugmentedPrediction.from_recipe(plain) is None
    assert AugmentedPrediction.from_recipe(other) == AugmentedPrediction("swap", 4, 0.1, 7)


def test_without_it_a_member_is_predicted_as_before(rows):
    values = np.arange(40.0)
    found = predict_member([Path("a"), Path("b")], rows(), lambda folder, _: values)
    np.testing.assert_array_equal(found, values)


MEMBERS = {
    "model": {},
    "bag": {"bagging.n_estimators": 2},
    "boosted": {"boosting.n_estimators": 3},
    "swapped": {"tta.method": "swap", "tta.share": 0.4},
}


def test_the_chain_with_bagged_boosted_and_augmented_members(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    projects.make(
        tmp_path, {"model": "tfidf", "ensemble.members": MEMBERS, "ensemble.method": "soft"}
    )
    new = [{"id": f"u{n}", "text": f"축구 경기 final match {n}"} for n in range(5)]
    projects.write_csv(Path("data/raw/new.csv"), new)
    projects.set_params(Path("params.yaml"), {"data.predict": "data/raw/new.csv"})
    projects.run()
    counts = {folder: read_json(folder / "index.json") for folder in (FULL, FOLDS)}

    assert counts[FULL]["models"] == {"model": 1, "bag": 2, "boosted": 1, "swapped": 1}
    assert counts[FOLDS]["models"] == {"model": 3, "bag": 6, "boosted": 3, "swapped": 3}
    assert counts[FULL]["tta"] == counts[FOLDS]["tta"]
    assert counts[FULL]["tta"] == {
        "swapped": {"method": "swap", "copies": 4, "share": 0.4, "seed": 42}
    }
    check_validation_predictions()
    labels, texts = Labels.load(), schemas.UNLABELLED.read()["text"].tolist()
    written = labels.predictions(schemas.UNLABELLED_PREDICTIONS.read())
    found = Predictor(tmp_path).predict_proba(texts[::-1]).to_numpy()[::-1]
    np.testing.assert_allclose(found, written, atol=1e-12)
    swapped = Predictor(tmp_path, model="swapped").predict_proba(texts).to_numpy()
    assert not np.allclose(swapped, Predictor(tmp_path, model="model").predict_proba(texts))


def check_validation_predictions() -> None:
    """Check that stored predictions of validation rows are those of the models of all rows."""
    valid, stored = schemas.VALID.read(), schemas.VALID_PREDICTIONS.read()
    folders = members.list_models(FULL)
    for name in ("bag", "boosted", "swapped"):
        own = predict_member(
            folders[name], valid, augmentation=members.read_augmentations().get(name)
        )
        table = members.read_predictions(
            schemas.VALID_PREDICTIONS, stored, name, valid["id"].tolist()
        )
        np.testing.assert_allclose(Labels.load().predictions(table), own, atol=1e-12)


def test_a_changed_index_is_told(workplace):
    content = {"models": {"model": 1}, "tta": {"model": {"method": "insert", "copies": 4}}}
    write_json(FULL / "index.json", content)
    write_json(FOLDS / "index.json", {"models": {}})
    with pytest.raises(FoldlineError, match="must be one of aeda, swap, delete, noise, pairswap"):
        members.read_augmentations()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"method": "method: pairswap", "copies": "copies: 2"}, "must be 1 with method=pairswap"),
        (
            {"method": "method: pairswap", "copies": "copies: 1"},
            "exchanges two texts, and data.text",
        ),
        ({"method": "method: insert"}, "must be 'none', 'aeda', 'swap'"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path, lines, message):
    path = write_edited_params(tmp_path)
    head, tail = path.read_text(encoding="utf-8").split("\ntta:\n")
    for key, line in lines.items():
        start = tail.index(f"  {key}:")
        tail = f"{tail[:start]}  {line}\n{tail[tail.index(chr(10), start) + 1 :]}"
    path.write_text(f"{head}\ntta:\n{tail}", encoding="utf-8")
    assert message in params_error(path)
