"""Ensemble methods: a contract that holds for every method and task, then cases by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from foldline.ensembling.methods.interface import Context, Members
from foldline.ensembling.methods.registry import METHODS, combine_out_of_fold
from foldline.ensembling.methods.weights import fit_log_pool
from foldline.metrics.registry import measure

METHOD = pytest.mark.parametrize("method", METHODS)


@dataclass(frozen=True)
class Case:
    """Members' predictions of rows with a target; folds and features are in the context."""

    task: str
    members: Members
    target: np.ndarray
    context: Context

    def fit_and_combine(self, method: str) -> np.ndarray:
        own = METHODS[method]
        state = own.fit(self.members, self.target, self.task, self.context)
        return own.combine(state, self.members, self.task, self.context)

    def select(self, rows: np.ndarray) -> "Case":
        members = {name: values[rows] for name, values in self.members.items()}
        return Case(self.task, members, self.target[rows], self.context.select(rows))

    def change(self, **members: np.ndarray) -> "Case":
        return replace(self, members={**self.members, **members})


def make_context(n: int, folds: int = 4) -> Context:
    surface = np.random.default_rng(5).normal(size=(n, 3))
    return Context(seed=7, folds=np.arange(n) % folds, surface=surface)


def make_classes(n: int, c: int, seed: int = 0) -> Case:
    """Return three members that know the class more or less well."""
    rng = np.random.default_rng(seed)
    target = rng.integers(c, size=n)
    members = {}
    for name, skill in {"a": 2.0, "b": 1.0, "c": 0.5}.items():
        logits = rng.normal(size=(n, c)) + skill * np.eye(c)[target]
        powers = np.exp(logits)
        members[name] = powers / powers.sum(axis=1, keepdims=True)
    return Case("classification", members, target, make_context(n))


def log_pool(probabilities: np.ndarray, power: float) -> np.ndarray:
    """Return probabilities to a power, which brings them closer together or further apart."""
    powers = probabilities**power
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def make_labels(n: int, c: int) -> Case:
    rng = np.random.default_rng(1)
    target = rng.integers(2, size=(n, c))
    members = {
        name: 1 / (1 + np.exp(-rng.normal(skill * (2 * target - 1), 1.0)))
        for name, skill in {"a": 1.5, "b": 1.0, "c": 0.5}.items()
    }
    return Case("multilabel", members, target, make_context(n))


def make_numbers(n: int) -> Case:
    rng = np.random.default_rng(2)
    target = rng.normal(3.0, 2.0, size=n)
    members = {
        name: target + rng.normal(0, noise, size=n)
        for name, noise in {"a": 0.5, "b": 1.0, "c": 2.0}.items()
    }
    return Case("regression", members, target, make_context(n))


CASES = {
    "two classes": make_classes(200, 2),
    "four classes": make_classes(200, 4),
    "77 classes": make_classes(160, 77),
    "multilabel": make_labels(120, 3),
    "regression": make_numbers(200),
}
CASE = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def assert_valid(found: np.ndarray, case: Case) -> None:
    assert found.shape == case.members["a"].shape
    assert np.isfinite(found).all()
    if case.task != "regression":
        assert (found >= 0).all()
        assert (found <= 1 + 1e-12).all()
    if case.task == "classification":
        np.testing.assert_allclose(found.sum(axis=1), 1)


@METHOD
@CASE
def test_contract(case, method) -> None:
    found = case.fit_and_combine(method)

    assert_valid(found, case)
    np.testing.assert_array_equal(case.fit_and_combine(method), found)
    turned = replace(case, members=dict(reversed(case.members.items())))
    np.testing.assert_array_equal(turned.fit_and_combine(method), found)
    order = np.random.default_rng(3).permutation(len(case.target))
    np.testing.assert_allclose(
        case.select(order).fit_and_combine(method), found[order], atol=2e-3, rtol=0
    )


@METHOD
@CASE
def test_a_row_is_predicted_alone_as_among_others(case, method) -> None:
    own = METHODS[method]
    state = own.fit(case.members, case.target, case.task, case.context)
    together = own.combine(state, case.members, case.task, case.context)
    for row in (0, 3):
        one = case.select(np.array([row]))
        alone = own.combine(state, one.members, case.task, one.context)
        np.testing.assert_allclose(alone, together[[row]], rtol=1e-9, atol=1e-12)


