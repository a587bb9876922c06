"""What each kind reads of a recipe, and members' changes that their kind does not read."""

import re

import pytest

from foldline.core.params import Recipe
from foldline.core.params.base import KINDS
from foldline.core.params.kind_options import ANY_KIND, OPTIONS, list_options, select_options
from foldline.core.params.loading import find_problems, read_params


def test_every_kind_is_a_transformer_or_has_a_list_of_options():
    assert {*OPTIONS, "scratch"} == set(KINDS)


@pytest.mark.parametrize("model", [*KINDS, "models/pretrained/some", "components.some"])
def test_options_are_keys_of_a_recipe(model):
    names = list_options(model)
    assert {name.partition(".")[0] for name in names} <= set(Recipe.model_fields)
    assert not set(names) & set(ANY_KIND)


def test_recipes_that_differ_in_what_their_kind_does_not_read_are_equal(recipe):
    changes = {"train.loss": "focal", "lr": 0.1, "scratch.layers": 1, "tfidf.c": 1.0}
    for model in ("gbdt", "static", "tfidf", "scratch", "models/pretrained/some"):
        unread = {
            key: value
            for key, value in changes.items()
            if not {key, key.partition(".")[0]} & set(list_options(model))
        }
        assert unread
        assert select_options(recipe(model=model)) == select_options(recipe(unread, model=model))


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        ({"tfidf.head": "nbsvm"}, "tfidf"),
        ({"gbdt.leaves": 7}, "gbdt"),
        ({"zero_shot.hypothesis": "{label}"}, "zero-shot"),
    ],
)
def test_a_change_that_the_kind_does_not_read_is_refused_and_the_advice_mends_it(change, meant):
    content = read_params() | {"model": "scratch"}
    content["ensemble"] = content["ensemble"] | {"members": {"other": dict(change)}}
    message = find_problems(content)["ensemble.members.other"]
    assert next(iter(change)) in message
    found = re.search(r"add `model: (\S+)` to this member", message)
    assert found and found[1] == meant
    content["ensemble"]["members"]["other"]["model"] = found[1]
    # A zero-shot model itself is still to be named.
    assert "does not read" not in str(find_problems(content))


def test_a_chain_reads_the_options_of_both_models(recipe):
    content = read_params() | {"model": "tfidf"}
    change = {"gbdt.leaves": 7, "train.threads": 1}
    for first, is_read in (("gbdt", True), ("length", False)):
        members = {"other": change | {"chain.first": first}}
        content["ensemble"] = content["ensemble"] | {"members": members}
        assert ("ensemble.members.other" not in find_problems(content)) == is_read
    # A part of a section never hides the whole that the other model reads.
    for first, model in (("gbdt", "scratch"), ("scratch", "gbdt")):
        chained = select_options(recipe({"chain.first": first}, model=model))
        assert chained.train == recipe().train
        assert chained.gbdt == recipe().gbdt
    assert "chain" not in vars(select_options(recipe({"chain.n_splits": 9}, model="tfidf")))
