"""Folds: nothing held is learnt from, nothing finished is fitted again, workers do not matter."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline.core.io.files import digest
from foldline.core.params.kind_options import select_options
from foldline.ensembling import folds as folds_module
from foldline.ensembling.cross_validation import cross_validate
from foldline.ensembling.fits import FitRecord, select_distinct
from foldline.ensembling.folds import Fold, split_training_rows
from foldline.execution.store import Store
from foldline.models import registry

ROOT = Path(__file__).resolve().parents[2]
SPLITS = 3


@pytest.fixture
def table(rows) -> pd.DataFrame:
    """Return 48 rows in 16 groups of three, whole groups in a fold."""
    own = rows(n=48)
    group = np.arange(48) // 3
    own["group"] = [f"g{number}" for number in group]
    return own.assign(fold=group % SPLITS, duplicate="")


@pytest.fixture
def folds(workplace, table, recipe, labels, augment) -> Callable[..., list[Fold]]:
    """Make the folds of a model over a table."""

    def make(model: str = "tfidf", rows: pd.DataFrame = table, **how: Any) -> list[Fold]:
        own = select_options(recipe(model=model, **how))
        copies = augment(method="aeda", strategy="n_per_row", copies=1)
        return [
            Fold("model", number, rows, labels("classification"), own, copies, 0.25)
            for number in range(SPLITS)
        ]

    return make


@pytest.fixture
def fit(runner) -> Callable[..., list[FitRecord]]:
    """Fit folds, and read what they left in the store."""

    def run(*folds: Fold, **changes: Any) -> list[FitRecord]:
        return [result.fit for result in cross_validate(folds, runner(**changes)).results]

    return run


@pytest.fixture
def fits(monkeypatch) -> list[int]:
    """Count the fits, by the number of rows they learnt from."""
    counted: list[int] = []
    fit = registry.fit

    def counting(job: Any) -> Any:
        counted.append(len(job.train))
        return fit(job)

    monkeypatch.setattr(folds_module.registry, "fit", counting)
    return counted


def test_every_row_is_predicted_once(folds, fit, table) -> None:
    own = folds()
    results = fit(*own)
    predicted = pd.concat([fold.held_out for fold in own])
    assert sorted(predicted["id"]) == table["id"].tolist()
    for fold, result in zip(own, results, strict=True):
        assert result.predictions.shape == (len(fold.held_out), 3)
        assert result.details["learnt_from"] > len(table) - len(fold.held_out)
        np.testing.assert_array_equal(
            registry.load(result.model).predict(fold.held_out), result.predictions
        )


@pytest.mark.parametrize("model", ["tfidf", "scratch"])
def test_groups_and_copies_stand_on_one_side(model, folds, table) -> None:
    group_of = table.set_index("id")["group"]
    for fold in folds(model):
        learn, stop = split_training_rows(fold)
        sides = [set(learn["group"]), set(stop["group"]), set(fold.held_out["group"])]
        assert not sides[0] & sides[1]
        assert not sides[0] & sides[2]
        assert not sides[1] & sides[2]
        assert set.union(*sides) == set(table["group"])
        assert (learn["group"] == group_of.loc[learn["source_id"]].to_numpy()).all()
        assert (learn["method"] == "aeda").any()
        assert stop.empty == (model == "tfidf")
        assert "method" not in stop  # the rows to stop by are never copies


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tfidf", "scratch"])
def test_held_rows_change_nothing_that_is_fitted(model, folds, fit, table, workplace) -> None:
    """Whatever the held rows say: the model of their fold stays the same to the byte."""
    other = table.copy()
    held = other["fold"] == 1
    other.loc[held, "text"] = "전혀 other words 다른"
    other.loc[held, "label"] = np.roll(other.loc[held, "label"].to_numpy(), 1)
    models = []
    for rows in (table, other):
        fold = folds(model, rows=rows)[1]
        (result,) = fit(fold)
        models.append(digest(result.model))
        for part in split_training_rows(fold):
            assert not set(part["id"]) & set(table["id"][held])
    assert models[0] == models[1]


def test_finished_folds_are_not_fitted_again(folds, fit, fits) -> None:
    fit(*folds()[:2])
    assert len(fits) == 2
    fit(*folds())  # as after a kill: everything is made anew
    assert len(fits) == 3
    fit(*folds(lr=0.5, epochs=7))  # which TF-IDF does not read
    assert len(fits) == 3


def test_a_kill_between_fit_and_seal_is_fitted_again(folds, fit, fits, monkeypatch) -> None:
    fold = folds()[0]
    with monkeypatch.context() as patch:
        interrupt = (_ for _ in ()).throw
        patch.setattr(folds_module.registry, "save", lambda *_: interrupt(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            fit(fold)
    assert Store("results").find(fold.key) is None
    (result,) = fit(fold)
    assert len(fits) == 2
    assert registry.load(result.model)


@pytest.mark.slow
def test_sigkill_leaves_what_was_finished(folds, fit, fits, workplace) -> None:
    import pickle

    own = folds("tfidf")
    (workplace / "folds.pickle").write_bytes(pickle.dumps(own))
    code = """
