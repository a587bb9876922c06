"""Run tasks in this process, or several at once, each in its own process.

There is no pool: when a worker of a pool dies, all its other tasks are lost. A task puts its
result into the store and its return value is ignored, so both ways give the same result.
"""

import multiprocessing
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from tqdm import tqdm

from foldline.core.errors import FoldlineError

MAX_MESSAGE_CHARACTERS = 4000


@dataclass(frozen=True)
class Task:
    """A module-level function and its arguments, which must be picklable."""

    name: str
    function: Callable[..., None]
    arguments: tuple[Any, ...]


def run_tasks(tasks: Sequence[Task], jobs: int, title: str) -> None:
    """Run all tasks, `jobs` at a time.

    Raises:
        FoldlineError: naming the failed tasks, after all others have finished.
    """
    bar = tqdm(total=len(tasks), desc=title, unit="task", disable=len(tasks) < 2, file=sys.stderr)
    with bar:
        run = _run_inline if jobs == 1 else _run_in_processes
        failures = run(list(tasks), jobs, bar)
    if failures:
        raise FoldlineError(
            "\n".join(f"{name} failed: {reason}" for name, reason in failures.items())
        )


def _run_inline(tasks: list[Task], jobs: int, bar: "tqdm[Any]") -> dict[str, str]:
    """Run tasks one after another; only a FoldlineError lets the rest go on."""
    failures: dict[str, str] = {}
    for task in tasks:
        try:
            task.function(*task.arguments)
        except FoldlineError as error:
            failures[task.name] = str(error)
        bar.update()
    return failures


def _run_in_processes(tasks: list[Task], jobs: int, bar: "tqdm[Any]") -> dict[str, str]:
    context = multiprocessing.get_context("spawn")
    running: dict[Any, tuple[Task, BaseProcess, Connection]] = {}
    failures: dict[str, str] = {}
    while tasks or running:
        while tasks and len(running) < jobs:
            task = tasks.pop(0)
            ours, theirs = context.Pipe(duplex=False)
            child = context.Process(target=_run_child, args=(task, theirs), daemon=True)
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
            bar.update()
    return failures


def _run_child(task: Task, pipe: Connection) -> None:
    from foldline.core.stage import prepare_process

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
