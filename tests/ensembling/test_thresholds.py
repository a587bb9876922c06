"""Decision thresholds: the best ones by brute force, and folds that do not judge themselves."""

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels, decide
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold, fit_ensemble
from foldline.ensembling.ensemble_report import format_report, make_report, select_metrics
from foldline.ensembling.methods.interface import Context
from foldline.ensembling.thresholds import decide_out_of_fold, fit_thresholds
from foldline.metrics.registry import measure


def draw(task: str, n: int, seed: int = 0, c: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities that are too low for rare classes, and targets."""
    rng = np.random.default_rng(seed)
    if task == "multilabel":
        target = (rng.random((n, c)) < [0.5, 0.1, 0.3][:c]).astype(np.int64)
        return 1 / (1 + np.exp(-(rng.normal(2 * target - 1.0, 1.0) - 1))), target
    shares = np.array([0.8, 0.15, 0.05]) if c == 3 else np.array([0.9, 0.1])
    target = rng.choice(c, size=n, p=shares)
    powers = np.exp(rng.normal(size=(n, c)) + 1.2 * np.eye(c)[target]) * shares
    return powers / powers.sum(axis=1, keepdims=True), target


def score(task: str, probabilities: np.ndarray, target: np.ndarray, thresholds: list[float]):
    codes = decide(task, probabilities, thresholds)
    return measure(task, target, probabilities, names=["f1_macro"], predicted=codes)["f1_macro"]


def test_decisions_by_hand():
    p = np.array([[0.7, 0.3], [0.8, 0.2]])

    assert decide("classification", p, [0.75, 0.25]).tolist() == [1, 0]
    assert decide("classification", p).tolist() == [0, 0]
    assert decide("multilabel", p, [0.75, 0.3]).tolist() == [[0, 1], [1, 0]]
    labels = Labels("multilabel", ("a", "b"), (0.75, 0.3))
    assert labels.decode(p) == ["b", "a"]
    assert labels.table(p)["predicted"].tolist() == ["b", "a"]


@pytest.mark.parametrize("seed", range(4))
def test_multilabel_thresholds_are_the_best(seed):
    p, target = draw("multilabel", 60, seed)
    found = fit_thresholds(p, target, "multilabel")

    for k in range(3):
        scores = [
            score("multilabel", p[:, [k]], target[:, [k]], [t])
            for t in np.append(np.unique(p[:, k]), 0.5)
        ]
        assert score("multilabel", p[:, [k]], target[:, [k]], [found[k]]) == pytest.approx(
            max(scores)
        )


@pytest.mark.parametrize("seed", range(4))
def test_two_classes_have_the_best_threshold(seed):
    p, target = draw("classification", 80, seed, c=2)
    found = fit_thresholds(p, target, "classification")
    values = np.unique(p[:, 1])
    middles = (values[1:] + values[:-1]) / 2
    best = max(score("classification", p, target, [1 - t, t]) for t in middles)

    assert sum(found) == pytest.approx(1)
    assert score("classification", p, target, found) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(3))
def test_no_single_weight_of_three_classes_can_do_better(seed):
    p, target = draw("classification", 150, seed)
    found = np.array(fit_thresholds(p, target, "classification"))
    best = score("classification", p, target, found.tolist())

    assert best > score("classification", p, target, [1 / 3] * 3)
    for k in range(3):
        for factor in np.exp(np.linspace(-2, 2, 81)):
            other = found * np.where(np.arange(3) == k, factor, 1)
            assert score("classification", p, target, other.tolist()) <= best + 1e-9


def test_thresholds_of_a_good_decision_stay():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])

    assert fit_thresholds(p, np.array([0, 1, 0]), "classification") == [0.5, 0.5]
    assert fit_thresholds(p, np.array([[1, 0], [0, 1], [1, 0]]), "multilabel") == [0.5, 0.5]
    assert fit_thresholds(p, np.array([[1, 0], [0, 0], [1, 0]]), "multilabel")[1] == 0.5


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_the_order_of_rows_changes_nothing(task):
    p, target = draw(task, 200)
    p = np.round(p, 2)  # with ties
    order = np.random.default_rng(1).permutation(200)

    assert fit_thresholds(p, target, task) == fit_thresholds(p[order], target[order], task)


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_each_fold_is_decided_by_the_others(task):
    p, target = draw(task, 120)
    folds = np.arange(120) % 3
    found = decide_out_of_fold(p, target, task, folds)
    changed = target.copy()
    changed[folds == 1] = 0
    again = decide_out_of_fold(p, changed, task, folds)

    assert (found[folds == 1] == again[folds == 1]).all()
    assert (found != again).any()


def make_out_of_fold(task: str, n: int = 400) -> OutOfFold:
    p, target = draw(task, n)
    context = Context(1, np.arange(n) % 4, np.zeros((n, 2)))
    return OutOfFold(task, target, np.arange(n).astype(str), {"model": p}, context)


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_the_gain_is_nested_and_reported(task, workplace):
    own = make_out_of_fold(task)
    ensemble = fit_ensemble("soft", own, threshold="f1")
    ensemble.save()
    report = make_report(ensemble, own, 200, 0.95, seed=1)
    gain, decided = report["thresholds"], own.decide(own.predictions["model"])

    assert Ensemble.load() == ensemble
    assert len(ensemble.thresholds) == 3
    expected = measure(task, own.target, own.predictions["model"], predicted=decided)["f1_macro"]
    assert gain["score"] == expected == select_metrics(report)["score"]
    assert gain["difference"] == pytest.approx(expected - report["methods"]["soft"])
    assert 0 < gain["low"] <= gain["difference"] <= gain["high"]
    assert format_report(report)[-1].startswith(
        f"thresholds of the other folds: f1_macro {expected:.4f}"
    )
    assert "thresholds" not in make_report(fit_ensemble("soft", own), own, 200, 0.95, seed=1)


def test_a_gain_that_is_not_certain_is_said():
    own = make_out_of_fold("classification", 40)
    rng = np.random.default_rng(5)
    guess = OutOfFold(
        own.task, rng.permutation(own.target), own.groups, own.predictions, own.context
    )
    report = make_report(fit_ensemble("soft", guess, threshold="f1"), guess, 200, 0.95, seed=1)

    assert report["thresholds"]["low"] <= 0
    assert "ensemble.threshold=none" in format_report(report)[-1]


def test_thresholds_of_other_classes_are_refused():
    ensemble = Ensemble("soft", ["model"], {}, thresholds=[0.4, 0.6])

    assert ensemble.set_thresholds(Labels("classification", ("a", "b"))).thresholds == (0.4, 0.6)
    with pytest.raises(FoldlineError, match=r"thresholds: must be 3 numbers.*\(found 2\)"):
        ensemble.set_thresholds(Labels("classification", ("a", "b", "c")))
