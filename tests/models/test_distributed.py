"""Several processes learn what one does, by the strategy that was asked for."""

import shutil
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json, write_json
from foldline.models.interface import FitResult
from foldline.models.neural import process_group
from foldline.models.neural.trainer import check_strategy
from tests.helpers.distributed import split_processes

# Losses to five digits; correlations of outputs that hardly differ are less exact.
PRECISION = {
    "loss": {"rel": 1e-5},
    "valid_loss": {"rel": 1e-5},
    "valid_metric": {"abs": 1e-3},
    "grad_norm": {"rel": 1e-4},
    "lr": {"rel": 1e-9},
}


@pytest.fixture
def fit_twice(fit, rows) -> Callable[..., list[FitResult]]:
    """Fit by one process and by two, without dropout, to `n` of 48 rows; the rest is validation."""

    def fit_both(model: str, task: str, options: dict[str, Any], n: int, **top: Any) -> Any:
        table = rows(task, n=n + 11)
        table["weight"] = np.linspace(0.5, 3, len(table))
        plain = {"scratch.dropout": 0.0, "train.patience": 99, "scratch.width": 32}
        return [
            fit(
                model,
                table.iloc[:n],
                table.iloc[n:],
                task,
                dotted=plain | options | split_processes(processes),
                **({"epochs": 10, "lr": 3e-3, "batch_size": 16} | top),
            )
            for processes in (1, 2)
        ]

    return fit_both


@pytest.fixture(scope="module")
def bert_without_dropout(tiny_bert, tmp_path_factory) -> str:
    folder = shutil.copytree(tiny_bert, tmp_path_factory.mktemp("models") / "bert")
    config = read_json(folder / "config.json")
    names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    write_json(folder / "config.json", config | dict.fromkeys(names, 0.0))
    return str(folder)


CASES: dict[str, tuple[Any, ...]] = {
    # 37 rows are two steps of 16 and one of 5; 33 leave one row for two processes.
    "one row left": ("scratch", "classification", {"train.class_weights": "balanced"}, 33, {}),
    "accumulation": (
        "scratch",
        "classification",
        {"train.accumulation": 2, "train.metric": "f1_macro"},
        37,
        {"batch_size": 8},
    ),
    # As large that the change of weights itself shows where processes disagree on it.
    "awp, ema": (
        "scratch",
        "classification",
        {"train.adversarial": "awp", "train.adversarial_size": 200.0, "train.ema": 0.9},
        37,
        {},
    ),
    "fgm, r-drop, dropout samples, swa": (
        "scratch",
        "multilabel",
        {
            "train.adversarial": "fgm",
            "train.rdrop": 1.0,
            "train.dropout_samples": 2,
            "train.swa": 0.5,
        },
        37,
        {},
    ),
    "pre-training, windows": (
        "scratch",
        "regression",
        {
            "pretrain.epochs": 2,
            "pretrain.max_length": 8,
            "train.long_text": "window",
        },
        37,
        {"max_length": 8},
    ),
    "experts": (
        "scratch",
        "classification",
        {"scratch.experts": 3, "scratch.pooling": "mean", "train.rdrop": 1.0},
        33,
        {},
    ),
    "pretrained": (
        "pretrained",
        "regression",
        {"train.layer_decay": 0.8, "train.trainable_layers": "head"},
        37,
        {},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_learn_what_one_does(name, fit_twice, rows, bert_without_dropout) -> None:
    model, task, options, n, top = CASES[name]
    model = bert_without_dropout if model == "pretrained" else model
    one, two = fit_twice(model, task, options, n, **top)
    losses = [row["loss"] for row in one.history]
    assert len(losses) >= 20
    assert min(losses) < 0.9 * losses[0]  # it learns
    for key, precision in PRECISION.items():
        values, others = ([row[key] for row in f.history if key in row] for f in (one, two))
        assert others == pytest.approx(values, **precision), key
    assert len(two.speed) == len(losses)
    predicted = one.model.predict(rows(task))
    assert two.model.predict(rows(task)) == pytest.approx(predicted, rel=1e-4, abs=1e-5)
    same = one.summary.keys() - {"padding"}  # two small batches are padded less than a large one
    summaries = ({k: f.summary[k] for k in same} for f in (one, two))
    assert next(summaries) == pytest.approx(next(summaries), rel=1e-5, nan_ok=True)
    assert two.run_info["distributed"] == {"processes": 2, "strategy": "ddp"}


@pytest.mark.slow
def test_fsdp_that_is_not_given_is_an_error(fit, parts) -> None:
    """Accelerate falls back to DDP on a CPU without a word."""
    with pytest.raises(FoldlineError, match="fsdp was asked for, and accelerate runs MULTI_CPU"):
        fit("scratch", *parts, "classification", dotted=split_processes(2, "fsdp"))


@pytest.mark.parametrize(("asked", "given"), [("fsdp", "MULTI_GPU"), ("ddp", "FSDP")])
def test_another_strategy_than_asked_for_is_refused(asked, given, recipe, monkeypatch) -> None:
    monkeypatch.setattr("foldline.models.neural.trainer.count_processes", lambda: 2)
    own = recipe(split_processes(2, asked))
    check_strategy(SimpleNamespace(value="FSDP" if asked == "fsdp" else "MULTI_CPU"), own)
    with pytest.raises(FoldlineError, match=rf"{asked} was asked for, and accelerate runs {given}"):
        check_strategy(SimpleNamespace(value=given), own)


def test_more_processes_than_gpus_are_refused(recipe, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert process_group.check_devices(recipe(split_processes(2))) == []
    with pytest.raises(FoldlineError, match="3 processes need a GPU each, and this one sees 2"):
        process_group.check_devices(recipe(split_processes(3)))


def test_more_threads_than_cores_are_noted(recipe, monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(process_group, "count_cores", lambda: 4)
    options = split_processes(2)
    assert process_group.check_devices(recipe(options | {"train.threads": 2})) == []
    (note,) = process_group.check_devices(recipe(options | {"train.threads": 3}))
    assert "2 processes with train.threads=3 share 4 cores" in note
