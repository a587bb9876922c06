"""Bags: whole groups, drawn from a fold's training rows alone, each trained once."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline.core.io.files import digest
from foldline.core.params import KINDS, Recipe, Runner
from foldline.core.params.kind_options import select_options
from foldline.core.params.loading import read_params
from foldline.ensembling import cross_validation, training
from foldline.ensembling import folds as folds_module
from foldline.ensembling.bagging import draw_bag, list_bags
from foldline.ensembling.cross_validation import CrossValidation, cross_validate
from foldline.ensembling.fits import PREDICTIONS
from foldline.ensembling.folds import Fold, fit_fold, split_training_rows
from foldline.execution.store import is_intact
from foldline.models import registry
from tests.helpers.edited_params import params_error, write_edited_params
from tests.helpers.marks import mark_slow_except
from tests.helpers.projects import PARAMS

SPLITS = 3
MODELS = (*KINDS, "pretrained")
FAST = ("majority", "length", "tfidf", "gbdt", "external")


@pytest.fixture
def table(rows) -> pd.DataFrame:
    """Return 36 rows in 12 groups of three, whole groups in a fold."""
    group = np.arange(36) // 3
    own = rows(n=36).assign(group=[f"g{number}" for number in group])
    return own.assign(fold=group % SPLITS, duplicate="")


@pytest.fixture
def make_fold(workplace, table, recipe, labels, augment, beside, tiny_bert) -> Callable[..., Fold]:
    """Make the second fold of a model over the table; each row has one augmented copy."""

    def make(model: str = "tfidf", bag: int = 0) -> Fold:
        own = recipe(model=tiny_bert if model == "pretrained" else model)
        for key, value in beside.items():
            section, _, field = key.partition(".")
            changed = getattr(own, section).model_copy(update={field: value})
            own = own.model_copy(update={section: changed})
        copies = augment(method="aeda", strategy="n_per_row", copies=1)
        return Fold("bag", 1, table, labels("classification"), own, copies, 0.25, bag=bag)

    return make


def bag_recipe(recipe: Any, count: int, model: str = "length") -> Recipe:
    return select_options(recipe({"bagging.n_estimators": count}, model=model))


def run_folds(fold: Fold, count: int, recipe: Any) -> CrossValidation:
    """Cross-validate a member of `count` bags inline."""
    runner = Runner.model_validate(read_params(PARAMS)["runner"])
    own = bag_recipe(recipe, count)
    return cross_validate(
        [
            replace(fold, number=number, recipe=own, bag=bag)
            for bag in list_bags(own)
            for number in range(SPLITS)
        ],
        runner,
    )


def test_a_bag_is_whole_groups_with_their_copies(make_fold):
    rows, _ = split_training_rows(make_fold())
    bag = draw_bag(rows, 1, seed=3)
    times = Counter(bag["id"].str.split("*").str[0])
    for _, members in rows.groupby("group"):
        assert len({times[id_] for id_ in members["id"]}) == 1
        assert set(members["method"]) == {"original", "aeda"}
    drawn = [times[ids.iloc[0]] for _, ids in rows.groupby("group")["id"]]
    assert sum(drawn) == rows["group"].nunique()
    assert 0 in drawn
    assert max(drawn) > 1
    assert bag["id"].is_unique
    columns = ["text", "label", "group", "source_id", "method"]
    sources = rows.set_index("id").loc[bag["id"].str.split("*").str[0]]
    assert bag[columns].to_numpy().tolist() == sources[columns].to_numpy().tolist()


def test_the_order_of_rows_and_strange_ids_do_not_matter(rows):
    table = rows(n=30)
    table["id"] = [f"r*{number}" for number in range(30)]
    one, other = (draw_bag(t, 1, seed=3) for t in (table, table.iloc[::-1]))
    assert sorted(one["id"]) == sorted(other["id"])
    assert one["id"].is_unique
    assert draw_bag(table, 0, seed=3) is table
    assert draw_bag(table.iloc[:0], 1, seed=3).empty


def test_a_bag_holds_two_thirds_of_the_groups(rows):
    table = rows(n=900)
    bags = [draw_bag(table, 1, seed) for seed in range(3)]
    assert [len(bag) for bag in bags] == [900] * 3
    seen = [bag["group"].nunique() / 900 for bag in bags]
    assert seen == pytest.approx([1 - np.exp(-1)] * 3, abs=0.04)


@pytest.mark.parametrize("model", mark_slow_except(MODELS, FAST))
def test_held_out_and_stopping_rows_are_in_no_bag(model, make_fold, monkeypatch, tmp_path):
    jobs = []
    fit = registry.fit

    def watched(job: Any) -> Any:
        jobs.append(job)
        return fit(job)

    monkeypatch.setattr(folds_module.registry, "fit", watched)
    fold = make_fold(model, bag=2)
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
        (tmp_path / f"{folder.name}-scratch").mkdir()
        fit_fold(folder, tmp_path / f"{folder.name}-scratch", fold)
    learnt, stopping = split_training_rows(fold)
    job = jobs[0]

    assert set(job.train["source_id"]) <= set(learnt["source_id"])
    assert not set(job.train["group"]) & set(fold.held_out["group"])
    assert not set(job.train["group"]) & set(stopping["group"])
    assert job.valid["id"].tolist() == stopping["id"].tolist()
    first, second = ((f / PREDICTIONS).read_bytes() for f in folders)
    assert first == second
    assert digest(folders[0] / "model") == digest(folders[1] / "model")


def test_one_bag_more_trains_one_more_of_each_fold(make_fold, recipe, monkeypatch):
    counted = []
    fit = registry.fit
    monkeypatch.setattr(folds_module.registry, "fit", lambda job: counted.append(1) or fit(job))
    run_folds(make_fold(), 2, recipe)
    assert len(counted) == 2 * SPLITS
    result = run_folds(make_fold(), 3, recipe)
    assert len(counted) == 3 * SPLITS
    assert all(is_intact(own.fit.model.parent) for own in result.results)


def test_bags_differ_and_a_member_predicts_their_mean(make_fold, recipe, labels):
    result = run_folds(make_fold(), 3, recipe)
    (models,) = result.list_models().values()
    table = result.make_table()
    ids = [id_ for own in result.results[:SPLITS] for id_ in own.fold.held_out["id"]]
    bags = [
        np.concatenate([own.fit.predictions for own in result.results[start : start + SPLITS]])
        for start in range(0, 3 * SPLITS, SPLITS)
    ]

    assert len(models) == 3 * SPLITS
    assert not np.array_equal(bags[0], bags[1])
    expected = pd.DataFrame(np.mean(bags, axis=0), index=ids).loc[table["id"]].to_numpy()
    np.testing.assert_allclose(labels("classification").predictions(table), expected)
    assert [own["bag"] for own in result.describe()["folds"]] == sorted([1, 2, 3] * SPLITS)


def test_full_models_are_bagged_and_the_recipe_alone_is_one(rows, labels, recipe, workplace):
    content = read_params(PARAMS)
    runner = Runner.model_validate(content["runner"])
    members = cross_validation.Members(
        recipes={
            "model": recipe(model="length"),
            "bag": recipe({"bagging.n_estimators": 3}, model="length"),
        },
        voters=["bag"],
        models="both",
    )
    table = rows().assign(source_id=lambda own: own["id"])
    own = training.train_members(
        table.iloc[:30], table.iloc[30:], pd.DataFrame(), members.recipes["model"], members,
        labels("classification"), runner,
    )  # fmt: skip

    assert {name: len(fits) for name, fits in own.members.items()} == {"model": 1, "bag": 3}
    bags = np.array([fit.predictions for fit in own.members["bag"]])
    assert len(np.unique(bags[:, 0, 0])) == 3
    valid = own.make_validation_table()
    shown = labels("classification").predictions(valid[valid["member"] == "bag"])
    np.testing.assert_allclose(shown, bags.mean(axis=0))


def test_bags_of_the_files_own_recipe_are_refused_with_a_member(tmp_path):
    text = params_error(write_edited_params(tmp_path, n_estimators="n_estimators: 10"))

    assert "bagging.n_estimators  must be 1 here" in text
    assert "ensemble.members: {bag: {bagging.n_estimators: 10}}" in text


def test_a_recipe_without_bags_keeps_its_key(make_fold, recipe):
    plain, bag = make_fold(), make_fold(bag=1)
    one, ten = (bag_recipe(recipe, count, "tfidf") for count in (1, 10))

    assert list_bags(one) == [0]
    assert plain.training_seed == make_fold().training_seed != bag.training_seed
    assert replace(bag, recipe=ten).key == replace(bag, recipe=one).key != plain.key
    assert one != ten  # else one member would be taken for the other


def test_bags_are_named(make_fold):
    assert make_fold(bag=4).name == "bag, fold 2, bag 4"
    assert make_fold().name == "bag, fold 2"
