"""Snapshot ensembles: the cycles, the mean of the models, what is saved, resumed and refused."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from foldline.core.errors import FoldlineError
from foldline.core.io.files import remove
from foldline.models import registry
from foldline.models.neural import checkpoints as checkpoints_module
from foldline.models.neural.schedules import list_cycle_ends, make_schedule
from foldline.models.neural.snapshot_ensemble import SnapshotEnsemble
from foldline.models.training_history import evaluated_epochs, format_summary
from foldline.onnx.command import load_transformer
from foldline.testing import models as contract
from tests.helpers.equal_trainings import assert_same
from tests.helpers.killed_training import kill_after_saves
from tests.helpers.marks import mark_slow_except

THREE = {"train.snapshots": 3, "train.schedule": "cosine"}
TASKS = ["classification", "multilabel", "regression"]


def record_rates(options: Any, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make_schedule(optimizer, options, steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_cycles_by_hand(recipe) -> None:
    """Two steps of warm-up, then three cycles of four steps from the peak on."""
    options = recipe(THREE | {"train.warmup": 2 / 14}).train
    cycle = [0.5 * (1 + math.cos(math.pi * step / 4)) for step in range(4)]
    assert record_rates(options, 14) == pytest.approx([0.0, 0.5, *cycle, *cycle, *cycle])
    assert list_cycle_ends(options, 14) == [6, 10, 14]


@pytest.mark.parametrize("snapshots", [2, 3, 5])
@pytest.mark.parametrize("steps", [7, 20, 101])
def test_a_cycle_ends_where_the_rate_rises_again(snapshots, steps, recipe) -> None:
    dotted = {"train.snapshots": snapshots, "train.schedule": "cosine", "train.warmup": 0.1}
    options = recipe(dotted).train
    rates, ends = record_rates(options, steps), list_cycle_ends(options, steps)
    warmup = math.ceil(0.1 * steps)
    rises = [s for s in range(warmup + 1, steps) if rates[s] > rates[s - 1] + 1e-9]
    assert [*rises, steps] == ends
    assert len(ends) == snapshots


def test_one_snapshot_is_the_plain_cosine(recipe) -> None:
    options = recipe({"train.schedule": "cosine", "train.warmup": 0.0}).train
    rates = [0.5 * (1 + math.cos(math.pi * step / 9)) for step in range(9)]
    assert record_rates(options, 9) == pytest.approx(rates)


@pytest.mark.parametrize("task", mark_slow_except(TASKS, ["classification"]))
def test_the_prediction_is_the_mean_of_the_saved_models(task, fit, rows, labels, tmp_path) -> None:
    """By plain transformers from each file, one text at a time."""
    from safetensors.torch import load_file
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    table = rows(task)
    fitted = fit("scratch", table.iloc[:28], table.iloc[28:], task, epochs=3, dotted=THREE)
    registry.save(fitted.model, "scratch", labels(task), tmp_path / "m")
    loaded = registry.load(tmp_path / "m")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m")
    outputs = []
    for file in ("snapshots/0.safetensors", "snapshots/1.safetensors", "model.safetensors"):
        model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "m").eval()
        model.load_state_dict(load_file(tmp_path / "m" / file))
        with torch.no_grad():
            texts = [tokenizer(text, return_tensors="pt") for text in table["text"]]
            logits = torch.cat([model(**text).logits for text in texts]).double()
        activation = {"classification": lambda x: x.softmax(1), "multilabel": torch.sigmoid}
        outputs.append(activation.get(task, lambda x: x[:, 0])(logits).numpy())

    assert not np.allclose(outputs[0], outputs[1], atol=1e-4)
    for model in (fitted.model, loaded):
        np.testing.assert_allclose(model.predict(table), np.mean(outputs, axis=0), atol=1e-6)
    assert np.array_equal(loaded.predict(table), fitted.model.predict(table))
    contract.check_row_order(loaded.predict, table, labels(task))
    contract.check_any_text(loaded.predict, table, labels(task))


@pytest.mark.parametrize("lost", ["snapshots", "snapshots/1.safetensors"])
def test_a_lost_snapshot_is_damage(lost, fit, rows, labels, tmp_path) -> None:
    fitted = fit("scratch", rows(), rows().iloc[:0], "classification", epochs=3, dotted=THREE)
    registry.save(fitted.model, "scratch", labels("classification"), tmp_path / "m")
    remove(tmp_path / "m" / lost)
    with pytest.raises(FoldlineError, match=r"m is damaged: .*safetensors"):
        registry.load(tmp_path / "m")


def test_each_snapshot_is_the_model_at_the_end_of_its_cycle(fit, rows, monkeypatch) -> None:
    """A training of one cycle has the same first steps as the first of several of that length."""
    from foldline.models.neural.snapshots import SnapshotWriter

    seen: dict[int, dict[str, torch.Tensor]] = {}
    step_end = SnapshotWriter.on_step_end

    def keep(self: Any, args: Any, state: Any, control: Any, **how: Any) -> None:
        seen[state.global_step] = {n: v.clone() for n, v in self.model.state_dict().items()}
        step_end(self, args, state, control, **how)

    monkeypatch.setattr(SnapshotWriter, "on_step_end", keep)
    dotted = THREE | {"train.warmup": 0.0}
    found = fit("scratch", rows(), rows().iloc[:0], "classification", epochs=3, dotted=dotted)
    assert [row["step"] for row in found.history] == list(range(1, 16))
    for model, end in zip(found.model.snapshots, (5, 10, 15), strict=True):
        weights = model.model.state_dict()
        assert all(torch.equal(weights[name], value) for name, value in seen[end].items())


def test_all_epochs_are_trained_and_said(fit, parts, recipe) -> None:
    """The validation rows' labels are wrong, so a plain training stops early."""
    how: dict[str, Any] = {"epochs": 9, "lr": 1e-2}
    dotted = THREE | {"train.patience": 1}
    plain = fit("scratch", *parts, "classification", dotted={"train.patience": 1}, **how)
    found = fit("scratch", *parts, "classification", dotted=dotted, **how)
    assert len(evaluated_epochs(plain.history)) < 9
    assert len(evaluated_epochs(found.history)) == found.summary["epochs"] == 9
    (line,) = format_summary(found.history, recipe(dotted).train, "classification", 9)
    assert line.startswith("3 snapshots are kept, the last after epoch 9; train.patience and")


