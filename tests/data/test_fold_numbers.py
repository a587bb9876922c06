"""Folds: of one size, every class in each."""

import re

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.core.errors import FoldlineError
from foldline.data.folds import assign_folds
from foldline.data.split_feasibility import fold_notes
from tests.helpers.split_tables import make_rows


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("aaaabbcdefgh"), min_size=20, max_size=200), st.integers(2, 7))
def test_folds_are_of_one_size_and_balance(labels, n_splits):
    table = make_rows(len(labels), label=labels).assign(group=lambda t: t["id"])
    folds = assign_folds(table, n_splits, "classification", 3)
    counts = np.bincount(folds, minlength=n_splits)

    assert counts.max() - counts.min() <= 3
    for name in set(labels):
        own = np.bincount(folds[np.array(labels) == name], minlength=n_splits)
        assert own.max() - own.min() <= 2


def test_folds_of_many_small_classes_are_of_one_size():
    labels = [f"class {n // 3}" for n in range(240)]
    table = make_rows(240, label=labels).assign(group=lambda t: t["id"])

    counts = np.bincount(assign_folds(table, 5, "classification", 1))

    assert counts.tolist() == [48] * 5


def test_a_fold_that_would_be_empty_is_refused():
    """Groups so uneven that one of them fills two folds' share."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        names = [f"g{g}" for g in rng.choice(5, size=30, p=[0.8, 0.05, 0.05, 0.05, 0.05])]
        table = pd.DataFrame({"id": [str(i) for i in range(30)], "group": names})
        table["label"] = rng.choice(["a", "b"], size=30)
        try:
            folds = assign_folds(table, 5, "classification", seed)
        except FoldlineError as error:
            assert re.search("have no rows|needs at least as many groups", str(error))
        else:
            assert set(folds) == set(range(5))


def test_classes_that_cannot_be_in_each_fold_are_reported():
    table = make_rows(30, label=["rare"] * 2 + ["single"] + ["a"] * 27).assign(
        group=lambda t: t["id"]
    )
    table["fold"] = assign_folds(table, 5, "classification", 1)

    (note,) = fold_notes(table, 5)

    assert note == (
        "kfold.n_splits=5: 2 classes are not in every fold: 'single' in 1 (it has 1 group), "
        "'rare' in 2 (it has 2 groups). A class in one fold only is never learnt by the model "
        "that is scored on it."
    )
    assert fold_notes(table[table["label"] == "a"], 5) == []
