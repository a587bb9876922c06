"""Training: accumulation, schedules, early stopping, what a kill leaves, and divergence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Trainer

from foldline.core import progress
from foldline.core.errors import FoldlineError
from foldline.models import registry
from foldline.models.interface import FitResult
from foldline.models.neural.trainer import TextTrainer
from tests.helpers.marks import mark_slow_except

ROOT = Path(__file__).resolve().parents[2]
STEADY = {"scratch.dropout": 0.0, "train.warmup": 0.0}


def history_column(fitted: FitResult, name: str) -> list[float]:
    return [row[name] for row in fitted.history if name in row]


def flat_weights(fitted: FitResult) -> torch.Tensor:
    model: Any = fitted.model
    return torch.cat([p.detach().flatten() for p in model.model.parameters()])


@pytest.mark.parametrize("n", mark_slow_except([32, 34, 39], [39]))
@pytest.mark.parametrize(
    "task", mark_slow_except(["classification", "multilabel", "regression"], ["multilabel"])
)
def test_one_batch_of_sixteen_is_four_of_four(task, n, fit, rows) -> None:
    """The loss, the gradients and so the weights; also where the last step is not full."""
    table = rows(task)
    dotted = STEADY | {"train.class_weights": "balanced", "train.label_smoothing": 0.1}
    one, four = (
        fit(
            "scratch",
            table.iloc[:n],
            table.iloc[:0],
            task,
            batch_size=16 // count,
            dotted=dotted | {"train.accumulation": count},
        )
        for count in (1, 4)
    )
    assert history_column(one, "loss") == pytest.approx(history_column(four, "loss"), abs=1e-5)
    assert history_column(one, "grad_norm") == pytest.approx(
        history_column(four, "grad_norm"), rel=1e-3
    )
    assert len(one.history) == 2 * -(-n // 16)
    torch.testing.assert_close(flat_weights(one), flat_weights(four), atol=1e-5, rtol=0)


def test_history_has_a_row_a_step(fit, parts) -> None:
    found = fit("scratch", *parts, "classification", epochs=3)
    assert [row["step"] for row in found.history] == list(range(1, 13))
    assert len(history_column(found, "loss")) == len(history_column(found, "lr")) == 12
    assert [row["step"] for row in found.history if "valid_loss" in row] == [4, 8, 12]
    assert found.summary["steps"] == 12
    assert found.summary["best_valid_loss"] == min(history_column(found, "valid_loss"))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_gradients_are_clipped_as_by_torch(optimizer, fit, parts, monkeypatch) -> None:
    """Steps within the limit, whose gradients are not touched, and steps beyond it."""
    dotted: dict[str, Any] = {"train.optimizer": optimizer, "train.max_grad_norm": 0.0}
    free = fit("scratch", *parts, "classification", dotted=dotted)
    limit = float(np.median(history_column(free, "grad_norm")))
    dotted["train.max_grad_norm"] = limit
    found = fit("scratch", *parts, "classification", dotted=dotted)
    norms = history_column(found, "grad_norm")
    assert min(norms) < limit < max(norms)

    def by_torch(self: Any) -> torch.Tensor:
        every = self.model.parameters()
        return torch.nn.utils.clip_grad_norm_(every, self.args.max_grad_norm)

    monkeypatch.setattr(TextTrainer, "_clip_gradient", by_torch)
    other = fit("scratch", *parts, "classification", dotted=dotted)
    if optimizer == "sgd":
        assert found.history == other.history
        assert torch.equal(flat_weights(found), flat_weights(other))
    # AdamW divides the gradients itself, which rounds otherwise.
    for one, same in zip(found.history, other.history, strict=True):
        assert one == pytest.approx(same, rel=1e-4)
    torch.testing.assert_close(flat_weights(found), flat_weights(other), rtol=1e-4, atol=1e-6)
    assert (flat_weights(found) - flat_weights(free)).abs().max() > 1e-5


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_schedule(schedule, fit, parts) -> None:
    dotted = {"train.schedule": schedule, "train.warmup": 0.25}
    train = parts[0]
    rates = history_column(
        fit("scratch", train, train.iloc[:0], "classification", epochs=5, lr=1e-3, dotted=dotted),
        "lr",
    )
    assert rates[:6] == pytest.approx([0, 2e-4, 4e-4, 6e-4, 8e-4, 1e-3])
    assert max(rates) == pytest.approx(1e-3)
    last = {
        "constant": 1e-3,
        "linear": 1e-3 / 15,
        "cosine": 5e-4 * (1 + np.cos(np.pi * 14 / 15)),
    }
    assert rates[-1] == pytest.approx(last[schedule])


def test_stops_early_and_leaves_the_best(fit, parts, labels) -> None:
    found = fit(
        "scratch", *parts, "classification", epochs=30, lr=1e-2, dotted={"train.patience": 2}
    )
    losses = history_column(found, "valid_loss")
    best = int(np.argmin(losses))
    assert len(losses) == best + 3 < 30
    target = labels("classification").encode(parts[1]["label"])
    left = -np.log(found.model.predict(parts[1])[np.arange(12), target]).mean()
    assert left == pytest.approx(min(losses), abs=1e-4)


def test_epochs_have_batches_of_their_own(fit, parts, monkeypatch) -> None:
    """Trainer has to tell our sampler the epoch, through accelerate's wrapper."""
    seen = []
    step = Trainer.training_step

    def watched(self: Any, model: Any, inputs: Any, *rest: Any) -> Any:
        seen.append(inputs["input_ids"].sum().item())
        return step(self, model, inputs, *rest)

    monkeypatch.setattr(Trainer, "training_step", watched)
    fit("scratch", parts[0], parts[1], "classification", epochs=2)
    assert sorted(seen[:4]) != sorted(seen[4:])