@METHOD
@CASE
def test_shares_are_of_all_members_and_sum_to_one(case, method) -> None:
    own = METHODS[method]
    state = own.fit(case.members, case.target, case.task, case.context)
    share = own.share(state, case.members, case.task, case.context)

    assert set(share) == set(case.members)
    assert sum(share.values()) == pytest.approx(1)
    assert min(share.values()) >= 0


def test_a_member_that_hardly_differs_between_rows_has_a_small_share_in_stacking() -> None:
    """Its coefficients are large, since its log-probabilities are hardly apart."""
    case = make_classes(400, 3)
    shrunken = log_pool(case.members["c"], 0.01)
    changed = case.change(c=shrunken)
    own = METHODS["stacking"]
    state = own.fit(changed.members, changed.target, changed.task, changed.context)
    share = own.share(state, changed.members, changed.task, changed.context)

    assert share["a"] > share["b"] > share["c"]
    assert share["c"] < 0.1


def test_the_share_of_numbers_in_stacking_is_their_spread_times_the_coefficient() -> None:
    case = make_numbers(100)
    state = {"coefficients": {"a": [[2.0]], "b": [[-1.0]], "c": [[0.0]]}, "intercept": [0.0]}
    a, b = case.members["a"].std(), case.members["b"].std()
    share = METHODS["stacking"].share(state, case.members, case.task, case.context)
    assert share == pytest.approx({"a": 2 * a / (2 * a + b), "b": b / (2 * a + b), "c": 0.0})


# What one member alone becomes: itself, or what the method's docstring says.
RECALIBRATED = {
    ("hard", "classification"),  # a vote has no degrees
    ("hard", "multilabel"),
    ("weighted", "classification"),  # sharper or softer
    ("weighted", "multilabel"),
    ("weighted", "regression"),  # a multiple
    ("rank", "regression"),  # with the target's quantiles
}


@METHOD
@CASE
def test_one_member_is_itself(case, method) -> None:
    alone = replace(case, members={"a": case.members["a"]})
    found = alone.fit_and_combine(method)

    if method == "stacking":  # recalibrated by a fit
        assert_valid(found, case)
    elif (method, case.task) not in RECALIBRATED:
        np.testing.assert_allclose(found, case.members["a"], atol=1e-9)
    elif case.task == "classification":
        np.testing.assert_array_equal(found.argmax(axis=1), case.members["a"].argmax(axis=1))
    elif case.task == "multilabel":
        np.testing.assert_array_equal(found > 0.5, case.members["a"] > 0.5)
    else:
        np.testing.assert_array_equal(found.argsort(), case.members["a"].argsort())


@METHOD
@CASE
def test_copies_of_a_member_change_nothing(case, method) -> None:
    alone = replace(case, members={"a": case.members["a"]}).fit_and_combine(method)
    copies = replace(case, members=dict.fromkeys("abc", case.members["a"])).fit_and_combine(method)

    if method == "hard" and case.task != "regression":  # how much a tie counts depends on the votes
        np.testing.assert_array_equal(copies > 0.5, alone > 0.5)
    else:
        np.testing.assert_allclose(copies, alone, atol=2e-3)


@METHOD
@CASE
def test_out_of_fold_scores_do_not_see_the_labels_of_their_fold(case, method) -> None:
    held_out = case.context.folds == 3
    shuffled = case.target.copy()
    shuffled[held_out] = np.roll(shuffled[held_out], 1, axis=0)
    one, two = (
        combine_out_of_fold(method, case.members, target, case.task, case.context)
        for target in (case.target, shuffled)
    )

    assert_valid(one, case)
    np.testing.assert_array_equal(one[held_out], two[held_out])


@METHOD
def test_a_class_that_one_fold_alone_has(method) -> None:
    case = make_classes(80, 3)
    target = np.where(case.context.folds == 1, 2, case.target % 2)
    found = combine_out_of_fold(method, case.members, target, case.task, case.context)

    assert_valid(found, case)


