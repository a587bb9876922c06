"""What a killed training leaves, and that it goes on from there to the same bytes."""

import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import Trainer

from foldline.frame.files import digest
from foldline.modeling import kinds
from foldline.modeling.fitted import Fitted, Job
from foldline.modeling.neural.checkpoints import last_checkpoint, whole

ROOT = Path(__file__).resolve().parents[1]


class Killed(Exception):
    """Stands for a kill: nothing after it runs, the files stay."""


def killed_after(saves: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training end with `Killed` when it has written so many checkpoints."""
    save, done = Trainer._save_checkpoint, []

    def saving(self: Any, *arguments: Any) -> None:
        save(self, *arguments)
        done.append(1)
        if len(done) == saves:
            raise Killed

    monkeypatch.setattr(Trainer, "_save_checkpoint", saving)


def same(one: Fitted, other: Fitted, labels: Any, folder: Path) -> None:
    for name, fitted in (("one", one), ("other", other)):
        kinds.save(fitted.model, "scratch", labels("classification"), folder / name)
    assert one.history == other.history
    assert digest(folder / "one") == digest(folder / "other")


@pytest.mark.parametrize("saves", [1, 2, 3, 4])
def test_a_killed_training_goes_on_exactly(
    saves, fit, parts, labels, tmp_path, monkeypatch
) -> None:
    """The fourth checkpoint is the one after which it stops early, the second is the best one."""
    how: dict[str, Any] = {"epochs": 12, "lr": 1e-2, "dotted": {"train.patience": 2}}
    whole_run = fit("scratch", *parts, "classification", **how)
    stopped = sum("valid_loss" in row for row in whole_run.history)
    with monkeypatch.context() as patch:
        killed_after(min(saves, stopped), patch)
        with pytest.raises(Killed):
            fit("scratch", *parts, "classification", scratch=tmp_path / "c", **how)
    again = fit("scratch", *parts, "classification", scratch=tmp_path / "c", **how)
    same(whole_run, again, labels, tmp_path)


@pytest.mark.parametrize("saves", [1, 2])
def test_goes_on_exactly_without_validation_rows(
    saves, fit, parts, labels, tmp_path, monkeypatch
) -> None:
    """Also where all epochs were done, and only the result was not written."""
    train, none = parts[0], parts[0].iloc[:0]
    whole_run = fit("scratch", train, none, "classification")
    with monkeypatch.context() as patch:
        killed_after(saves, patch)
        with pytest.raises(Killed):
            fit("scratch", train, none, "classification", scratch=tmp_path / "c")
    again = fit("scratch", train, none, "classification", scratch=tmp_path / "c")
    same(whole_run, again, labels, tmp_path)


@pytest.mark.slow
def test_goes_on_exactly_after_sigkill(fit, recipe, parts, labels, tmp_path) -> None:
    job = Job(*parts, labels("classification"), recipe(epochs=4), tmp_path / "c")
    (tmp_path / "job.pickle").write_bytes(pickle.dumps(job))
    code = """
import os, pickle, signal, sys
from transformers import Trainer
from foldline.modeling import kinds
save = Trainer._save_checkpoint
def saving(self, *arguments):
    save(self, *arguments)
    if self.state.global_step == 8:
        os.kill(os.getpid(), signal.SIGKILL)
Trainer._save_checkpoint = saving
kinds.fit(pickle.load(open(sys.argv[1], "rb")))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "job.pickle")], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert last_checkpoint(tmp_path / "c") == str(tmp_path / "c" / "checkpoint-8")
    whole_run = fit("scratch", *parts, "classification", epochs=4)
    again = kinds.fit(job)
    same(whole_run, again, labels, tmp_path)


@pytest.fixture(scope="module")
def checkpoints(fit, parts, tmp_path_factory) -> Path:
    """Give the checkpoints of a training that was killed after three epochs."""
    folder = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        killed_after(3, patch)
        with pytest.raises(Killed):
            fit("scratch", *parts, "classification", epochs=9, scratch=folder)
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
    ],
)
def test_a_half_written_checkpoint_is_not_trusted(file, share, checkpoints, tmp_path) -> None:
    """Cut to a share of its bytes, or not there at all."""
    folder = shutil.copytree(checkpoints, tmp_path / "c")
    newest = Path(str(last_checkpoint(folder)))
    assert whole(newest)
    content = (newest / file).read_bytes()
    (newest / file).unlink()
    if share:
        (newest / file).write_bytes(content[: int(share * len(content))])
    assert not whole(newest)
    left = last_checkpoint(folder)
    assert left != str(newest)
    assert not newest.exists()


def test_no_checkpoint_is_none(tmp_path) -> None:
    assert last_checkpoint(tmp_path) is None
    (tmp_path / "checkpoint-5").mkdir()
    assert last_checkpoint(tmp_path) is None
