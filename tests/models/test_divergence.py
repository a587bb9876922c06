"""An exploded loss stops a training; a restless one does not."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.labels import Labels
from foldline.models.neural.divergence import PATIENCE, DivergenceDetector, chance_loss

TWO = Labels("classification", ("a", "b"))
RNG = np.random.default_rng(0)
FALLING = 0.7 * np.exp(-np.arange(500) / 100)
RESTLESS: dict[str, Iterable[float]] = {
    "flat noise": RNG.gamma(2, 0.35, size=2000),
    "nearly 0, then back to where it was": [*FALLING, *np.full(1000, 0.7)],
    "0 from the first step, then noisy labels": [*np.zeros(500), *np.full(1000, 1.5)],
    "spikes of a thousand": np.where(np.arange(3000) % 300 == 299, 700.0, 0.3),
    "a long spike that ends": [*FALLING, *np.full(100, 30.0), *FALLING],
    "up during the warm-up": [*np.full(30, 0.7), *np.full(300, 9.0), *FALLING, *FALLING, *FALLING],
}


def first_stop(losses: Iterable[float], warmup: float = 0.0, labels: Labels = TWO) -> int | None:
    given = list(losses)
    watching = DivergenceDetector(labels, warmup, lambda: "")
    return next((n for n, v in enumerate(given, 1) if watching.update(v, len(given))), None)


@pytest.mark.parametrize("name", RESTLESS)
def test_a_restless_loss_goes_on(name):
    assert first_stop(RESTLESS[name], warmup=0.25) is None


@pytest.mark.parametrize("height", [8.0, 100.0, 1e30])
def test_an_exploded_loss_is_stopped(height):
    found = first_stop([*FALLING, *np.full(1000, height)])

    assert found is not None
    assert 500 + PATIENCE <= found < 500 + PATIENCE + 50


def test_chance_is_the_loss_of_who_knows_nothing():
    assert (
        chance_loss(TWO)
        == chance_loss(Labels("multilabel", ("a", "b", "c")))
        == pytest.approx(0.6931472)
    )
    assert chance_loss(Labels("classification", ("a", "b", "c"))) == pytest.approx(1.0986123)
    assert chance_loss(Labels("regression")) == 1.0


@pytest.mark.slow
def test_a_training_that_explodes_names_step_and_rows(fit, parts):
    train, none = parts[0], parts[0].iloc[:0]
    how: dict[str, Any] = {"lr": 1e3, "epochs": 120, "dotted": {"train.optimizer": "sgd"}}
    how["dotted"] |= {"train.max_grad_norm": 0.0, "train.warmup": 0.0, "scratch.dropout": 0.0}
    how["dotted"] |= {"train.schedule": "constant"}
    with pytest.raises(FoldlineError, match=r"training diverged.*step \d+, over the rows r0"):
        fit("scratch", train, none, "classification", **how)