@METHOD
@CASE
def test_a_member_that_is_constant(case, method) -> None:
    shape = case.members["a"].shape
    value = 1 / shape[1] if case.task == "classification" else 0.5
    case = case.change(b=np.full(shape, value))

    assert_valid(
        combine_out_of_fold(method, case.members, case.target, case.task, case.context), case
    )


@METHOD
@pytest.mark.parametrize("name", ["two classes", "four classes", "multilabel"])
def test_a_member_that_is_certain_and_often_wrong(name, method) -> None:
    case = CASES[name]
    hard = (
        (case.members["c"] > 0.5).astype(float)
        if case.task == "multilabel"
        else np.eye(case.members["c"].shape[1])[case.members["c"].argmax(axis=1)]
    )
    case = case.change(c=hard)
    found = combine_out_of_fold(method, case.members, case.target, case.task, case.context)

    assert_valid(found, case)


@METHOD
@CASE
def test_three_rows_a_fold(case, method) -> None:
    few = case.select(np.arange(12))

    assert_valid(combine_out_of_fold(method, few.members, few.target, few.task, few.context), few)


@pytest.mark.parametrize("method", ["weighted", "simplex", "greedy", "stacking", "gate"])
@CASE
def test_a_fitted_method_is_no_worse_than_its_worst_members(case, method) -> None:
    metric = "f1_macro" if case.task != "regression" else "pearson"

    def score(values: np.ndarray) -> float:
        return measure(case.task, case.target, values, names=[metric])[metric]

    combined = combine_out_of_fold(method, case.members, case.target, case.task, case.context)

    assert score(combined) > score(case.members["b"])


def combine(method: str, state: Mapping, members: Members, task: str = "classification"):
    return METHODS[method].combine(dict(state), members, task, Context())


def test_soft_by_hand() -> None:
    own = {"a": np.array([[0.8, 0.2]]), "b": np.array([[0.1, 0.9]])}
    assert combine("soft", {}, own) == pytest.approx(np.array([[0.45, 0.55]]))


def weighted(members: Members, weights: Mapping[str, float], task="classification") -> np.ndarray:
    return combine("weighted", {"weights": weights}, members, task)


def fit_weights(members: Members, target: np.ndarray, task="classification") -> dict[str, float]:
    return fit_log_pool(members, target, task, Context())["weights"]


def test_weighted_by_hand() -> None:
    own = {"a": np.array([[0.8, 0.2]]), "b": np.array([[0.1, 0.9]])}
    # sqrt(.8 * .1) : sqrt(.2 * .9) is 2 : 3.
    assert weighted(own, {"a": 0.5, "b": 0.5}) == pytest.approx(np.array([[0.4, 0.6]]))
    assert weighted(own, {"a": 0.0, "b": 1.0}) == pytest.approx(own["b"])
    # A weight of 2 squares: .64 : .04.
    assert weighted({"a": own["a"]}, {"a": 2.0}) == pytest.approx(np.array([[16, 1]]) / 17)
    numbers = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 0.0])}
    found = weighted(numbers, {"a": 0.5, "b": 0.25}, "regression")
    assert found == pytest.approx(np.array([1.25, 1.0]))


def test_an_unsure_member_is_sharpened() -> None:
    """Right nine times in ten, though it says 60 %: a weight of log 9 / log 1.5 mends that."""
    target = np.repeat([0, 1], [900, 100])
    unsure = {"a": np.tile([0.6, 0.4], (1000, 1))}
    weights = fit_weights(unsure, target)
    assert weights["a"] == pytest.approx(np.log(9) / np.log(1.5), rel=1e-3)
    assert weighted(unsure, weights)[0] == pytest.approx([0.9, 0.1], abs=1e-3)


def test_one_certain_mistake_does_not_outweigh_the_rest() -> None:
    target = np.array([0] * 99 + [1])
    certain = {"a": np.tile([1.0, 0.0], (100, 1))}
    pooled = weighted(certain, fit_weights(certain, target))
    assert np.isfinite(pooled).all()
    assert pooled[0, 0] == pytest.approx(0.99, abs=0.005)


