"""Methods of training in a cut step, and beside each other."""

from typing import Any

import numpy as np
import pytest

from tests.helpers.marks import mark_slow_except

# Options that change the training of a step of any cut, and what they need.
METHODS: dict[str, dict[str, Any]] = {
    "focal": {"train.loss": "focal"},
    "ordinal": {"train.loss": "ordinal"},
    "fgm": {"train.adversarial": "fgm"},
    "awp": {"train.adversarial": "awp", "train.adversarial_size": 50.0},
    "ema": {"train.ema": 0.9},
    "lion": {"train.optimizer": "lion"},
}
OF_NUMBERS = {"focal": {"train.loss": "mae"}, "ordinal": {"train.loss": "huber"}}


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    "task", mark_slow_except(["classification", "regression"], ["classification"])
)
def test_one_batch_of_sixteen_is_four_of_four(name, task, fit, rows) -> None:
    dotted, table = METHODS[name], rows(task)
    if task == "regression" and name in OF_NUMBERS:
        dotted = OF_NUMBERS[name]
    one, four = (
        fit(
            "scratch",
            table.iloc[:34],
            table.iloc[:0],
            task,
            batch_size=16 // count,
            dotted=dotted
            | {"scratch.dropout": 0.0, "train.warmup": 0.0, "train.accumulation": count},
        )
        for count in (1, 4)
    )
    for found in (one, four):
        assert len(found.history) == 6
    losses = [[row["loss"] for row in found.history] for found in (one, four)]
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)
    assert one.model.predict(table) == pytest.approx(four.model.predict(table), abs=2e-3)


TOGETHER: list[dict[str, object]] = [
    {"train.rdrop": 1.0, "train.dropout_samples": 3},
    {"train.contrastive": 0.3, "train.precision": "bfloat16"},
    {"train.dropout_samples": 2, "train.precision": "bfloat16"},
    {"train.adversarial": "fgm", "train.rdrop": 1.0, "train.trainable_layers": "head"},
    {"train.adversarial": "awp", "train.ema": 0.9, "train.layer_decay": 0.8},
    {"train.reinit_layers": 1, "train.swa": 0.5, "train.schedule": "cosine"},
]


@pytest.mark.parametrize(
    "dotted",
    mark_slow_except(TOGETHER, TOGETHER[-1:]),
    ids=lambda dotted: " ".join(k.removeprefix("train.") for k in dotted),
)
def test_methods_go_together(dotted, fit, parts, labels, tmp_path) -> None:
    found = fit("pretrained", *parts, "classification", dotted=dotted)
    assert all(np.isfinite(row["loss"]) for row in found.history)
    assert found.model.predict(parts[1]).sum(axis=1) == pytest.approx(np.ones(12), abs=1e-6)
