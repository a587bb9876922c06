"""Several processes are replaced where they are killed, and end together."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.files import write_json
from foldline.models import registry
from foldline.models.interface import FitResult, Job
from foldline.models.neural import process_group
from foldline.models.neural import rank as ranks
from foldline.models.tracking import SafeTracker
from tests.conftest import ROOT
from tests.helpers.component_files import write_component
from tests.helpers.distributed import split_processes
from tests.helpers.equal_trainings import assert_same
from tests.helpers.waiting import wait_until


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


@pytest.mark.slow
def test_a_killed_process_is_replaced_and_changes_nothing(
    whole_run, fit, parts, labels, tmp_path, capsys
) -> None:
    scratch = tmp_path / "c"
    with kill_rank(1, scratch, after=2) as killed:
        again = fit(
            "scratch", *parts, "classification", dotted=LONG_OPTIONS, scratch=scratch, **LONG
        )
    assert killed
    said = capsys.readouterr().out
    assert "note: the process of rank 1 was killed by signal 9" in said
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