def test_hard_by_hand() -> None:
    # Two votes for the first class, though the one for the second is surer of itself.
    own = {
        "a": np.array([[0.6, 0.4, 0.0]]),
        "b": np.array([[0.6, 0.4, 0.0]]),
        "c": np.array([[0.0, 1.0, 0.0]]),
    }
    tie = 0.5 / 4
    expected = np.array([2 / 3, 1 / 3, 0]) + tie * np.array([0.4, 0.6, 0.0])
    assert combine("hard", {}, own)[0] == pytest.approx(expected / (1 + tie))
    numbers = {"a": np.array([1.0]), "b": np.array([2.0]), "c": np.array([9.0])}
    assert combine("hard", {}, numbers, "regression") == [2.0]


def test_a_tie_goes_to_the_higher_mean() -> None:
    own = {"a": np.array([[0.55, 0.45]]), "b": np.array([[0.1, 0.9]])}
    assert combine("hard", {}, own).argmax() == 1
    own = {"a": np.array([[0.45, 0.55]]), "b": np.array([[0.9, 0.1]])}
    assert combine("hard", {}, own).argmax() == 0


@pytest.mark.parametrize("count", range(2, 12))
def test_a_majority_is_never_outvoted(count) -> None:
    """Whatever the means are: one vote more is more."""
    surest = [np.array([[0.0, 1.0]])] * ((count - 1) // 2)
    barely = [np.array([[0.51, 0.49]])] * (count - len(surest))
    own = {str(i): values for i, values in enumerate(surest + barely)}
    assert len(barely) > len(surest)
    assert combine("hard", {}, own).argmax() == 0


def test_weights_recover_the_mixture_of_classes() -> None:
    rng = np.random.default_rng(1)
    own = {name: rng.dirichlet(np.ones(4), size=40_000) for name in "abc"}
    weights = {"a": 0.6, "b": 0.4, "c": 0.0}
    mixed = weighted(own, weights)
    target = (rng.random((len(mixed), 1)) > mixed.cumsum(axis=1)).sum(axis=1)
    assert fit_weights(own, target) == pytest.approx(weights, abs=0.03)


def test_weights_recover_the_mixture_of_numbers() -> None:
    rng = np.random.default_rng(1)
    own = {name: rng.normal(size=5000) for name in "abc"}
    weights = {"a": 0.7, "b": 0.3, "c": 0.0}
    target = weighted(own, weights, "regression") + rng.normal(0, 0.1, size=5000)
    assert fit_weights(own, target, "regression") == pytest.approx(weights, abs=0.02)


def test_no_weight_is_better_than_none() -> None:
    """Where every member points away from the target, least squares gives zeros: equal then."""
    own = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([2.0, 1.0, 2.0])}
    found = fit_weights(own, np.array([-1.0, -2.0, -3.0]), "regression")
    assert found == {"a": 0.5, "b": 0.5}
    impossible = {name: np.array([[1.0, 0.0]] * 3) for name in "ab"}
    assert fit_weights(impossible, np.ones(3, dtype=int)) == pytest.approx({"a": 0.5, "b": 0.5})


def fit_simplex(members: Members, target: np.ndarray, task: str) -> dict[str, float]:
    return METHODS["simplex"].fit(members, target, task, Context())["weights"]


def test_simplex_by_hand() -> None:
    """Member a is certain and right in three of four rows, b in the other one.

    3 log w + log(1 - w) is largest at w = 3/4.
    """
    own = {
        "a": np.array([[1.0, 0.0]] * 3 + [[1.0, 0.0]]),
        "b": np.array([[0.0, 1.0]] * 3 + [[0.0, 1.0]]),
    }
    target = np.array([0, 0, 0, 1])
    found = fit_simplex(own, target, "classification")
    assert found == pytest.approx({"a": 0.75, "b": 0.25}, abs=1e-5)
    pooled = combine("simplex", {"weights": found}, own)
    assert pooled[0] == pytest.approx([0.75, 0.25], abs=1e-5)
    # 2 w + 4 (1 - w) = 3.5 in every row; outside of the members it ends at the nearer one.
    numbers = {"a": np.full(5, 2.0), "b": np.full(5, 4.0)}
    mixed = fit_simplex(numbers, np.full(5, 3.5), "regression")
    assert mixed == pytest.approx({"a": 0.25, "b": 0.75}, abs=1e-6)
    outside = fit_simplex(numbers, np.full(5, 9.0), "regression")
    assert outside == pytest.approx({"a": 0.0, "b": 1.0}, abs=1e-6)


