"""What a killed training leaves, and that it goes on from there to the same bytes."""

import errno
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from foldline.core.errors import FoldlineError
from foldline.models import registry
from foldline.models.interface import Job
from foldline.models.neural import checkpoints as checkpoints_module
from foldline.models.neural.checkpoints import find_last_checkpoint, is_complete
from foldline.models.neural.trainer import TextTrainer
from tests.helpers.equal_trainings import assert_same
from tests.helpers.killed_training import kill_after_saves
from tests.helpers.marks import mark_slow_except

ROOT = Path(__file__).resolve().parents[2]
LATER = "could not be written: .* run the command again: training goes on from its last checkpoint"


@pytest.mark.parametrize("saves", mark_slow_except([1, 2, 3, 4], [3]))
def test_a_killed_training_goes_on_exactly(
    saves, fit, parts, labels, tmp_path, monkeypatch
) -> None:
    """The fourth checkpoint is the one after which it stops early, the second is the best one."""
    how: dict[str, Any] = {"epochs": 12, "lr": 1e-2, "dotted": {"train.patience": 2}}
    whole_run = fit("scratch", *parts, "classification", **how)
    stopped = sum("valid_loss" in row for row in whole_run.history)
    with kill_after_saves(min(saves, stopped), monkeypatch):
        fit("scratch", *parts, "classification", scratch=tmp_path / "c", **how)
    again = fit("scratch", *parts, "classification", scratch=tmp_path / "c", **how)
    assert_same(whole_run, again, labels, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("saves", [1, 2])
def test_goes_on_exactly_without_validation_rows(
    saves, fit, parts, labels, tmp_path, monkeypatch
) -> None:
    """Also where all epochs were done, and only the result was not written."""
    train, none = parts[0], parts[0].iloc[:0]
    whole_run = fit("scratch", train, none, "classification")
    with kill_after_saves(saves, monkeypatch):
        fit("scratch", train, none, "classification", scratch=tmp_path / "c")
    again = fit("scratch", train, none, "classification", scratch=tmp_path / "c")
    assert_same(whole_run, again, labels, tmp_path)


# Options that keep something between steps, or draw more.
OPTIONS: dict[str, dict[str, Any]] = {
    "ema, accumulation, one_cycle": {
        "train.ema": 0.9,
        "train.accumulation": 2,
        "train.schedule": "one_cycle",
    },
    "swa": {"train.swa": 0.6},
    "lion, fgm, layer decay": {
        "train.optimizer": "lion",
        "train.adversarial": "fgm",
        "train.layer_decay": 0.8,
    },
    "adafactor, awp, r-drop": {
        "train.optimizer": "adafactor",
        "train.adversarial": "awp",
        "train.rdrop": 1.0,
    },
    "sgd, contrast, dropout samples": {
        "train.optimizer": "sgd",
        "train.contrastive": 0.3,
        "train.dropout_samples": 2,
    },
    "bfloat16, a metric, windows": {
        "train.precision": "bfloat16",
        "train.metric": "accuracy",
        "train.long_text": "window",
    },
    "experts, fgm": {"scratch.experts": 3, "train.adversarial": "fgm"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_goes_on_exactly(name, fit, parts, labels, tmp_path, monkeypatch) -> None:
    train, held = parts[0], parts[1].iloc[:12]
    how: dict[str, Any] = {"epochs": 3, "dotted": OPTIONS[name], "max_length": 8}
    whole_run = fit("scratch", train, held, "classification", **how)
    with kill_after_saves(2, monkeypatch):
        fit("scratch", train, held, "classification", scratch=tmp_path / "c", **how)
    again = fit("scratch", train, held, "classification", scratch=tmp_path / "c", **how)
    assert_same(whole_run, again, labels, tmp_path)


@pytest.mark.parametrize(
    ("name", "valid"),
    mark_slow_except(
        [("plain", 12), ("plain", 0), *((name, 0) for name in OPTIONS)], [("plain", 12)]
    ),
)
def test_goes_on_exactly_within_an_epoch(
    name, valid, fit, parts, labels, tmp_path, monkeypatch
) -> None:
    """Killed at the last but one step of the second epoch, with a checkpoint at each step."""
    train, held = parts[0], parts[1].iloc[:valid]
    how: dict[str, Any] = {"epochs": 3, "dotted": OPTIONS.get(name, {}), "batch_size": 4}
    if "windows" in name:
        how["max_length"] = 8
    whole_run = fit("scratch", train, held, "classification", **how)
    steps = int(whole_run.summary["steps"]) // 3
    assert steps > 3
    assert whole_run.summary["padding"] > 1.0 or "max_length" in how
    monkeypatch.setattr(checkpoints_module, "INTERVAL", 0.0)
    with kill_after_saves(2 * steps - 1, monkeypatch):
        fit("scratch", train, held, "classification", scratch=tmp_path / "c", **how)
    assert find_last_checkpoint(tmp_path / "c") == str(
        tmp_path / "c" / f"checkpoint-{2 * steps - 1}"
    )
    again = fit("scratch", train, held, "classification", scratch=tmp_path / "c", **how)
    assert_same(whole_run, again, labels, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, OPTIONS["ema, accumulation, one_cycle"]], ids=["", "ema"])
def test_goes_on_exactly_after_sigkill(options, fit, recipe, parts, labels, tmp_path) -> None:
    small = {"batch_size": 8 // options.get("train.accumulation", 1)}
    own = recipe(options, epochs=4, **small)
    job = Job(*parts, labels("classification"), own, tmp_path / "c")
    (tmp_path / "job.pickle").write_bytes(pickle.dumps(job))
    code = """
import os, pickle, signal, sys
from transformers import Trainer
from foldline.models import registry
save = Trainer._save_checkpoint
def saving(self, *arguments):
    save(self, *arguments)
    if self.state.global_step == 8:
        os.kill(os.getpid(), signal.SIGKILL)
Trainer._save_checkpoint = saving
registry.fit(pickle.load(open(sys.argv[1], "rb")))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "job.pickle")], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert find_last_checkpoint(tmp_path / "c") == str(tmp_path / "c" / "checkpoint-8")
    whole_run = fit("scratch", *parts, "classification", epochs=4, dotted=options, **small)
    again = registry.fit(job)
    assert_same(whole_run, again, labels, tmp_path)


@pytest.fixture(scope="module")
def checkpoints(fit, parts, tmp_path_factory) -> Path:
    """Return the checkpoints of a training that was killed after three epochs."""
    folder = tmp_path_factory.mktemp("checkpoints")
    how: dict[str, Any] = {"epochs": 9, "dotted": {"train.ema": 0.5}}
    with pytest.MonkeyPatch.context() as patch, kill_after_saves(3, patch):
        fit("scratch", *parts, "classification", scratch=folder, **how)
    return folder


@pytest.mark.parametrize(
    ("file", "share"),
    [
        ("trainer_state.json", 0.0),
        ("trainer_state.json", 0.5),
        ("model.safetensors", 0.0),
        ("model.safetensors", 0.5),
        ("optimizer.pt", 0.0),
        ("optimizer.pt", 0.9),
        ("scheduler.pt", 0.5),
        ("rng_state.pth", 0.5),
        ("averages.pt", 0.5),
        ("padding.json", 0.0),
        ("padding.json", 0.5),
    ],
)
def test_a_half_written_checkpoint_is_not_trusted(file, share, checkpoints, tmp_path) -> None:
    """Cut to a share of its bytes, or not there at all."""
    folder = shutil.copytree(checkpoints, tmp_path / "c")
    newest = Path(str(find_last_checkpoint(folder)))
    assert is_complete(newest)
    content = (newest / file).read_bytes()
    (newest / file).unlink()
    if share:
        (newest / file).write_bytes(content[: int(share * len(content))])
    assert not is_complete(newest)
    left = find_last_checkpoint(folder)
    assert left != str(newest)
    assert not newest.exists()


def test_no_checkpoint_is_none(tmp_path) -> None:
    assert find_last_checkpoint(tmp_path) is None
    (tmp_path / "checkpoint-5").mkdir()
    assert find_last_checkpoint(tmp_path) is None


@contextmanager
def limited_disk(size: int) -> Iterator[None]:
    """Let every write beyond `size` bytes of a file fail, as on a full disk."""
    resource = pytest.importorskip("resource")  # not on Windows
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


@pytest.mark.parametrize("size", [10_000, 50_000])
def test_a_disk_that_is_full_leaves_no_half_checkpoint(size, fit, parts, labels, tmp_path) -> None:
    """The first size cuts the weights, the second one the optimizer's state."""
    whole_run = fit("scratch", *parts, "classification")
    with limited_disk(size), pytest.raises(FoldlineError, match=LATER) as told:
        fit("scratch", *parts, "classification", scratch=tmp_path / "c")
    assert "checkpoint-" in str(told.value) and "\n" not in str(told.value)
    assert not list((tmp_path / "c").rglob("checkpoint-*"))
    again = fit("scratch", *parts, "classification", scratch=tmp_path / "c")
    assert_same(whole_run, again, labels, tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError("Error while serializing: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed"),
    ],
)
def test_a_later_checkpoint_that_fails_leaves_the_one_before(
    error, fit, parts, labels, tmp_path, monkeypatch
) -> None:
    whole_run = fit("scratch", *parts, "classification", epochs=3)
    save, saves = TextTrainer._save_rng_state, iter([None, error])

    def fail(self: Any, folder: str) -> None:
        failure = next(saves, None)
        if failure:
            raise failure
        save(self, folder)

    with monkeypatch.context() as patch:
        patch.setattr(TextTrainer, "_save_rng_state", fail)
        with pytest.raises(FoldlineError, match=LATER):
            fit("scratch", *parts, "classification", epochs=3, scratch=tmp_path / "c")
    (left,) = (tmp_path / "c").rglob("checkpoint-*")
    assert is_complete(left)
    again = fit("scratch", *parts, "classification", epochs=3, scratch=tmp_path / "c")
    assert_same(whole_run, again, labels, tmp_path)


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_a_model_that_cannot_be_written_is_told_in_one_message(
    size, fit, parts, labels, tmp_path
) -> None:
    found = fit("scratch", *parts, "classification", epochs=1)
    target = tmp_path / "m"
    with limited_disk(size), pytest.raises(FoldlineError, match="could not be written: File too"):
        registry.save(found.model, "scratch", labels("classification"), target)
    assert not list(tmp_path.iterdir())
