"""One process of a group that trains a model together; the first of them writes the result."""

import json
import os
import pickle
import re
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

# Files in the group's folder.
JOB, MODEL, RESULT, STEPS = "job.pickle", "model", "result.pickle", "steps.jsonl"
# Why a process failed: what a user can mend, memory, the end of another process, or the code.
EXPECTED, MEMORY, LOST, BUG = "expected", "memory", "lost", "bug"
_LOST = re.compile(
    "closed by peer|reset by peer|Broken pipe|remote process exited|DistNetworkError"
)


class StepWriter:
    """A tracker that writes steps to a file, which the process that started the group reads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, params: Mapping[str, Any], tags: Mapping[str, Any]) -> None:
        """Do nothing: the run began before the group."""

    def step(self, number: int, values: Mapping[str, float]) -> None:
        """Write the values of a step."""
        line = json.dumps([number, {name: float(value) for name, value in values.items()}])
        with self.path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(line + "\n")

    def end(self, summary: Mapping[str, Any]) -> None:
        """Do nothing: the run ends after the group."""


def main(folder: Path, parent: int) -> None:
    """Fit the job in the folder; on failure write the reason and exit with code 1."""
    rank = int(os.environ["RANK"])
    _prepare(rank, parent)
    from foldline.core.errors import FoldlineError
    from foldline.models.neural.training import OutOfGroupMemoryError

    try:
        _fit(folder, rank)
    except FoldlineError as error:
        _fail(folder, rank, EXPECTED, str(error))
    except OutOfGroupMemoryError as error:
        _fail(folder, rank, MEMORY, str(error))
    except Exception as error:
        kind = LOST if _LOST.search(f"{type(error).__name__}: {error}") else BUG
        _fail(folder, rank, kind, traceback.format_exc())


def failure_file(folder: Path, rank: int) -> Path:
    """Return the file in which a process says why it failed."""
    return folder / f"failure-{rank}.json"


def _prepare(rank: int, parent: int) -> None:
    """Make the process end with its parent; only the first one shows a progress bar."""
    from foldline.core.stage import prepare_process

    if rank:
        os.environ["TQDM_DISABLE"] = "1"
    prepare_process()
    # A handler in Python would not run while the process waits for the others.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        if os.getppid() != parent:  # it ended before this process asked to end with it
            os._exit(1)
    else:  # where the system does not end it
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> NoReturn:
    """Wait for the end of another process, then end this one."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        psutil.Process(parent).wait()
    os._exit(1)


def _fit(folder: Path, rank: int) -> None:
    from foldline.core.io.files import replace_atomically
    from foldline.models.neural import transformer
    from foldline.models.neural.collectives import joined_group
    from foldline.models.tracking import SafeTracker

    job, is_tracked = pickle.loads((folder / JOB).read_bytes())
    tracker = StepWriter(folder / STEPS) if is_tracked and rank == 0 else None
    with joined_group():
        fitted = transformer.fit_alone(replace(job, tracker=SafeTracker(tracker)))
    if rank == 0:
        with replace_atomically(folder / MODEL) as temporary:
            temporary.mkdir()
            fitted.model.save(temporary)
        with replace_atomically(folder / RESULT) as temporary:
            content = vars(fitted) | {"model": None}  # which lies beside it
            temporary.write_bytes(pickle.dumps(content))


def _fail(folder: Path, rank: int, kind: str, message: str) -> NoReturn:
    from foldline.core.io.files import write_json

    write_json(failure_file(folder, rank), {"kind": kind, "message": message})
    sys.stdout.flush()
    os._exit(1)  # an orderly end would wait for the other processes
