"""Several processes learn what one does, restart where they are killed, and end together."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest, read_json, write_json
from foldline.models import registry
from foldline.models.interface import FitResult, Job
from foldline.models.neural import process_group
from foldline.models.neural import rank as ranks
from foldline.models.neural.trainer import check_strategy
from foldline.models.tracking import SafeTracker
from tests.conftest import ROOT
from tests.helpers.component_files import write_component
from tests.helpers.waiting import wait_until

# Losses to five digits; correlations of outputs that hardly differ are less exact.
PRECISION = {
    "loss": {"rel": 1e-5},
    "valid_loss": {"rel": 1e-5},
    "valid_metric": {"abs": 1e-3},
    "grad_norm": {"rel": 1e-4},
    "lr": {"rel": 1e-9},
}


def split_processes(processes: int, strategy: str = "ddp") -> dict[str, Any]:
    return {"train.distributed": {"processes": processes, "strategy": strategy}}


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


def find_ranks(parent: int) -> dict[int, psutil.Process]:
    """Return the processes of a training by their ranks."""
    ranks = {}
    for process in psutil.Process(parent).children(recursive=True):
        try:
            rank = process.environ().get("RANK")
        except psutil.Error:  # it has just ended
            continue
        if rank is not None:
            ranks[int(rank)] = process
    return ranks


@contextmanager
def kill_rank(rank: int, checkpoints: Path, after: int) -> Iterator[list[int]]:
    """Kill a process of the training in this block by SIGKILL, after `after` checkpoints."""
    killed: list[int] = []

    def kill() -> None:
        wait_until(lambda: len(list(checkpoints.glob("checkpoint-*"))) >= after)
        process = find_ranks(os.getpid())[rank]
        process.kill()
        killed.append(process.pid)

    thread = threading.Thread(target=kill)
    thread.start()
    yield killed
    thread.join()


# Dropout, and more than one epoch of checkpoints.
LONG: dict[str, Any] = {"epochs": 12, "lr": 1e-3}
LONG_OPTIONS = {"train.patience": 99, "train.ema": 0.9, **split_processes(2)}


@pytest.fixture(scope="module")
def whole_run(fit, parts) -> FitResult:
    """Return a training by two processes that nothing disturbs."""
    return fit("scratch", *parts, "classification", dotted=LONG_OPTIONS, **LONG)


def assert_same(one: FitResult, other: FitResult, labels: Any, folder: Path) -> None:
    for name, fitted in (("one", one), ("other", other)):
        registry.save(fitted.model, "scratch", labels("classification"), folder / name)
    assert one.history == other.history
    assert digest(folder / "one") == digest(folder / "other")


@pytest.mark.slow
def test_two_trainings_are_the_same_bytes(whole_run, fit, parts, labels, tmp_path) -> None:
    again = fit("scratch", *parts, "classification", dotted=LONG_OPTIONS, **LONG)
    assert_same(whole_run, again, labels, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_is_replaced_and_changes_nothing(
    rank, whole_run, fit, parts, labels, tmp_path, capsys
) -> None:
    scratch = tmp_path / "c"
    with kill_rank(rank, scratch, after=2) as killed:
        again = fit(
            "scratch", *parts, "classification", dotted=LONG_OPTIONS, scratch=scratch, **LONG
        )
    assert killed
    said = capsys.readouterr().out
    assert f"note: the process of rank {rank} was killed by signal 9" in said
    assert_same(whole_run, again, labels, tmp_path)


def run_in_ranks(code: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run code in each process of a training before it begins."""
    path.write_text(code)
    name = "from foldline.models.neural.rank"
    start = process_group.START.replace(name, f"exec(open({str(path)!r}).read()); {name}")
    monkeypatch.setattr(process_group, "START", start)


@pytest.mark.slow
def test_goes_on_exactly_within_an_epoch(fit, parts, labels, tmp_path, monkeypatch, capsys) -> None:
    """With 14 steps an epoch, and a checkpoint every tenth."""
    how: dict[str, Any] = {"epochs": 4, "batch_size": 2, "dotted": LONG_OPTIONS}
    undisturbed = fit("scratch", *parts, "classification", **how)
    often = "from foldline.models.neural import checkpoints; checkpoints.INTERVAL = 0.0"
    run_in_ranks(often, tmp_path / "often.py", monkeypatch)
    with kill_rank(1, tmp_path / "c", after=1):
        again = fit("scratch", *parts, "classification", scratch=tmp_path / "c", **how)
    assert "all processes go on from the last checkpoint" in capsys.readouterr().out
    assert_same(undisturbed, again, labels, tmp_path)


SCRIPT = """
import pickle, sys
from foldline.models import registry
registry.fit(pickle.loads(open(sys.argv[1], "rb").read()))
"""