@pytest.mark.parametrize("stop", [0, 12])
def test_divergence_is_told(stop, fit, rows) -> None:
    table = rows("regression")
    how: dict[str, Any] = {"lr": 1e30, "epochs": 3, "dotted": {"train.warmup": 0.0}}
    with pytest.raises(FoldlineError, match=r"training diverged.*lower lr"):
        fit("scratch", table.iloc[:28], table.iloc[28 : 28 + stop], "regression", **how)


def test_half_precision_predicts_as_it_is_saved(fit, parts, labels, tmp_path) -> None:
    found = fit("scratch", *parts, "classification", dotted={"train.precision": "bfloat16"})
    registry.save(found.model, "scratch", labels("classification"), tmp_path / "m")
    loaded = registry.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict(parts[1]), found.model.predict(parts[1]))


@pytest.mark.slow
def test_threads_are_put_back_and_kept_with_the_model(fit, parts) -> None:
    before = torch.get_num_threads()
    found = fit("scratch", *parts, "classification", epochs=1, dotted={"train.threads": 2})
    assert found.model.threads == 2
    found.model.predict(parts[1])
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_history_of_numbers_is_in_their_units(fit, rows) -> None:
    table = rows("regression")
    big = table.assign(label=[str(1000 * float(v)) for v in table["label"]])
    losses = [
        history_column(fit("scratch", t.iloc[:28], t.iloc[28:], "regression"), "valid_loss")
        for t in (table, big)
    ]
    assert losses[1] == pytest.approx([1e6 * v for v in losses[0]], rel=1e-3)


def test_padding_is_told_after_each_epoch(fit, parts, capsys, monkeypatch) -> None:
    monkeypatch.setattr(progress, "hide_bars", lambda: False)
    found = fit("scratch", *parts, "classification", epochs=2)
    padding = [row["padding"] for row in found.history if "padding" in row]
    assert len(padding) == 2
    assert found.summary["padding"] == pytest.approx(np.mean(padding))
    assert f"padding {padding[-1]:.2f}" in capsys.readouterr().err
