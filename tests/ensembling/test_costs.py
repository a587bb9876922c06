"""Costs of decisions: decisions by hand, mean costs and their change, and clear refusals."""

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels, decide
from foldline.ensembling.costs import compare_costs, compute_row_costs, make_costs
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold, fit_ensemble
from foldline.ensembling.ensemble_report import format_report, make_report, select_metrics
from foldline.ensembling.methods.interface import Context

TWO, THREE = Labels("classification", ("ham", "spam")), Labels("classification", ("a", "b", "c"))
TAGS = Labels("multilabel", ("x", "y"))


def test_costs_not_given_are_one_and_those_of_right_predictions_none():
    assert make_costs({"spam": {"ham": 5}}, TWO) == ((0, 1), (5, 0))
    assert make_costs({"a": {"a": 2, "c": 7}}, THREE) == ((2, 1, 7), (1, 0, 1), (1, 1, 0))
    assert make_costs({"x": {"false_negative": 3}}, TAGS) == ((1, 3), (1, 1))


def test_decisions_of_least_expected_cost_by_hand():
    # A spam that is taken for ham costs 5, so from a probability of 1 / 6 on it is spam.
    p = np.array([[0.9, 0.1], [0.83, 0.17], [0.84, 0.16]])
    assert decide("classification", p, costs=make_costs({"spam": {"ham": 5}}, TWO)).tolist() == [
        0,
        1,
        0,
    ]
    # Expected costs of a, b and c: .2 * 1 + .3 * 9, .5 * 1 + .3 * 9, .5 + .2.
    p = np.array([[0.5, 0.2, 0.3]])
    costs = make_costs({"c": {"a": 9, "b": 9}}, THREE)
    assert decide("classification", p, costs=costs).tolist() == [2]
    # A missed x costs 3, a wrong one 1: from 1 / 4 on.
    p = np.array([[0.25, 0.4], [0.24, 0.5]])
    assert decide(
        "multilabel", p, costs=make_costs({"x": {"false_negative": 3}}, TAGS)
    ).tolist() == [
        [1, 0],
        [0, 1],
    ]


@pytest.mark.parametrize("c", [2, 5])
def test_equal_costs_change_no_decision(c):
    p = np.random.default_rng(0).dirichlet(np.ones(c), 500)
    labels = Labels("classification", tuple("abcde"[:c]))

    assert (decide("classification", p, costs=make_costs({}, labels)) == p.argmax(axis=1)).all()
    both = decide("multilabel", p, costs=make_costs({}, Labels("multilabel", labels.classes)))
    assert (both == decide("multilabel", p)).all()


def test_mean_cost_and_its_change_by_hand():
    costs = make_costs({"spam": {"ham": 5}}, TWO)
    p, target = np.array([[0.7, 0.3], [0.7, 0.3], [0.9, 0.1]]), np.array([1, 0, 0])
    # All but the last are decided as spam: the first gains 5, the second loses 1.
    found = compare_costs("classification", target, p, costs, np.arange(3), 200, 0, 0.95)

    assert found["mean_cost"] == pytest.approx(1 / 3)
    assert found["usual"] == pytest.approx(5 / 3)
    assert found["difference"] == pytest.approx(-4 / 3)
    assert found["low"] < -4 / 3 < found["high"]
    tags = np.array([[1, 0], [0, 0]]), np.array([[0, 1], [0, 1]])
    costs = make_costs({"x": {"false_negative": 3}}, TAGS)
    assert compute_row_costs("multilabel", *tags, costs).tolist() == [4, 1]


@pytest.mark.parametrize(
    ("given", "labels", "words"),
    [
        ({"spm": {}}, TWO, "ensemble.costs: unknown class 'spm'; did you mean 'spam'?"),
        ({"spam": {"hm": 1}}, TWO, "ensemble.costs.spam: unknown class 'hm'; did you mean 'ham'?"),
        ({"x": {"missed": 2}}, TAGS, "Known: false_positive, false_negative"),
        ({"x": {"false_positive": 0}}, TAGS, "must be above 0"),
    ],
)
def test_costs_that_cannot_be_meant_are_refused(given, labels, words):
    with pytest.raises(FoldlineError) as error:
        make_costs(given, labels)
    assert words in str(error.value)


def test_the_gain_is_reported_and_decisions_come_back_from_the_file(workplace):
    rng = np.random.default_rng(0)
    n, costs = 400, make_costs({"spam": {"ham": 8}}, TWO)
    p = rng.beta(1, 3, n)
    target = (rng.random(n) < p).astype(np.int64)
    own = OutOfFold(
        "classification",
        target,
        np.arange(n).astype(str),
        {"model": np.column_stack([1 - p, p])},
        Context(1, np.arange(n) % 4, np.zeros((n, 2))),
    )
    ensemble = fit_ensemble("soft", own, threshold="cost", costs=costs)
    ensemble.save()
    report = make_report(ensemble, own, 200, 0.95, seed=1)
    labels = Ensemble.load().set_thresholds(TWO)

    assert labels.costs == costs
    assert report["costs"]["high"] < 0
    assert format_report(report)[-1].startswith("decisions by cost: mean cost ")
    decided = labels.decide(own.predictions["model"])
    assert (decided == (p >= 1 / 9)).all()
    assert select_metrics(report)["score"] == report["thresholds"]["score"]
    with pytest.raises(FoldlineError, match="costs: must be 3 lists of 3 numbers"):
        ensemble.set_thresholds(THREE)