@pytest.mark.slow
def test_processes_end_with_the_one_that_started_them(
    whole_run, fit, recipe, parts, labels, tmp_path
) -> None:
    """And a training that was killed as a whole goes on to the same bytes."""
    job = Job(
        *parts, labels("classification"), recipe(LONG_OPTIONS, **LONG), tmp_path / "checkpoints"
    )
    (tmp_path / "job.pickle").write_bytes(pickle.dumps(job))
    started = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "job.pickle")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    wait_until(lambda: list(job.checkpoint_folder.glob("checkpoint-*")))
    ranks = find_ranks(started.pid)
    assert sorted(ranks) == [0, 1]
    started.kill()
    started.wait()
    wait_until(lambda: not any(process.is_running() for process in ranks.values()), 10)
    assert_same(whole_run, registry.fit(job), labels, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
def test_sigterm_ends_all_processes(recipe, parts, labels, tmp_path) -> None:
    job = Job(*parts, labels("classification"), recipe(LONG_OPTIONS, epochs=999), tmp_path / "c")
    (tmp_path / "job.pickle").write_bytes(pickle.dumps(job))
    code = "from foldline.core.stage import prepare_process; prepare_process()" + SCRIPT
    started = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "job.pickle")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    wait_until(lambda: list(job.checkpoint_folder.glob("checkpoint-*")))
    ranks = find_ranks(started.pid)
    started.terminate()
    assert started.wait(20) == 128 + signal.SIGTERM
    assert len(ranks) == 2
    assert not any(process.is_running() for process in ranks.values())


@pytest.mark.slow
def test_fsdp_that_is_not_given_is_an_error(fit, parts) -> None:
    """Accelerate falls back to DDP on a CPU without a word."""
    with pytest.raises(FoldlineError, match="fsdp was asked for, and accelerate runs MULTI_CPU"):
        fit("scratch", *parts, "classification", dotted=split_processes(2, "fsdp"))


class Follower:
    """A tracker that keeps the steps."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, dict[str, float]]] = []

    def begin(self, *_: Any) -> None: ...

    def step(self, number: int, values: Any) -> None:
        self.steps.append((number, dict(values)))

    def end(self, *_: Any) -> None: ...


LOSS = """
    import os
    import pathlib
    import torch

    def loss(logits, target):
        {body}
        return torch.nn.functional.cross_entropy(logits, target, reduction="none")
"""


# A graphics card of rank 1 that holds three rows.
SMALL_MEMORY = """
import os
import torch
from foldline.models.neural.trainer import TextTrainer
step = TextTrainer.training_step
def training_step(self, model, inputs, items=None):
    if os.environ["RANK"] == "1" and len(inputs["labels"]) > 3:
        raise torch.OutOfMemoryError("CUDA out of memory.")
    return step(self, model, inputs, items)
TextTrainer.training_step = training_step
"""


@pytest.mark.slow
def test_memory_that_runs_out_in_one_process_cuts_the_batches_of_all(
    fit, parts, tmp_path, monkeypatch, capsys
) -> None:
    """And the tracker hears of every step."""
    run_in_ranks(SMALL_MEMORY, tmp_path / "memory.py", monkeypatch)
    tracker = Follower()
    how: dict[str, Any] = {"dotted": split_processes(2), "tracker": SafeTracker(tracker)}
    found = fit("scratch", *parts, "classification", **how)
    assert "memory ran out at step 1: continuing with 2 smaller batches" in capsys.readouterr().out
    numbers = [number for number, values in tracker.steps if "loss" in values]
    assert numbers == [row["step"] for row in found.history]
    assert tracker.steps[0][1]["loss"] == found.history[0]["loss"]


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_is_an_error(
    fit, parts, workplace, monkeypatch
) -> None:
    monkeypatch.setattr(process_group, "MAX_RESTARTS", 0)
    write_component(
        "deadly", LOSS.format(body="os.environ['RANK'] == '1' and os.kill(os.getpid(), 9)")
    )
    options = {"train.loss": "components.deadly", **split_processes(2)}
    with pytest.raises(FoldlineError, match="rank 1 was killed by signal 9"):
        fit("scratch", *parts, "classification", dotted=options)


@pytest.mark.slow
def test_an_error_of_a_process_is_the_error_of_the_training(fit, parts, workplace) -> None:
    options = split_processes(2)
    with pytest.raises(FoldlineError, match="max_length"):
        fit("pretrained", *parts, "classification", dotted=options, max_length=500)
    write_component("wrong", LOSS.format(body="{}['missing']"))
    options |= {"train.loss": "components.wrong"}
    with pytest.raises((FoldlineError, RuntimeError), match="missing"):
        fit("scratch", *parts, "classification", dotted=options)


@pytest.mark.parametrize(
    ("kinds", "exit_codes", "killed"),
    [
        ({}, {1: -9, 0: -15}, 1),
        ({0: ranks.LOST}, {0: 1, 1: -9}, 1),
        ({0: ranks.LOST}, {0: 1, 1: -15}, 1),
        ({1: ranks.LOST}, {0: 3, 1: 1}, 0),
        ({0: ranks.LOST, 1: ranks.MEMORY}, {0: 1, 1: 1}, None),
    ],
)
def test_a_group_starts_again_after_kills_and_without_memory(
    kinds, exit_codes, killed, tmp_path
) -> None:
    for number, kind in kinds.items():
        write_json(ranks.failure_file(tmp_path, number), {"kind": kind, "message": "why"})
    assert process_group._find_killed(tmp_path, exit_codes, 2) == killed


@pytest.mark.parametrize(
    ("kinds", "error"),
    [
        ({0: ranks.LOST, 1: ranks.EXPECTED}, FoldlineError),
        ({0: ranks.LOST, 1: ranks.BUG}, RuntimeError),
    ],
)
def test_an_error_of_one_process_is_not_hidden_by_what_it_does_to_others(
    kinds, error, tmp_path
) -> None:
    for number, kind in kinds.items():
        write_json(ranks.failure_file(tmp_path, number), {"kind": kind, "message": kind})
    with pytest.raises(error, match=kinds[1]):
        process_group._find_killed(tmp_path, {0: 1, 1: 1}, 2)


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
