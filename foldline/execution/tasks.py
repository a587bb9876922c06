"""Tasks run one after another here, or several at once, each in a process of its own.

One process a task, and no pool: when a pool's worker dies, every other task of the pool is lost.
A task leaves its result in the store; what it returns is not read, so both ways give one result.
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

LONGEST = 4000  # characters of a failure's message


@dataclass(frozen=True)
class Task:
    """A function at a module's top level and its arguments, which must be picklable."""

    name: str
    work: Callable[..., None]
    arguments: tuple[Any, ...]


def run_tasks(tasks: Sequence[Task], jobs: int, title: str) -> None:
    """Run all tasks, `jobs` at a time.

    Raises:
        FoldlineError: naming the tasks that failed; the others are finished first.
    """
    bar = tqdm(total=len(tasks), desc=title, unit="task", disable=len(tasks) < 2, file=sys.stderr)
    with bar:
        run = _here if jobs == 1 else _in_processes
        failures = run(list(tasks), jobs, bar)
    if failures:
        raise FoldlineError("\n".join(f"{name} failed: {why}" for name, why in failures.items()))


def _here(tasks: list[Task], jobs: int, bar: "tqdm[Any]") -> dict[str, str]:
    """Run tasks one after another; an error that nobody foresaw shows its traceback at once."""
    failures: dict[str, str] = {}
    for task in tasks:
        try:
            task.work(*task.arguments)
        except FoldlineError as error:
            failures[task.name] = str(error)
        bar.update()
    return failures


def _in_processes(tasks: list[Task], jobs: int, bar: "tqdm[Any]") -> dict[str, str]:
    context = multiprocessing.get_context("spawn")
    running: dict[Any, tuple[Task, BaseProcess, Connection]] = {}
    failures: dict[str, str] = {}
    while tasks or running:
        while tasks and len(running) < jobs:
            task = tasks.pop(0)
            ours, theirs = context.Pipe(duplex=False)
            child = context.Process(target=_child, args=(task, theirs), daemon=True)
            child.start()
            theirs.close()  # else the pipe would never end here
            running[child.sentinel] = (task, child, ours)
        for sentinel in wait(list(running)):
            task, process, pipe = running.pop(sentinel)
            process.join()
            if process.exitcode:
                failures[task.name] = _reason(pipe, process.exitcode)
            pipe.close()
            process.close()
            bar.update()
    return failures


def _child(task: Task, pipe: Connection) -> None:
    from foldline.core.stage import prepare_process

    prepare_process()
    try:
        task.work(*task.arguments)
    except FoldlineError as error:
        _tell(pipe, str(error))
    except KeyboardInterrupt:
        _tell(pipe, "stopped")
    except Exception:
        _tell(pipe, traceback.format_exc())


def _tell(pipe: Connection, reason: str) -> NoReturn:
    """Send the end of a message, short enough for a pipe that nobody reads yet, and exit."""
    pipe.send(reason[-LONGEST:])
    raise SystemExit(1) from None


def _reason(pipe: Connection, code: int) -> str:
    try:
        if pipe.poll():
            return str(pipe.recv())
    except (EOFError, OSError):
        pass
    if code < 0:
        return f"killed by signal {-code} (9 is often: out of memory); lower runner.jobs"
    return f"exit code {code}"