import os, pickle, signal, sys
sys.path.insert(0, sys.argv[1])
from foldline.ensembling import fits
own = pickle.load(open("folds.pickle", "rb"))
own[0].make_task().run()
fits.registry.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
own[1].make_task().run()
"""
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)])
    assert done.returncode == -signal.SIGKILL
    fit(*own)
    assert len(fits) == 2


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tfidf", "scratch"])
def test_workers_do_not_matter(model, folds, fit, workplace, monkeypatch) -> None:
    results = []
    for kind, jobs in [("inline", 1), ("local", 2)]:
        monkeypatch.setenv("DVC_ROOT", str(workplace / str(jobs)))
        results.append(fit(*folds(model), kind=kind, jobs=jobs))
    for one, two in zip(*results, strict=True):
        assert one.predictions.tobytes() == two.predictions.tobytes()
        assert digest(one.model) == digest(two.model)
        assert one.training.history == two.training.history


def test_predictions_of_repeats_and_seeds_are_averaged(folds, runner, table) -> None:
    other = (table["fold"] + table["id"].str[-1].astype(int)) % SPLITS
    own = folds("length")
    again = [replace(fold, rows=table.assign(fold=other), repeat=1) for fold in own]
    divided = own + again + [replace(fold, training=1) for fold in own]
    result = cross_validate(divided, runner())
    found = result.make_table()

    assert found["id"].tolist() == table["id"].tolist()
    assert found["fold"].tolist() == table["fold"].tolist()
    means = np.zeros((len(table), 3))
    for part in result.results:
        positions = table.index[table["id"].isin(part.fold.held_out["id"])]
        means[positions] += part.fit.predictions / 3
    np.testing.assert_allclose(result.labels.predictions(found), means, atol=1e-15)
    assert len(result.list_models()["model"]) == 3 * SPLITS
    assert len({fold.training_seed for fold in divided}) == 3 * SPLITS


def test_equal_recipes_are_fitted_once(recipe) -> None:
    recipes = {"model": recipe(model="tfidf"), "tfidf": recipe(model="tfidf", lr=0.5)}
    recipes["other"] = recipe(model="tfidf", dotted={"tfidf.c": 9.0})
    assert list(select_distinct(recipes)) == ["model", "other"]


def test_keys_follow_what_a_fold_depends_on(folds, table) -> None:
    base = folds()
    other = [
        folds("scratch")[0],
        folds("scratch", lr=0.5)[0],
        folds(seed=8)[0],
        replace(base[0], repeat=1),
        replace(base[0], training=1),
        replace(base[0], inner_valid=0.5),
        folds(rows=table.iloc[::-1])[0],
        folds(rows=table.assign(label=table["label"].iloc[::-1].tolist()))[0],
    ]
    keys = {fold.key for fold in [*base, *other]}
    assert len(keys) == len(base) + len(other)
    assert [fold.key for fold in folds()] == [fold.key for fold in base]


def test_a_key_does_not_hang_on_who_gives_an_answer(folds, augment) -> None:
    def key(**llm: str) -> str:
        dotted = {f"llm.{name}": value for name, value in llm.items()}
        return replace(folds()[0], augment=augment(dotted, method="llm")).key

    replayed = key(mode="replay")

    assert key(mode="record") == replayed
    assert key(mode="record", url="http://else:1/v1", key_variable="OTHER") == replayed
    assert len({replayed, key(mode="off"), key(mode="replay", model="other")}) == 3


def test_folds_have_seeds_of_their_own(folds, fit, monkeypatch) -> None:
    seeds: list[int] = []

    def watched(job: Any) -> Any:
        seeds.append(job.recipe.seed)
        raise KeyboardInterrupt

    monkeypatch.setattr(folds_module.registry, "fit", watched)
    for fold in [*folds(), folds(seed=8)[0]]:
        with pytest.raises(KeyboardInterrupt):
            fit(fold)
    assert len(set(seeds)) == SPLITS + 1
