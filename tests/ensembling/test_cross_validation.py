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

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.params import Kfold
from foldline.core.paths import store_root
from foldline.ensembling import cross_validation
from foldline.ensembling import folds as folds_module
from foldline.ensembling.cross_validation import cross_validate
from foldline.ensembling.folds import (
    Fold,
    fit_fold,
    load_result,
    make_baseline,
    split_training_rows,
)
from foldline.execution.store import Store
from foldline.execution.tasks import Task, run_tasks
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

    def make(
        model: str = "tfidf", rows: pd.DataFrame = table, keep: bool = True, **how: Any
    ) -> list[Fold]:
        own = recipe(model=model, **how)
        kfold = Kfold(n_splits=SPLITS, inner_valid=0.25, keep_models=keep)
        copies = augment(method="aeda", strategy="n_per_row", copies=1)
        return [
            Fold("model", number, rows, labels("classification"), own, copies, kfold)
            for number in range(SPLITS)
        ]

    return make


def run(folds: list[Fold], jobs: int = 1) -> None:
    run_tasks([Task(fold.name, fit_fold, (fold,)) for fold in folds], jobs, "test")


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


def test_every_row_is_predicted_once(folds, table) -> None:
    own = folds()
    run(own)
    predicted = pd.concat([fold.held_out for fold in own])
    assert sorted(predicted["id"]) == table["id"].tolist()
    for fold in own:
        result = load_result(fold)
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
def test_held_rows_change_nothing_that_is_fitted(model, folds, table, workplace) -> None:
    """Whatever the held rows say: the model of their fold stays the same to the byte."""
    other = table.copy()
    held = other["fold"] == 1
    other.loc[held, "text"] = "전혀 other words 다른"
    other.loc[held, "label"] = np.roll(other.loc[held, "label"].to_numpy(), 1)
    models = []
    for rows in (table, other):
        fold = folds(model, rows=rows)[1]
        fit_fold(fold)
        models.append(digest(load_result(fold).model))
        for part in split_training_rows(fold):
            assert not set(part["id"]) & set(table["id"][held])
    assert models[0] == models[1]


def test_finished_folds_are_not_fitted_again(folds, fits, monkeypatch) -> None:
    own = folds("tfidf")
    with monkeypatch.context() as patch:
        patch.setattr(folds_module, "load_result", None)
        fit_fold(own[0])
        fit_fold(own[1])
    assert len(fits) == 2
    run(folds("tfidf"))  # as after a kill: everything is made anew
    assert len(fits) == 3
    run(own)
    assert len(fits) == 3


def test_a_kill_between_fit_and_seal_is_fitted_again(folds, fits, monkeypatch) -> None:
    fold = folds("tfidf")[0]
    with monkeypatch.context() as patch:
        interrupt = (_ for _ in ()).throw
        patch.setattr(folds_module.registry, "save", lambda *_: interrupt(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            fit_fold(fold)
    with pytest.raises(FoldlineError, match="fold 0: its result is gone"):
        load_result(fold)
    fit_fold(fold)
    assert len(fits) == 2
    assert load_result(fold).model is not None


@pytest.mark.slow
def test_sigkill_leaves_what_was_finished(folds, fits, workplace) -> None:
    import pickle

    own = folds("tfidf")
    (workplace / "folds.pickle").write_bytes(pickle.dumps(own))
    code = """
import os, pickle, signal, sys
sys.path.insert(0, sys.argv[1])
from foldline.ensembling import folds
own = pickle.load(open("folds.pickle", "rb"))
folds.fit_fold(own[0])
folds.registry.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
folds.fit_fold(own[1])
"""
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)])
    assert done.returncode == -signal.SIGKILL
    run(own)
    assert len(fits) == 2
    assert all(load_result(fold).model for fold in own)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tfidf", "scratch"])
def test_workers_do_not_matter(model, folds, workplace, monkeypatch) -> None:
    results = []
    for jobs in (1, 2):
        monkeypatch.setenv("DVC_ROOT", str(workplace / str(jobs)))
        own = folds(model)
        run(own, jobs)
        results.append([load_result(fold) for fold in own])
    for one, two in zip(*results, strict=True):
        assert one.predictions.tobytes() == two.predictions.tobytes()
        assert digest(one.model) == digest(two.model)


def test_models_are_kept_if_asked(folds) -> None:
    for keep in (True, False):
        fold = folds(keep=keep)[0]
        fit_fold(fold)
        assert (load_result(fold).model is not None) == keep


def test_success_leaves_nothing_of_the_model_in_the_store(folds) -> None:
    own = folds("length")
    store = Store("folds")
    killed = store.root / f".{own[0].key}.1.tmp" / "models.1.tmp"  # a writer that was killed
    killed.mkdir(parents=True)
    (killed / "half").touch()
    other = store.root / ".of-another-key.1.tmp"
    other.mkdir()

    with cross_validate(own, jobs=1) as result:
        assert len(result.results) == len(own)

    assert list(store.root.iterdir()) == [other]
    assert [path for path in store_root().rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("first", ["tfidf", "length"])
def test_folds_of_the_tfidf_baseline_are_fitted_once(first, folds, fits) -> None:
    """Also where TF-IDF was the model before, and whatever changes in the options of others."""
    own = folds(first)
    baselines = [make_baseline(fold) for fold in own]
    with cross_validate(own if first == "tfidf" else own + baselines, jobs=1) as result:
        shown = {fold.fold.number: fold.predictions for fold in result.results}
    fits.clear()

    other = folds("length", lr=0.5)
    with cross_validate(other + [make_baseline(fold) for fold in other], jobs=1) as result:
        again = [own for own in result.results if own.fold.is_baseline]

    assert len(fits) == len(other)  # those of the model alone
    for one in again:
        assert one.predictions.tobytes() == shown[one.fold.number].tobytes()


def test_a_baselines_fold_reads_no_other_option(folds) -> None:
    fold = make_baseline(folds("scratch", lr=0.5)[0])

    assert fold.key == make_baseline(folds("scratch", epochs=3)[0]).key
    assert fold.key != make_baseline(folds("scratch", seed=8)[0]).key
    with pytest.raises(AttributeError, match="lr"):
        _ = fold.recipe.lr


def test_workers_fill_the_cores_with_threads(recipe, monkeypatch) -> None:
    monkeypatch.setattr(cross_validation, "count_cores", lambda: 8)
    monkeypatch.setattr(cross_validation, "get_device", lambda: "cpu")
    counts = {
        (model, threads): cross_validation.count_workers(
            recipe(model=model, dotted={"train.threads": threads})
        )
        for model, threads in [("tfidf", 1), ("scratch", 8), ("scratch", 3), ("embed", 2)]
    }

    assert list(counts.values()) == [8, 1, 2, 4]
    monkeypatch.setattr(cross_validation, "get_device", lambda: "cuda")
    assert cross_validation.count_workers(recipe(model="scratch")) == 1


def test_keys_follow_what_a_fold_depends_on(folds, table) -> None:
    base = folds()
    other = [
        folds("scratch")[0],
        folds(keep=False)[0],
        folds(lr=0.5)[0],
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


def test_folds_have_seeds_of_their_own(folds, monkeypatch) -> None:
    seeds: list[int] = []

    def watched(job: Any) -> Any:
        seeds.append(job.recipe.seed)
        raise KeyboardInterrupt

    monkeypatch.setattr(folds_module.registry, "fit", watched)
    for fold in [*folds(), folds(seed=8)[0]]:
        with pytest.raises(KeyboardInterrupt):
            fit_fold(fold)
    assert len(set(seeds)) == SPLITS + 1
