"""Over- and underfitting are named by the scores of learnt and held-out rows."""

import numpy as np
import pytest

from foldline.ensembling.fit_verdict import (
    FITS,
    LEARNS_NOTHING,
    OVERFITS,
    UNDERFITS,
    Score,
    judge_fit,
    score_constant,
)

CASES = {
    "wide gap": ((0.99, 0.98, 1.0), (0.71, 0.68, 0.74), OVERFITS),
    "gap within the intervals": ((0.80, 0.62, 0.90), (0.70, 0.63, 0.79), UNDERFITS),
    "both low": ((0.65, 0.62, 0.68), (0.60, 0.57, 0.63), UNDERFITS),
    "both high": ((0.99, 0.98, 1.0), (0.96, 0.95, 0.97), FITS),
    "small sample": ((0.93, 0.80, 1.0), (0.84, 0.70, 0.96), FITS),
    "chance": ((0.95, 0.9, 1.0), (0.18, 0.10, 0.26), LEARNS_NOTHING),
}


@pytest.mark.parametrize(("train", "held_out", "name"), CASES.values(), ids=CASES)
def test_verdicts_by_hand_made_numbers(train, held_out, name, recipe):
    verdict = judge_fit(
        "classification", "f1_macro", Score(*train), Score(*held_out, where="out of fold"), 0.2,
        recipe(model="tfidf"),
    )  # fmt: skip

    assert verdict.name == name
    assert name in verdict.line


def test_the_line_has_scores_remedies_and_what_more_data_bring(recipe):
    def judge(**more):
        train, held_out = Score(0.99, 0.98, 1.0), Score(0.71, 0.68, 0.74, "valid")
        own = recipe(model="scratch", epochs=4)
        return judge_fit("classification", "f1_macro", train, held_out, 0.2, own, **more).line

    assert judge().startswith("train .990, valid .710: overfits; try dropout, train.weight_decay")
    assert "learning-curve" in judge()
    gain = {"gain": 0.05, "gain_low": 0.02, "gain_high": 0.08}
    assert "twice the rows: +0.050" in judge(doubled=gain)
    assert "twice the rows (+0.050) may change nothing" in judge(doubled=gain | {"gain_low": 0.0})
    rising = [{"valid_loss": 0.5, "valid_metric": 0.7}, {"valid_loss": 0.9, "valid_metric": 0.7}]
    assert "loss rose after the epoch that is kept" in judge(histories=[rising])
    falling = [{"valid_loss": 1 - 0.1 * n, "valid_metric": 0.1} for n in range(4)]
    assert "may have ended too soon" in judge(histories=[falling])


def test_a_loss_is_judged_as_a_score_is(recipe):
    judged = judge_fit(
        "regression", "rmse", Score(0.1, 0.05, 0.15), Score(0.9, 0.8, 1.0), 2.0, recipe()
    )

    assert judged.name == OVERFITS


def test_without_a_training_score_there_is_no_verdict(recipe):
    assert judge_fit("classification", "f1_macro", None, Score(1, 1, 1), 0.2, recipe()) is None


def test_a_constant_predicts_the_shares_of_the_labels():
    target = np.array([0, 0, 0, 1])

    assert score_constant("classification", target, "accuracy") == 0.75
    assert score_constant("regression", np.array([1.0, 3.0]), "pearson") == 0.0
    assert score_constant("regression", np.array([1.0, 3.0]), "rmse") == 1.0
