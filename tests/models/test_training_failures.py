"""A training that goes wrong says where; one that runs out of memory goes on in smaller batches."""

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification, Trainer

from foldline.core.errors import FoldlineError
from foldline.models.neural import training
from tests.helpers.marks import mark_slow_except

STEADY = {"scratch.dropout": 0.0, "train.warmup": 0.0}


@pytest.fixture
def small_memory(monkeypatch) -> Any:
    """Let a model's forward run out of memory over more rows than told; gives the sizes seen."""

    def make(most: int, error: type[Exception] = torch.OutOfMemoryError, after: int = 0) -> Any:
        seen: list[int] = []
        forward = BertForSequenceClassification.forward

        @functools.wraps(forward)
        def limited(self: Any, *arguments: Any, **inputs: Any) -> Any:
            if self.training:
                seen.append(len(inputs["input_ids"]))
                if len(inputs["input_ids"]) > most and len(seen) > after:
                    raise error("DefaultCPUAllocator: can't allocate memory: you tried ...")
            return forward(self, *arguments, **inputs)

        monkeypatch.setattr(BertForSequenceClassification, "forward", limited)
        return seen

    return make


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", mark_slow_except([torch.OutOfMemoryError, RuntimeError], [RuntimeError])
)
@pytest.mark.parametrize("batch", mark_slow_except([16, 13], [13]))
def test_memory_that_runs_out_halves_the_batch_and_keeps_the_step(
    batch, error, fit, rows, small_memory, capsys
) -> None:
    table = rows()
    how: dict[str, Any] = {"batch_size": batch, "dotted": STEADY}
    whole = fit("scratch", table.iloc[:34], table.iloc[34:], "classification", **how)
    seen = small_memory(5, error)
    found = fit("scratch", table.iloc[:34], table.iloc[34:], "classification", **how)
    said = capsys.readouterr().out
    assert f"continuing with 2 smaller batches for each; a step still has {batch} rows" in said
    assert len(found.history) == len(whole.history)
    losses = [[row["loss"] for row in one.history] for one in (found, whole)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert max(seen[-4:]) <= 5


@pytest.mark.slow
def test_memory_that_runs_out_late_goes_on_from_the_last_epoch(
    fit, rows, small_memory, tmp_path, capsys
) -> None:
    table = rows()
    how: dict[str, Any] = {"batch_size": 8, "epochs": 3, "dotted": STEADY}
    whole = fit("scratch", table.iloc[:32], table.iloc[32:], "classification", **how)
    seen = small_memory(6, after=9)  # in the third epoch of four steps
    found = fit("scratch", table.iloc[:32], table.iloc[32:], "classification", **how)
    assert "memory ran out at step 10" in capsys.readouterr().out
    assert seen[:10] == [8] * 10
    assert len(seen) == 10 + 2 * 4  # the last epoch again, in two batches a step
    losses = [[row["loss"] for row in one.history] for one in (found, whole)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_mixed_precision_stays_after_memory_ran_out(fit, rows, small_memory, monkeypatch) -> None:
    """Also what is seen of a trained model: its own `forward`, and nothing around it."""
    kinds, forward = [], torch.nn.Linear.forward

    def seen(self: Any, given: Any) -> Any:
        found = forward(self, given)
        if self.training:
            kinds.append(found.dtype)
        return found

    monkeypatch.setattr(torch.nn.Linear, "forward", seen)
    small_memory(6, after=2)
    table = rows()
    how: dict[str, Any] = {"batch_size": 8, "epochs": 1, "dotted": {"train.precision": "bfloat16"}}
    found = fit("scratch", table, table.iloc[:0], "classification", **how)
    assert set(kinds) == {torch.bfloat16}
    assert "forward" not in vars(found.model.model)


def test_memory_for_no_row_is_told(fit, rows, small_memory) -> None:
    small_memory(0)
    table = rows()
    with pytest.raises(FoldlineError, match=r"memory ran out at step 1 over a single row: lower"):
        fit("scratch", table, table.iloc[:0], "classification", batch_size=4)


def test_contrast_cannot_be_cut(fit, rows, small_memory) -> None:
    small_memory(4)
    table = rows()
    with pytest.raises(FoldlineError, match=r"compares the rows of a whole batch"):
        fit("scratch", table, table.iloc[:0], "classification", dotted={"train.contrastive": 0.5})


def test_other_errors_are_not_taken_for_memory(fit, rows, small_memory) -> None:
    small_memory(4, ValueError)
    table = rows()
    with pytest.raises(ValueError, match="you tried"):
        fit("scratch", table, table.iloc[:0], "classification")


def rows_in_message(message: str) -> set[str]:
    return set(re.findall(r"r\d{3}", message))


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_loss_that_is_no_number_names_step_and_rows(accumulation, fit, rows, monkeypatch) -> None:
    """The batch whose loss it is, not the whole step."""
    seen: list[int] = []
    table = rows()
    loss_for = training.make_loss

    def spoiled(*arguments: Any) -> Any:
        own = loss_for(*arguments)

        def loss(outputs: Any, labels: Any, *rest: Any) -> Any:
            seen.append(len(labels))
            return own(outputs, labels, *rest) * (float("nan") if len(seen) == 4 else 1.0)

        return loss

    monkeypatch.setattr(training, "make_loss", spoiled)
    dotted = {"train.accumulation": accumulation}
    with pytest.raises(FoldlineError) as told:
        fit("scratch", table, table.iloc[:0], "classification", batch_size=4, dotted=dotted)
    message = str(told.value)
    assert f"the loss is not finite at step {4 // accumulation}" in message
    assert "lower lr" in message
    assert len(rows_in_message(message)) == seen[3]
    assert rows_in_message(message) <= set(table["id"])


def test_a_gradient_that_is_no_number_stops_before_it_spoils_the_weights(
    fit, rows, monkeypatch
) -> None:
    step = Trainer.training_step
    steps = []

    def spoiled(self: Any, *arguments: Any) -> Any:
        loss = step(self, *arguments)
        steps.append(self)
        if len(steps) == 3:
            self.model.classifier.weight.grad[0, 0] = float("inf")
        return loss

    monkeypatch.setattr(Trainer, "training_step", spoiled)
    table = rows()
    with pytest.raises(FoldlineError, match=r"the gradient is not finite at step 3") as told:
        fit("scratch", table, table.iloc[:0], "classification")
    assert len(rows_in_message(str(told.value))) == 8
    assert all(bool(torch.isfinite(p).all()) for p in steps[-1].model.parameters())


@pytest.mark.slow
def test_a_metric_decides_when_to_stop_and_which_epoch_is_best(fit, rows, labels) -> None:
    """Of rows whose labels are turned, loss and accuracy are best at different epochs."""
    table = rows()
    how: dict[str, Any] = {"epochs": 20, "lr": 2e-2}
    dotted = {"train.metric": "accuracy", "train.patience": 4, "scratch.width": 32}
    train, valid = table.iloc[:24], table.iloc[24:]
    found = fit("scratch", train, valid, "classification", dotted=dotted, **how)
    seen = [row["valid_metric"] for row in found.history if "valid_metric" in row]
    assert len(seen) == min(20, int(np.argmax(seen)) + 5)
    right = found.model.predict(valid).argmax(axis=1) == labels("classification").encode(
        valid["label"]
    )
    assert right.mean() == pytest.approx(max(seen))
    assert found.summary["best_valid_accuracy"] == pytest.approx(max(seen))


@pytest.mark.slow
@pytest.mark.parametrize("metric", mark_slow_except(["pearson", "spearman"], ["pearson"]))
@pytest.mark.parametrize("pieces", mark_slow_except([False, True], [True]))
def test_a_metric_of_numbers(metric, pieces, fit, rows, labels) -> None:
    from scipy import stats

    table = rows("regression")
    dotted = {"train.metric": metric, "train.long_text": "window" if pieces else "head"}
    train, valid = table.iloc[:24], table.iloc[24:]
    how: dict[str, Any] = {"max_length": 8 if pieces else 24, "epochs": 12, "lr": 1e-2}
    found = fit("scratch", train, valid, "regression", dotted=dotted, **how)
    target = labels("regression").encode(valid["label"])
    function = stats.pearsonr if metric == "pearson" else stats.spearmanr
    expected = function(target, found.model.predict(valid)).statistic
    assert found.summary[f"best_valid_{metric}"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("soft", [False, True])
def test_f1_of_classes(soft, fit, rows, labels) -> None:
    from sklearn.metrics import f1_score

    table = rows()
    if soft:
        codes = labels("classification").encode(table["label"])
        shares = dict(zip(labels("classification").columns, 0.8 * np.eye(3)[codes].T, strict=True))
        table = table.assign(**{name: values + 0.2 / 3 for name, values in shares.items()})
    train, valid = table.iloc[:24], table.iloc[24:]
    found = fit("scratch", train, valid, "classification", dotted={"train.metric": "f1_macro"})
    predicted = found.model.predict(valid).argmax(axis=1)
    target = labels("classification").encode(valid["label"])
    expected = f1_score(target, predicted, average="macro")
    assert found.summary["best_valid_f1_macro"] == pytest.approx(expected)


@pytest.mark.slow
def test_padding_of_a_thousand_rows_is_small_and_logged(fit, rows) -> None:
    """Texts of 3 to 40 words, batches of 32."""
    table = rows(n=1000)
    rng = np.random.default_rng(0)
    texts = [" ".join([text] * 6).split()[: rng.integers(3, 41)] for text in table["text"]]
    table = table.assign(text=[" ".join(words) for words in texts])
    found = fit(
        "scratch", table, table.iloc[:0], "classification", batch_size=32, max_length=64, epochs=1
    )
    logged = [row["padding"] for row in found.history if "padding" in row]
    assert len(logged) == 1
    assert 1.0 < logged[0] <= 1.08
    assert found.summary["padding"] == pytest.approx(logged[0])
    (epoch,) = found.run_info["epochs"]
    assert epoch["rows_per_second"] > 0
    assert epoch["tokens_per_second"] > epoch["rows_per_second"]
    assert found.run_info["precision"] == "float32"


def test_padding_by_hand() -> None:
    from types import SimpleNamespace

    from foldline.models.neural.callbacks import SpeedMeter

    speed, state = SpeedMeter(), SimpleNamespace(epoch=1.0, global_step=2, log_history=[])
    speed.on_epoch_begin(None, state, None)
    speed.add(torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]))
    speed.add(torch.tensor([[1, 1]]))
    speed.on_epoch_end(None, state, None)
    assert state.log_history == [{"step": 2, "padding": 10 / 8}]
    assert speed.rows == 3


def test_history_file_has_the_columns_of_a_history(fit, parts, tmp_path) -> None:
    from foldline.models.training_history import COLUMNS, write_history

    found = fit("scratch", *parts, "classification", dotted={"train.metric": "accuracy"})
    write_history(found.history, Path(tmp_path / "h.csv"))
    assert (tmp_path / "h.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
    assert {key for row in found.history for key in row} == set(COLUMNS)
