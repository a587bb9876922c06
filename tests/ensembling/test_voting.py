"""Voting: identities that hold for every method, then cases worked out by hand."""

import numpy as np
import pytest

from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import describe_better_voter
from foldline.ensembling.voting import (
    METHODS,
    combine_out_of_fold,
    fit_weights,
    hard_vote,
    soft_vote,
    weighted_vote,
)

EQUAL = {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}


def members(seed: int = 0, n: int = 200, task: str = "classification") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    if task == "regression":
        return {name: rng.normal(size=n) for name in EQUAL}
    return {name: rng.dirichlet(np.ones(4), size=n) for name in EQUAL}


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("method", METHODS)
def test_contract(method, task) -> None:
    own = members(task=task)
    weights = {"a": 0.5, "b": 0.3, "c": 0.2}
    found = METHODS[method](own, weights)
    turned = METHODS[method](dict(reversed(own.items())), weights)
    rows = METHODS[method]({name: values[::-1] for name, values in own.items()}, weights)[::-1]

    assert found.shape == own["a"].shape
    assert turned == pytest.approx(found)
    assert rows == pytest.approx(found)
    if task == "classification":
        assert found.sum(axis=1) == pytest.approx(np.ones(200))
        assert (found >= 0).all()


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("method", METHODS)
def test_one_member_is_itself(method, task) -> None:
    alone = members(task=task)["a"]
    found = METHODS[method]({"a": alone}, {"a": 1.0})
    if method == "hard" and task == "classification":  # a vote has no degrees
        assert (found.argmax(axis=1) == alone.argmax(axis=1)).all()
    else:
        np.testing.assert_allclose(found, alone)


def test_soft_by_hand() -> None:
    own = {"a": np.array([[0.8, 0.2]]), "b": np.array([[0.1, 0.9]])}
    assert soft_vote(own, {}) == pytest.approx(np.array([[0.45, 0.55]]))


def test_weighted_by_hand() -> None:
    own = {"a": np.array([[0.8, 0.2]]), "b": np.array([[0.1, 0.9]])}
    # sqrt(.8 * .1) : sqrt(.2 * .9) is 2 : 3.
    assert weighted_vote(own, {"a": 0.5, "b": 0.5}) == pytest.approx(np.array([[0.4, 0.6]]))
    assert weighted_vote(own, {"a": 0.0, "b": 1.0}) == pytest.approx(own["b"])
    # A weight of 2 squares: .64 : .04.
    assert weighted_vote({"a": own["a"]}, {"a": 2.0}) == pytest.approx(np.array([[16, 1]]) / 17)
    numbers = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 0.0])}
    assert weighted_vote(numbers, {"a": 0.5, "b": 0.25}) == pytest.approx(np.array([1.25, 1.0]))


def test_an_unsure_member_is_sharpened() -> None:
    """Right nine times in ten, though it says 60 %: a weight of log 9 / log 1.5 mends that."""
    target = np.repeat([0, 1], [900, 100])
    unsure = {"a": np.tile([0.6, 0.4], (1000, 1))}
    weights = fit_weights(unsure, target)
    assert weights["a"] == pytest.approx(np.log(9) / np.log(1.5), rel=1e-3)
    assert weighted_vote(unsure, weights)[0] == pytest.approx([0.9, 0.1], abs=1e-3)


def test_one_certain_mistake_does_not_outweigh_the_rest() -> None:
    target = np.array([0] * 99 + [1])
    certain = {"a": np.tile([1.0, 0.0], (100, 1))}
    pooled = weighted_vote(certain, fit_weights(certain, target))
    assert np.isfinite(pooled).all()
    assert pooled[0, 0] == pytest.approx(0.99, abs=0.005)


def test_hard_by_hand() -> None:
    # Two votes for the first class, though the one for the second is surer of itself.
    own = {
        "a": np.array([[0.6, 0.4, 0.0]]),
        "b": np.array([[0.6, 0.4, 0.0]]),
        "c": np.array([[0.0, 1.0, 0.0]]),
    }
    found = hard_vote(own, {})
    tie = 0.5 / 4
    expected = np.array([2 / 3, 1 / 3, 0]) + tie * np.array([0.4, 0.6, 0.0])
    assert found[0] == pytest.approx(expected / (1 + tie))
    assert hard_vote({"a": np.array([1.0]), "b": np.array([2.0]), "c": np.array([9.0])}, {}) == [
        2.0
    ]


