"""Checkpoints of a training: when to write them, and which can be resumed from."""

import errno
import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import TrainerCallback

from foldline.core.errors import FoldlineError
from foldline.models.neural.collectives import count_processes, decide_in_first, sum_over_processes

STATE = "trainer_state.json"
REQUIRED = (STATE, "scheduler.pt", "padding.json")
OPTIMIZER = ("optimizer.pt", "optimizer.bin")  # FSDP has the second
# Each process writes one.
RANDOM_STATES = "rng_state*.pth"
# Seconds of training that a kill may lose.
INTERVAL = 300.0
# Several processes agree on a checkpoint every so many steps.
AGREEMENT_STEPS = 10
# How Rust's libraries and torch report a failed write.
_DISK_ERROR = re.compile(r"os error \d+|Os \{ code|inline_container|iostream error")


class PeriodicCheckpoint(TrainerCallback):
    """Saves checkpoints within long epochs, besides Trainer's own at their end.

    Several processes save when one of their clocks says so, for all must save at the same step.
    """

    last = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock."""
        self.last = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Request a checkpoint when it is due, except at the end of an epoch."""
        if float(state.epoch).is_integer():
            return
        late = time.monotonic() - self.last >= INTERVAL
        if count_processes() > 1:
            due = state.global_step % AGREEMENT_STEPS == 0
            late = due and sum_over_processes([late]) != [0]
        if late:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Restart the clock."""
        self.last = time.monotonic()


@contextmanager
def write_whole(folder: Path) -> Iterator[None]:
    """Remove the folder of a checkpoint that could not be written whole.

    Raises:
        FoldlineError: with the system's reason, as a full disk.
    """
    try:
        with name_disk_errors():
            yield
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise FoldlineError(
            f"{folder} could not be written: {error.strerror or error}. Check free disk space and "
            "permissions, then run the command again: training goes on from its last checkpoint"
        ) from error


@contextmanager
def name_disk_errors() -> Iterator[None]:
    """Raise an OSError where torch, safetensors and tokenizers raise others for a failed write."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        if not _DISK_ERROR.search(text):
            raise
        named = re.search(r'message: "([^"]+)"|(\w[\w ]+) \(os error', text)
        reason = next(filter(None, named.groups()), text) if named else "the file was cut"
        raise OSError(errno.EIO, reason) from error


def find_last_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that resumes exactly, and remove newer unusable ones.

    It is the same for all processes.
    """
    return decide_in_first(lambda: _find_resumable(folder))


def _find_resumable(folder: Path) -> str | None:
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    for path in reversed(checkpoints):
        if _is_resumable(path):
            return str(path)
        shutil.rmtree(path, ignore_errors=True)
    return None


def is_complete(folder: Path) -> bool:
    """Return whether every file of a checkpoint is complete.

    Both formats allow the check: a safetensors header states the file's size, and a zip archive,
    which torch writes, ends with its directory.
    """
    try:
        if not _has_all_files(folder):
            return False
        for file in folder.glob("*.json"):
            json.loads(file.read_text(encoding="utf-8"))
        weights = list(folder.glob("*.safetensors"))
        for file in weights:
            with safe_open(file, "pt"):
                pass
        for file in folder.iterdir():
            if file.suffix in (".pt", ".pth", ".bin"):
                zipfile.ZipFile(file).close()
    except (OSError, ValueError, SafetensorError, zipfile.BadZipFile):
        return False
    return bool(weights)


def _has_all_files(folder: Path) -> bool:
    names = {file.name for file in folder.iterdir()}
    states = list(folder.glob(RANDOM_STATES))
    optimizers = names.intersection(OPTIMIZER)
    return names.issuperset(REQUIRED) and bool(optimizers) and len(states) >= count_processes()


def _is_resumable(path: Path) -> bool:
    """Return whether Trainer can resume from a checkpoint as if it had never stopped."""
    if not is_complete(path):
        return False
    state = json.loads((path / STATE).read_text(encoding="utf-8"))
    best = state.get("best_model_checkpoint")
    if best and not is_complete(Path(best)):
        return False
    # A resumed Trainer forgets that early stopping had ended it: resume from the best checkpoint.
    stopping = state.get("stateful_callbacks", {}).get("EarlyStoppingCallback", {})
    counter = stopping.get("attributes", {}).get("early_stopping_patience_counter", 0)
    return bool(counter < stopping.get("args", {}).get("early_stopping_patience", counter + 1))
