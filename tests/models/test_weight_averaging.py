"""Averages of weights along a training: EMA and SWA."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from foldline.models.neural.weight_averaging import WeightAverage
from tests.helpers.tiny_bert import build_tiny_bert


@pytest.mark.parametrize("options", [{"train.ema": 0.8}, {"train.swa": 0.4}], ids=["ema", "swa"])
def test_averages_are_torchs(options, recipe) -> None:
    model = build_tiny_bert()
    own = WeightAverage(model, recipe(options).train)
    own.start_step = 6 if "train.swa" in options else 0
    how = get_ema_avg_fn(0.8) if "train.ema" in options else None
    expected = AveragedModel(model, avg_fn=how)
    for step in range(1, 11):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        own.on_step_end(None, SimpleNamespace(global_step=step), None)
        if step > own.start_step:
            expected.update_parameters(model)
    raw = [p.detach().clone() for p in model.parameters()]
    with own.applied_temporarily():
        inside = [p.detach().clone() for p in model.parameters()]
    for found, wanted in zip(inside, expected.module.parameters(), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-6)
    assert all(torch.equal(a, b) for a, b in zip(raw, model.parameters(), strict=True))
    own.apply()
    assert all(torch.equal(a, b) for a, b in zip(inside, model.parameters(), strict=True))


def test_swa_is_the_mean_of_the_last_steps_by_hand(recipe) -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    own = WeightAverage(model, recipe({"train.swa": 0.5}).train)
    own.start_step = 2
    for step in (1, 2, 3, 4):
        torch.nn.init.constant_(model.weight, float(step))
        own.on_step_end(None, SimpleNamespace(global_step=step), None)
    own.apply()
    assert model.weight.item() == 3.5


@pytest.mark.slow
@pytest.mark.parametrize("valid", [0, 12])
@pytest.mark.parametrize("options", [{"train.ema": 0.9}, {"train.swa": 0.5}], ids=["ema", "swa"])
def test_the_average_is_what_is_judged_and_kept(options, valid, fit, rows, labels) -> None:
    train, held = rows().iloc[:28], rows().iloc[28 : 28 + valid]
    how: dict[str, Any] = {"epochs": 4, "lr": 1e-2}
    plain_, averaged = (
        fit("scratch", train, held, "classification", **how, dotted=dotted)
        for dotted in ({"train.schedule": "constant"}, options | {"train.schedule": "constant"})
    )
    assert [row["loss"] for row in plain_.history] == [row["loss"] for row in averaged.history]
    assert not np.array_equal(plain_.model.predict(train), averaged.model.predict(train))
    if valid:
        target = labels("classification").encode(held["label"])
        left = -np.log(averaged.model.predict(held)[np.arange(valid), target]).mean()
        assert left == pytest.approx(averaged.summary["best_valid_loss"], abs=1e-4)