def test_a_tie_goes_to_the_higher_mean() -> None:
    own = {"a": np.array([[0.55, 0.45]]), "b": np.array([[0.1, 0.9]])}
    assert hard_vote(own, {}).argmax() == 1
    own = {"a": np.array([[0.45, 0.55]]), "b": np.array([[0.9, 0.1]])}
    assert hard_vote(own, {}).argmax() == 0


@pytest.mark.parametrize("count", range(2, 12))
def test_a_majority_is_never_outvoted(count) -> None:
    """Whatever the means are: one vote more is more."""
    surest = [np.array([[0.0, 1.0]])] * ((count - 1) // 2)
    barely = [np.array([[0.51, 0.49]])] * (count - len(surest))
    own = {str(i): values for i, values in enumerate(surest + barely)}
    assert len(barely) > len(surest)
    assert hard_vote(own, {}).argmax() == 0


def test_recovers_the_mixture_of_classes() -> None:
    own, rng = members(n=40_000), np.random.default_rng(1)
    weights = {"a": 0.6, "b": 0.4, "c": 0.0}
    mixed = weighted_vote(own, weights)
    target = (rng.random((len(mixed), 1)) > mixed.cumsum(axis=1)).sum(axis=1)
    assert fit_weights(own, target) == pytest.approx(weights, abs=0.03)


def test_recovers_the_mixture_of_numbers() -> None:
    own = members(task="regression", n=5000)
    weights = {"a": 0.7, "b": 0.3, "c": 0.0}
    target = weighted_vote(own, weights) + np.random.default_rng(1).normal(0, 0.1, size=5000)
    assert fit_weights(own, target) == pytest.approx(weights, abs=0.02)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_weights_follow_names(task) -> None:
    own = members(task=task)
    target = np.arange(200) % 4
    weights = fit_weights(own, target)
    turned = fit_weights(dict(reversed(own.items())), target)
    assert min(weights.values()) >= 0
    assert turned == pytest.approx(weights, abs=1e-4)


def test_no_weight_is_better_than_none() -> None:
    """Where every member points away from the target, least squares gives zeros: equal then."""
    own = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([2.0, 1.0, 2.0])}
    assert fit_weights(own, np.array([-1.0, -2.0, -3.0])) == {"a": 0.5, "b": 0.5}
    impossible = {name: np.array([[1.0, 0.0]] * 3) for name in "ab"}
    assert fit_weights(impossible, np.ones(3, dtype=int)) == pytest.approx({"a": 0.5, "b": 0.5})


@pytest.mark.parametrize("method", METHODS)
def test_weights_of_a_fold_do_not_see_its_labels(method) -> None:
    own = members()
    folds = np.arange(200) % 5
    target = np.random.default_rng(2).integers(4, size=200)
    other = np.where(folds == 3, (target + 1) % 4, target)
    one, two = (combine_out_of_fold(method, own, t, folds) for t in (target, other))
    np.testing.assert_array_equal(one[folds == 3], two[folds == 3])
    if method == "weighted":
        assert not np.array_equal(one, two)
    else:
        assert one == pytest.approx(METHODS[method](own, EQUAL))


@pytest.mark.parametrize(
    ("scores", "better"),
    [
        ({"model": 0.8, "tfidf": 0.9, "weighted": 0.85, "soft": 0.95}, "[tfidf]"),
        ({"model": 0.9, "tfidf": 0.8, "weighted": 0.85, "soft": 0.95}, "[model,folds]"),
        ({"model": 0.8, "tfidf": 0.9, "weighted": 0.9, "soft": 0.1}, None),
        ({"model": 0.8, "weighted": 0.7}, None),
    ],
)
def test_a_member_that_beats_the_vote_is_noted(scores, better) -> None:
    voters = [name for name in ("model", "tfidf") if name in scores]
    models = {"model": 1, "folds": 5} | ({"tfidf": 1} if "tfidf" in scores else {})
    ensemble = Ensemble("weighted", models, dict.fromkeys(voters, 1.0))

    note = describe_better_voter(ensemble, scores, "f1_macro")

    assert note is None if better is None else f"ensemble.members={better}" in (note or "")
