"""Run tasks in this process, or several at once, each in its own process.

There is no pool: when a worker of a pool dies, all its other tasks are lost. A task puts its
result into the store and its return value is ignored, so both ways give the same result.
"""

import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from foldline.core.console import say
from foldline.core.errors import FoldlineError

MAX_MESSAGE_CHARACTERS = 4000
# What the tasks of light kinds import.
PRELOADED = ["pandas", "sklearn.linear_model", "sklearn.feature_extraction.text"]


@dataclass(frozen=True)
class Task:
    """A module-level function and its arguments, which must be picklable."""

    name: str
    function: Callable[..., None]
    arguments: tuple[Any, ...]


def run_tasks(tasks: Sequence[Task], jobs: int, title: str) -> None:
    """Run all tasks, `jobs` at a time, with a line as each begins: "{title} 3 of 5".

    Raises:
        FoldlineError: naming the failed tasks, after all others have finished.
    """
    run = _run_inline if min(jobs, len(tasks)) <= 1 else _run_in_processes
    failures = run(list(tasks), jobs, _Count(title, len(tasks)))
    if failures:
        raise FoldlineError(
            "\n".join(f"{name} failed: {reason}" for name, reason in failures.items())
        )


class _Count:
    """Says which task begins, and about how long the rest takes."""

    def __init__(self, title: str, total: int) -> None:
        self.title, self.total, self.begun, self.finished = title, total, 0, 0
        self.start = time.monotonic()

    def begin(self) -> None:
        """Say that the next task begins."""
        self.begun += 1
        left = ""
        if self.finished:
            seconds = (time.monotonic() - self.start) / self.finished
            left = f", about {_format_seconds(seconds * (self.total - self.finished))} left"
        say(f"{self.title} {self.begun} of {self.total}{left}")

    def finish(self) -> None:
        """Count a task as finished."""
        self.finished += 1


def _format_seconds(seconds: float) -> str:
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _run_inline(tasks: list[Task], jobs: int, count: _Count) -> dict[str, str]:
    """Run tasks one after another; only a FoldlineError lets the rest go on."""
    failures: dict[str, str] = {}
    for task in tasks:
        count.begin()
        try:
            task.function(*task.arguments)
        except FoldlineError as error:
            failures[task.name] = str(error)
        count.finish()
    return failures


def _run_in_processes(tasks: list[Task], jobs: int, count: _Count) -> dict[str, str]:
    context = _process_context()
    running: dict[Any, tuple[Task, BaseProcess, Connection]] = {}
    failures: dict[str, str] = {}
    environment = dict(os.environ)  # that of the copied process may be older
    while tasks or running:
        while tasks and len(running) < jobs:
            task = tasks.pop(0)
            count.begin()
            ours, theirs = context.Pipe(duplex=False)
            child = context.Process(
                target=_run_child, args=(task, theirs, environment), daemon=True
            )
            child.start()
            theirs.close()  # else the pipe would never end here
            running[child.sentinel] = (task, child, ours)
        for sentinel in wait(list(running)):
            task, process, pipe = running.pop(sentinel)
            process.join()
            if process.exitcode:
                failures[task.name] = _read_failure(pipe, process.exitcode)
            pipe.close()
            process.close()
            count.finish()
    return failures


def _process_context() -> Any:
    """Return how processes are started: each a copy of one that has the imports, if possible.

    Imports of scikit-learn and pandas take two seconds of CPU, as long as many a fold. Nothing has
    been computed in that process, so no thread is lost by the copy.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _run_child(task: Task, pipe: Connection, environment: dict[str, str]) -> None:
    from foldline.core.stage import prepare_process

    os.environ.clear()
    os.environ.update(environment)
    prepare_process()
    try:
        task.function(*task.arguments)
    except FoldlineError as error:
        _exit_with_message(pipe, str(error))
    except KeyboardInterrupt:
        _exit_with_message(pipe, "stopped")
    except Exception:
        _exit_with_message(pipe, traceback.format_exc())


def _exit_with_message(pipe: Connection, reason: str) -> NoReturn:
    """Send the end of a message, short enough not to block on an unread pipe, and exit."""
    pipe.send(reason[-MAX_MESSAGE_CHARACTERS:])
    raise SystemExit(1) from None


def _read_failure(pipe: Connection, code: int) -> str:
    try:
        if pipe.poll():
            return str(pipe.recv())
    except (EOFError, OSError):
        pass
    if code < 0:
        return f"killed by signal {-code} (9 often means out of memory); lower runner.jobs"
    return f"exit code {code}"
