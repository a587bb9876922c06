"""Subsets of training rows: nested, whole groups, each label in its share."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from foldline.experiments.training_subsets import list_sizes, rank_rows, select_subset


def make_rows(task: str = "classification", n: int = 600) -> pd.DataFrame:
    """Return rows of which every fifth pair stands in one group; labels 6 : 3 : 1."""
    rng = np.random.default_rng(0)
    labels = rng.choice(["a", "b", "c"], size=n, p=[0.6, 0.3, 0.1])
    if task == "regression":
        labels = rng.random(n).astype(str)
    if task == "multilabel":
        labels = ["|".join(c for c in "abc" if rng.random() < 0.4) for _ in range(n)]
    groups = [f"g{number - (number % 10 == 9)}" for number in range(n)]
    return pd.DataFrame({"id": [f"r{n}" for n in range(n)], "label": labels, "group": groups})


@pytest.mark.parametrize("task", ["classification", "multilabel", "regression"])
def test_subsets_are_nested_and_keep_groups_whole(task):
    rows = make_rows(task)
    ranks = rank_rows(rows, task, 3)
    masks = [select_subset(ranks, size) for size in (20, 75, 150, 300, 600)]

    for smaller, larger in pairwise(masks):
        assert (larger | ~smaller).all()
    for mask, size in zip(masks, (20, 75, 150, 300, 600), strict=True):
        assert size - 2 < mask.sum() <= size
        assert not set(rows["group"][mask]) & set(rows["group"][~mask])


def test_every_subset_has_each_label_in_its_share():
    rows = make_rows()
    ranks = rank_rows(rows, "classification", 3)

    for size in (60, 150, 300):
        part = rows[select_subset(ranks, size)]["label"].value_counts()
        whole = rows["label"].value_counts() * size / len(rows)
        assert (abs(part - whole) <= 2.5).all()


def test_another_seed_draws_other_rows():
    rows = make_rows()
    first, other = (select_subset(rank_rows(rows, "classification", s), 100) for s in (1, 2))

    assert 0 < (first & other).sum() < 60


def test_sizes_are_halves_of_all_rows_as_far_as_there_are_enough():
    assert list_sizes(3200, 6, 10) == [100, 200, 400, 800, 1600, 3200]
    assert list_sizes(3200, 7, 10)[1:] == list_sizes(3200, 6, 10)
    assert list_sizes(160, 4, 20) == [20, 40, 80, 160]
    assert list_sizes(90, 3, 40) == [40, 60, 90]
