"""The advice about tasks whose processes are killed: it is followed, and all results are there."""

import os
import signal
import time
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.params import Runner
from foldline.execution.tasks import Task, run_tasks

RUNNER = {"kind": "local", "retries": 0, "address": "auto", "store_gb": 1.0, "tracker": "none"}


def die_beside_another(folder: Path, scratch: Path, name: str) -> None:
    """Die as one whose memory another takes."""
    mark = Path("running")
    if mark.exists():
        os.kill(os.getpid(), signal.SIGKILL)
    mark.touch()
    time.sleep(2)
    mark.unlink()
    (folder / "file").write_text(name)


@pytest.mark.slow
def test_fewer_jobs_as_the_message_says_leave_memory_enough(workplace) -> None:
    tasks = [Task(name, name * 32, die_beside_another, (name,)) for name in "ab"]
    with pytest.raises(FoldlineError, match=r"out of memory: lower runner\.jobs"):
        run_tasks(tasks, Runner(jobs=2, **RUNNER), "test")
    found = run_tasks(tasks, Runner(jobs=1, **RUNNER), "test")
    assert [(folder / "file").read_text() for folder in found] == ["a", "b"]
