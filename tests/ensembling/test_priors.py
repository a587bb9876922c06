"""Shares of classes: weights by hand, EM against brute force, and how often a shift is claimed."""

import numpy as np
import pytest

from foldline.core.io.labels import Labels
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import OutOfFold, fit_ensemble
from foldline.ensembling.methods.interface import Context
from foldline.ensembling.priors import (
    Prior,
    adapt_out_of_fold,
    estimate_shares,
    estimate_shares_by_decisions,
    estimate_shift,
    fit_weights,
    reweight,
)
from foldline.evaluation.prior_shift import make_prior_shift_report

SHARES = np.array([0.8, 0.15, 0.05])


def draw(
    shares: np.ndarray, n: int, seed: int, assumed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return right probabilities of rows, if classes have the `assumed` shares, and targets."""
    rng = np.random.default_rng(seed)
    c = len(shares)
    target = rng.choice(c, size=n, p=shares)
    logs = 1.5 * (rng.normal(size=(n, c)) + 1.5 * np.eye(c)[target])
    powers = np.exp(logs) * (shares if assumed is None else assumed)
    return powers / powers.sum(axis=1, keepdims=True), target


def test_weights_by_hand():
    p = np.array([[0.5, 0.5]])
    # Learnt on equal shares, used where the second class has a fifth: odds of 1 to 4.
    assert reweight(p, [0.8 / 0.5, 0.2 / 0.5], "classification").tolist() == [[0.8, 0.2]]
    assert reweight(np.array([[0.5, 0.8]]), [3, 0.25], "multilabel") == pytest.approx(
        np.array([[0.75, 0.5]])
    )


def test_adapted_probabilities_have_the_shares_of_the_rows_as_their_mean():
    p, target = draw(SHARES, 3000, 0, assumed=np.ones(3) / 3)
    weights = fit_weights(p, target, "classification")
    adapted = reweight(p, weights, "classification")

    assert adapted.mean(axis=0) == pytest.approx(np.bincount(target) / 3000, abs=1e-6)
    # The model assumed equal shares: weights are the shares, up to a factor and sampling.
    assert np.array(weights) / np.sum(weights) == pytest.approx(SHARES, abs=0.02)
    truth, _ = draw(SHARES, 3000, 0)
    assert np.abs(adapted - truth).max() < 0.05
    order = np.random.default_rng(1).permutation(3000)
    assert fit_weights(p[order], target[order], "classification") == weights


def test_labels_of_multilabel_are_adapted_one_by_one():
    p, target = draw(np.array([0.9, 0.1]), 2000, 0, assumed=np.array([0.5, 0.5]))
    both = np.column_stack([p[:, 1], p[:, 1]])
    weights = fit_weights(both, np.column_stack([target, target]), "multilabel")
    own = fit_weights(p, target, "classification")

    assert weights[0] == weights[1] == pytest.approx(own[1] / own[0], abs=1e-6)


def test_each_fold_is_adapted_by_the_others():
    p, target = draw(SHARES, 300, 0, assumed=np.ones(3) / 3)
    folds = np.arange(300) % 3
    changed = np.where(folds == 1, 0, target)
    found, again = (adapt_out_of_fold(p, own, "classification", folds) for own in (target, changed))

    assert (found[folds == 1] == again[folds == 1]).all()
    assert (found != again).any()


def test_estimated_shares_are_the_most_likely_ones():
    p, _ = draw(np.array([0.3, 0.7]), 500, 0, assumed=np.array([0.6, 0.4]))
    train = np.array([0.6, 0.4])
    grid = np.linspace(0.001, 0.999, 999)
    likelihood = [np.log(p @ (np.array([1 - x, x]) / train)).sum() for x in grid]

    assert estimate_shares(p, train)[1] == pytest.approx(grid[np.argmax(likelihood)], abs=1e-3)
    assert (estimate_shares(p[:0], train) == train).all()


def test_shares_by_decisions_by_hand():
    known = np.eye(2)[[0, 0, 0, 1, 1, 1, 1, 0]]  # each class is recognized in three of four rows
    target = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    new = np.eye(2)[[1, 1, 0, 1, 0, 1, 1, 1]]  # 6 of 8: x * 3/4 + (1 - x) / 4
    found = estimate_shares_by_decisions(known, target, new, np.array([0.5, 0.5]))

    assert found == pytest.approx([0, 1])


def test_a_shift_is_found_with_its_interval_and_weights():
    p, target = draw(SHARES, 2000, 0, assumed=np.ones(3) / 3)
    new_shares = np.array([0.5, 0.3, 0.2])
    new, truth = draw(new_shares, 1500, 1, assumed=np.ones(3) / 3)
    shift = estimate_shift((p, target, None), (new, None), "classification", 0.95)

    assert (shift.low < new_shares).all()
    assert (new_shares < shift.high).all()
    assert shift.established.all()
    adapted = reweight(new, shift.weights, "classification")
    assert adapted.mean(axis=0) == pytest.approx(shift.share, abs=1e-3)
    assert (adapted.argmax(axis=1) == truth).mean() > 0.7
    labels = Labels("classification", ("a", "b", "c"))
    own = OutOfFold("classification", target, np.arange(2000), {"m": p}, Context())
    report = make_prior_shift_report(labels, own, p, shift, 1500)
    change = report["expected_change"]["accuracy"]
    assert report["established"]
    assert report["predict"]["a"]["low"] < 0.5 < report["predict"]["a"]["high"]
    assert change["offline"] == pytest.approx((p.argmax(axis=1) == target).mean())
    online = (new.argmax(axis=1) == truth).mean()
    assert change["online"] == pytest.approx(online, abs=0.04)


def test_the_margin_is_that_of_a_bootstrap_of_both_parts():
    p, target = draw(SHARES, 400, 0)
    new, _ = draw(SHARES, 300, 1)
    shift = estimate_shift((p, target, None), (new, None), "classification", 0.95)
    rng, found = np.random.default_rng(2), []
    for _ in range(150):
        one, two = rng.integers(400, size=400), rng.integers(300, size=300)
        again = estimate_shift(
            (p[one], target[one], None), (new[two], None), "classification", 0.95
        )
        found.append(again.share - again.train)
    margin = (shift.high - shift.low)[:2] / 2
    # Bonferroni for three classes: 2.39 standard deviations.
    assert margin == pytest.approx(2.394 * np.std(found, axis=0)[:2], rel=0.25)


def test_copies_of_rows_make_a_shift_no_surer():
    p, target = draw(SHARES, 500, 0)
    new, _ = draw(np.array([0.7, 0.2, 0.1]), 200, 1)
    groups = np.arange(200)
    once = estimate_shift((p, target, None), (new, groups), "classification", 0.95)
    copied = (np.repeat(new, 4, axis=0), np.repeat(groups, 4))
    often = estimate_shift((p, target, None), copied, "classification", 0.95)

    assert often.low == pytest.approx(once.low, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("c", [2, 4, 20])
def test_without_a_shift_few_are_claimed(c):
    """Of 200 pairs of samples of equal shares, with a model that assumes others."""
    shares = np.ones(c) / c if c == 20 else np.array([0.7, 0.2, 0.06, 0.04])[:c]
    shares = shares / shares.sum()
    claims = 0
    for seed in range(200):
        p, target = draw(shares, 600, 2 * seed, assumed=np.ones(c) / c)
        new, _ = draw(shares, 300, 2 * seed + 1, assumed=np.ones(c) / c)
        shift = estimate_shift((p, target, None), (new, None), "classification", 0.95)
        claims += bool(shift.established.any())

    assert claims <= 0.09 * 200  # 5 % expected, within three standard errors


def test_the_ensemble_keeps_its_weights_and_applies_a_shift_to_new_rows_alone(workplace):
    p, target = draw(SHARES, 400, 0, assumed=np.ones(3) / 3)
    context = Context(1, np.arange(400) % 4, np.zeros((400, 2)))
    own = OutOfFold("classification", target, np.arange(400), {"m": p}, context, adapts=True)
    ensemble = fit_ensemble("soft", own)
    assert ensemble.prior == Prior(fit_weights(p, target, "classification"), [])
    changed = Ensemble(**vars(ensemble) | {"prior": Prior(ensemble.prior.weights, [1.0, 2.0, 1.0])})
    changed.save()
    loaded = Ensemble.load()
    final = loaded.combine({"m": p}, None, "classification")

    assert loaded == changed
    assert (final == reweight(p, ensemble.prior.weights, "classification")).all()
    assert (ensemble.shift(final, "classification") == final).all()
    assert (loaded.shift(final, "classification") != final).any()
    assert (
        fit_ensemble(
            "soft", OutOfFold("classification", target, np.arange(400), {"m": p}, context)
        ).prior
        is None
    )