def test_rank_by_hand() -> None:
    """Members of other scales that order the rows alike: their mean is at the mean of the scales.

    Rows 0 to 1000 have the ranks 0 to 1 by both; the quantiles are x and x squared.
    """
    x = np.linspace(0, 1, 1001)
    yes = {"a": x, "b": np.square(x)}
    own = {name: np.column_stack([1 - values, values]) for name, values in yes.items()}
    target = (x > 0.5).astype(int)
    method = METHODS["rank"]
    state = method.fit(own, target, "classification", Context())
    found = method.combine(state, own, "classification", Context())
    assert found[:, 1] == pytest.approx((x + x * x) / 2, abs=2e-3)
    # Numbers: a row that is the median for one and the lowest for the other stands at a quarter.
    numbers = {"a": x, "b": 10 * x}
    state = method.fit(numbers, 5 + 2 * x, "regression", Context())
    new = {"a": np.array([0.5]), "b": np.array([0.0])}
    assert method.combine(state, new, "regression", Context()) == pytest.approx([5.5], abs=2e-3)


def test_greedy_by_hand() -> None:
    """b alone is right in both rows of class 1, a in those of class 0: only both are always right.

    The mean of both is .5 + .1 for the true class where one is right with .9 and the other says .3.
    """
    target = np.array([0, 0, 1, 1])
    right, wrong = [0.9, 0.1], [0.3, 0.7]
    own = {
        "a": np.array([right, right, right[::-1], wrong[::-1]]),
        "b": np.array([right, wrong, right[::-1], right[::-1]]),
        "c": np.array([[0.1, 0.9]] * 2 + [[0.9, 0.1]] * 2),
    }
    state = METHODS["greedy"].fit(own, target, "classification", Context())
    assert state["weights"] == {"a": 0.5, "b": 0.5, "c": 0.0}


def test_stacking_corrects_what_members_confuse() -> None:
    """A member that swaps two classes knows them: no weight of one number a member can use it."""
    case = make_classes(600, 3)
    swapped = case.members["a"][:, [1, 0, 2]]
    case = replace(case, members={"a": swapped, "b": case.members["c"]})

    def score(method: str) -> float:
        found = combine_out_of_fold(method, case.members, case.target, case.task, case.context)
        return measure(case.task, case.target, found, names=["f1_macro"])["f1_macro"]

    assert score("stacking") > score("weighted") + 0.2


def test_gate_takes_the_member_that_knows_the_row() -> None:
    """One member knows short texts, the other long ones; the first feature is the length."""
    case = make_classes(600, 3)
    assert case.context.surface is not None
    short = case.context.surface[:, :1] < 0
    flat = np.full((600, 3), 1 / 3)
    good = case.members["a"]
    case = replace(
        case, members={"a": np.where(short, good, flat), "b": np.where(short, flat, good)}
    )
    method = METHODS["gate"]
    blind = Context(7, case.context.folds, np.zeros((600, 1)))
    seen = method.fit(case.members, case.target, case.task, case.context)
    assert seen["coefficients"]["b"][-3] > 0 > seen["coefficients"]["a"][-3]

    def loss(context: Context) -> float:
        found = combine_out_of_fold("gate", case.members, case.target, case.task, context)
        return measure(case.task, case.target, found, names=["log_loss"])["log_loss"]

    assert loss(case.context) < combine_loss(case, "soft") - 0.05
    assert loss(case.context) <= loss(blind) + 1e-3


def combine_loss(case: Case, method: str) -> float:
    found = combine_out_of_fold(method, case.members, case.target, case.task, case.context)
    return measure(case.task, case.target, found, names=["log_loss"])["log_loss"]
