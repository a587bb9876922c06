"""Group-aware splits: rows of any number of labels, in whole groups, each label by the shares."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldline.core.io.group_split import group_folds, split_groups

SHARES = [0.6, 0.2, 0.2]


def names(count: int) -> list[str]:
    return [f"r{n:05}" for n in range(count)]


def multilabel(count: int, seed: int, labels: int = 6) -> np.ndarray:
    """Draw labels that are rarer from one to the next, some rows without any: (n, labels)."""
    rng = np.random.default_rng(seed)
    return (rng.random((count, labels)) < 0.5 / np.arange(1, labels + 1) ** 1.5).astype(np.int64)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(40, 250), st.integers(0, 999), st.integers(2, 60), st.randoms())
def test_groups_stay_whole_whatever_the_order_of_rows(count, seed, groups, random):
    matrix = multilabel(count, seed)
    group = [f"g{n}" for n in np.random.default_rng(seed).integers(groups, size=count)]
    order = list(range(count))
    random.shuffle(order)

    codes = split_groups(names(count), group, matrix, SHARES, seed)
    ids = [names(count)[n] for n in order]
    again = split_groups(ids, [group[n] for n in order], matrix[order], SHARES, seed)

    assert again.tolist() == codes[order].tolist()
    assert set(codes.tolist()) <= {0, 1, 2}
    for name in set(group):
        assert len({code for code, own in zip(codes, group, strict=True) if own == name}) == 1


@settings(max_examples=30, deadline=None)
@given(
    st.integers(60, 400),
    st.integers(0, 999),
    st.sampled_from([SHARES, [0.8, 0.1, 0.1], [0.2] * 5]),
)
def test_each_label_and_the_rows_reach_their_shares(count, seed, shares):
    matrix = multilabel(count, seed)

    codes = split_groups(names(count), names(count), matrix, shares, seed)

    for part, share in enumerate(shares):
        own = matrix[codes == part]
        assert abs(len(own) - share * count) <= 4
        assert (np.abs(own.sum(axis=0) - share * matrix.sum(axis=0)) <= 5).all()


def test_iterative_stratification_beats_a_shuffle_on_rare_labels():
    def worst(codes: np.ndarray) -> float:
        shares = np.array([matrix[codes == part].sum(axis=0) for part in range(5)])
        return float(np.abs(shares / matrix.sum(axis=0) - 0.2).max())

    matrix = multilabel(500, 3)
    ids = names(500)
    ours = worst(split_groups(ids, ids, matrix, [0.2] * 5, 1))
    shuffled = [worst(np.random.default_rng(seed).permutation(500) % 5) for seed in range(20)]

    assert ours < min(shuffled) / 2


def test_a_label_of_as_many_rows_as_folds_is_in_each():
    matrix = np.zeros((100, 3), dtype=np.int64)
    matrix[:5, 0] = 1
    matrix[:50, 1] = 1
    matrix[40:, 2] = 1

    codes = split_groups(names(100), names(100), matrix, [0.2] * 5, 7)

    assert sorted(codes[:5].tolist()) == [0, 1, 2, 3, 4]
    assert np.ptp(np.bincount(codes)) <= 2


@pytest.mark.parametrize("labels", ["classes", "matrix"])
def test_one_label_a_row_is_the_same_as_classes(labels):
    classes = np.repeat([0, 1, 2], [50, 30, 20])
    strata = classes if labels == "classes" else np.eye(3, dtype=np.int64)[classes]

    codes = split_groups(names(100), names(100), strata, SHARES, 1)

    counts = [np.bincount(classes[codes == part], minlength=3).tolist() for part in range(3)]
    assert counts == [[30, 18, 12], [10, 6, 4], [10, 6, 4]]


@pytest.mark.parametrize("kind", ["classes", "matrix", "groups"])
def test_a_new_row_moves_few_others(kind):
    matrix = multilabel(402, 5)
    strata = matrix if kind == "matrix" else np.arange(402) % 4
    group = [f"g{n % 150}" if n < 300 and kind == "groups" else f"r{n}" for n in range(402)]

    after = split_groups(names(402), group, strata, SHARES, 1)
    for fewer in (401, 400):
        before = split_groups(names(fewer), group[:fewer], strata[:fewer], SHARES, 1)
        assert (before != after[:fewer]).sum() <= 12


def test_many_groups_of_several_classes_reach_the_shares():
    classes = np.repeat(np.arange(77), 6)
    group = [f"g{n // 3}" for n in range(len(classes))]

    codes = split_groups(names(len(classes)), group, classes, SHARES, 1)

    sizes = np.bincount(codes) / len(classes)
    assert np.abs(sizes - SHARES).max() <= 0.01


def test_groups_with_a_place_go_first_to_the_first_part():
    group = ["placed"] * 30 + names(70)

    codes = split_groups(names(100), group, np.arange(100) % 2, [0.2, 0.4, 0.4], 1, {"placed"})

    assert set(codes[:30]) == {0}
    assert np.bincount(codes).tolist() == [30, 35, 35]


def test_folds_have_equal_shares_of_each_class_in_whole_groups():
    classes = np.repeat([0, 1, 2], [90, 60, 30])
    group = [f"g{n // 2}" for n in range(180)]

    folds = group_folds(names(180), group, classes, 5, 1)

    assert np.array_equal(folds[::2], folds[1::2])
    counts = np.array([np.bincount(classes[folds == fold], minlength=3) for fold in range(5)])
    assert (np.ptp(counts, axis=0) <= 2).all()


def test_fewer_groups_than_folds_leave_folds_empty():
    folds = group_folds(names(9), ["a", "b", "c"] * 3, np.zeros(9, dtype=int), 5, 1)

    assert len(set(folds.tolist())) == 3