@pytest.mark.parametrize("valid", mark_slow_except([0, 12], [12]))
@pytest.mark.parametrize("saves", mark_slow_except([1, 2, 4], [4]))
def test_a_killed_training_goes_on_exactly(
    saves, valid, fit, parts, labels, tmp_path, monkeypatch
) -> None:
    """Killed before, between and after the ends of cycles."""
    train, held = parts[0], parts[1].iloc[:valid]
    how: dict[str, Any] = {"epochs": 5, "dotted": THREE}
    whole_run = fit("scratch", train, held, "classification", **how)
    with kill_after_saves(saves, monkeypatch):
        fit("scratch", train, held, "classification", scratch=tmp_path / "c", **how)
    again = fit("scratch", train, held, "classification", scratch=tmp_path / "c", **how)
    assert_same(whole_run, again, labels, tmp_path)


@pytest.mark.slow
def test_goes_on_exactly_from_the_step_of_a_snapshot(
    fit, parts, labels, tmp_path, monkeypatch
) -> None:
    how: dict[str, Any] = {"epochs": 5, "dotted": THREE | {"train.warmup": 0.0}}
    whole_run = fit("scratch", *parts, "classification", **how)
    monkeypatch.setattr(checkpoints_module, "INTERVAL", 0.0)
    with kill_after_saves(7, monkeypatch):  # of 20 steps
        fit("scratch", *parts, "classification", scratch=tmp_path / "c", **how)
    assert (tmp_path / "c/snapshot-0.pt").exists()
    again = fit("scratch", *parts, "classification", scratch=tmp_path / "c", **how)
    assert_same(whole_run, again, labels, tmp_path)


@pytest.mark.slow
def test_long_texts_are_read_in_windows(fit, rows) -> None:
    table = rows()
    long = table.assign(text=[" ".join([text] * 4) for text in table["text"]])
    dotted = THREE | {"train.long_text": "window"}
    found = fit(
        "scratch", long.iloc[:28], long.iloc[28:], "classification", dotted=dotted, max_length=8
    )
    expected = np.mean([own.predict(long) for own in found.model.snapshots], axis=0)
    np.testing.assert_allclose(found.model.predict(long), expected, atol=1e-12)
    assert not np.allclose(found.model.predict(long), found.model.predict(table), atol=1e-6)


@pytest.mark.slow
def test_two_processes_keep_what_one_does(fit, rows) -> None:
    table = rows()
    how: dict[str, Any] = {"epochs": 3, "dotted": THREE | {"scratch.dropout": 0.0}}
    one = fit("scratch", table.iloc[:28], table.iloc[28:], "classification", **how)
    how["dotted"] |= {"train.distributed": {"processes": 2, "strategy": "ddp"}}
    two = fit("scratch", table.iloc[:28], table.iloc[28:], "classification", **how)
    for own, other in zip(one.model.snapshots, two.model.snapshots, strict=True):
        np.testing.assert_allclose(own.predict(table), other.predict(table), atol=1e-4)


def test_more_cycles_than_steps_are_refused_with_what_works(fit, rows) -> None:
    """Four steps an epoch, of which one is the warm-up."""
    table = rows().iloc[:28], rows().iloc[:0], "classification"
    five = THREE | {"train.snapshots": 5}
    with pytest.raises(FoldlineError, match=r"5 cycles.* has 3 after .*lower train.snapshots, or"):
        fit("scratch", *table, epochs=1, dotted=five)
    for how in ({"epochs": 2, "dotted": five}, {"epochs": 1, "dotted": THREE}):
        assert isinstance(fit("scratch", *table, **how).model, SnapshotEnsemble)


def test_export_refuses_several_models(fit, rows, labels, tmp_path) -> None:
    table = rows()
    found = fit("scratch", table, table.iloc[:0], "classification", epochs=1, dotted=THREE)
    registry.save(found.model, "scratch", labels("classification"), tmp_path / "m")
    with pytest.raises(FoldlineError, match=r"3 snapshots.* set train.snapshots to 1 and run"):
        load_transformer(tmp_path / "m")
