"""The lines about a list of tasks, and the bars of trainings that run side by side."""

import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from foldline.core.progress import HIDE, TrainingBar, show_progress
from foldline.execution import progress as module
from foldline.execution.progress import Progress
from foldline.execution.tasks import run_tasks
from tests.helpers import tiny_tasks
from tests.helpers.tiny_tasks import make_runner, make_task

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Set the time by `clock[0]`."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_lone_task_is_named_as_it_begins(clock, capsys) -> None:
    progress = Progress("folds", 3, stored=2)
    for second, name in ((10.0, "a"), (30.0, "b"), (90.0, "c")):
        progress.begin(name, alone=True)
        clock[0] = second
        progress.finish(name)

    assert capsys.readouterr().out.splitlines() == [
        "2 of 5 folds are in the store already",
        "1 of 3: a",
        "2 of 3: b, about 20 s left",
        "3 of 3: c, about 15 s left",
    ]


def test_one_of_several_at_once_is_named_as_it_ends(clock, capsys) -> None:
    progress = Progress("folds", 3)
    progress.begin("a", alone=False)
    progress.begin("b", alone=False)
    clock[0] = 60.0
    progress.finish("b")
    progress.begin("c", alone=False)
    clock[0] = 65.0
    progress.finish("a", failed=True)
    progress.finish("c")

    assert capsys.readouterr().out.splitlines() == [
        "1 of 3: b took 1 min 0 s, about 2 min 0 s left",
        "2 of 3: a failed after 1 min 5 s, about 32 s left",
        "3 of 3: c took 5 s",
    ]


BARS = """
import time
from foldline.core.progress import TrainingBar, show_progress
bar = TrainingBar("train", 3, 0)
for step in (1, 2, 3):
    bar.advance(step)
    bar.show({"loss": 0.5}, (1.0, 2.0))
    time.sleep(0.1)
bar.close()
"""


def show_bars(terminal: bool, **variables: str) -> str:
    """Return what a training prints on stderr."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    command = [sys.executable, "-c", BARS]
    if not terminal:
        return subprocess.run(command, env=environment, capture_output=True, text=True).stderr
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    subprocess.run(command, env=environment, stderr=theirs, check=True)
    os.close(theirs)
    with os.fdopen(ours, "rb") as stream, suppress(OSError):  # raised at the end
        return stream.read1().decode()
    return ""


def test_bars_are_shown_on_a_terminal_alone() -> None:
    assert "train" in show_bars(terminal=True)
    assert show_bars(terminal=False) == ""


def test_bars_of_processes_side_by_side_are_hidden() -> None:
    assert show_bars(terminal=True, **{HIDE: "1"}) == ""


def test_hidden_bars_still_count(monkeypatch) -> None:
    monkeypatch.setenv(HIDE, "1")
    assert list(show_progress("abc", "letters", "letter", 3)) == ["a", "b", "c"]
    bar = TrainingBar("train", 2, 0)
    bar.advance(2)
    bar.show({"loss": 1.0}, (1.0, 1.0))
    bar.close()


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "hidden"), [(1, None), (2, "1")])
def test_only_processes_side_by_side_hide_their_bars(jobs, hidden, workplace, capfd) -> None:
    tasks = [make_task(name, tiny_tasks.report) for name in "ab"]
    folders = run_tasks(tasks, make_runner(jobs=jobs), "tests")

    for folder in folders:
        lines = (folder / "file").read_text().splitlines()
        assert f"{HIDE}={hidden}" in lines
    out = capfd.readouterr().out.splitlines()
    assert len(out) == 2
    assert all(("took" in line) == (jobs == 2) for line in out)
