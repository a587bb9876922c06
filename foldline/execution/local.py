"""Run several tasks at once on this machine, each in a process of its own.

There is no pool: when a worker of a pool dies, all its other tasks are lost.
"""

import multiprocessing
import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from foldline.core.errors import FoldlineError
from foldline.core.io.threads import count_cores
from foldline.core.params import Runner
from foldline.execution.gpu_slots import list_gpus
from foldline.execution.progress import Progress
from foldline.execution.tasks import Task

MAX_MESSAGE_CHARACTERS = 4000
# What tasks import; a process that is copied from one that has the imports begins at once.
PRELOADED = ["pandas", "sklearn.linear_model", "sklearn.feature_extraction.text"]
TORCH = ["torch", "transformers"]


@dataclass
class _Worker:
    """A task in its process, the pipe that brings its error, and the GPU that it holds."""

    task: Task
    process: BaseProcess
    pipe: Connection
    gpu: str | None
    tries: int


def run_in_processes(tasks: Sequence[Task], runner: Runner, progress: Progress) -> dict[str, str]:
    """Run tasks side by side, as many as `runner.jobs` says or as fill the cores.

    A process that crashes is started again `runner.retries` times.
    """
    context = _process_context(any(task.uses_torch for task in tasks))
    waiting = [(task, 0) for task in tasks]
    free_gpus = list_gpus() if any(task.uses_torch for task in tasks) else []
    gpus = len(free_gpus)
    running: dict[Any, _Worker] = {}
    failures: dict[str, str] = {}
    while waiting or running:
        while waiting and _has_room(waiting[0][0], running, runner, free_gpus, gpus):
            task, tries = waiting.pop(0)
            if not tries:
                progress.begin(task.name)
            gpu = free_gpus.pop(0) if task.uses_torch and gpus else None
            worker = _start(context, task, tries + 1, gpu)
            running[worker.process.sentinel] = worker
        for sentinel in wait(list(running)):
            worker = running.pop(sentinel)
            if worker.gpu is not None:
                free_gpus.append(worker.gpu)
            reason = _collect(worker)
            if reason is None:
                progress.finish()
            elif isinstance(reason, _Crash) and worker.tries <= runner.retries:
                progress.restart(worker.task.name, str(reason))
                waiting.insert(0, (worker.task, worker.tries))
            else:
                failures[worker.task.name] = str(reason)
                progress.finish()
    return failures


def _has_room(
    task: Task, running: dict[Any, _Worker], runner: Runner, free_gpus: list[str], gpus: int
) -> bool:
    """Return whether one more task may begin."""
    if not running:
        return True
    if task.uses_torch and gpus and not free_gpus:
        return False
    if runner.jobs != "auto":
        return len(running) < runner.jobs
    busy = sum(worker.task.threads for worker in running.values())
    return busy + task.threads <= count_cores() or bool(task.uses_torch and gpus)


class _Crash(str):
    """Why a process ended without an error of Python."""

    __slots__ = ()


def _process_context(with_torch: bool) -> Any:
    """Return how processes are started: each a copy of one that has the imports, if possible.

    Imports of scikit-learn and pandas take two seconds of CPU, as long as many a fold. Nothing has
    been computed in that process, so no thread is lost by the copy.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED + (TORCH if with_torch else []))
    return context


def _start(context: Any, task: Task, tries: int, gpu: str | None) -> _Worker:
    ours, theirs = context.Pipe(duplex=False)
    environment = dict(os.environ)  # that of the copied process may be older
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    process = context.Process(target=_run_child, args=(task, theirs, environment), daemon=False)
    process.start()
    theirs.close()  # else the pipe would never end here
    return _Worker(task, process, ours, gpu, tries)


def _collect(worker: _Worker) -> str | None:
    """Return why an ended process failed, or None."""
    worker.process.join()
    code = worker.process.exitcode or 0
    reason = _read_failure(worker.pipe, code) if code else None
    worker.pipe.close()
    worker.process.close()
    return reason


def _run_child(task: Task, pipe: Connection, environment: dict[str, str]) -> None:
    from foldline.core.stage import prepare_process

    os.environ.clear()
    os.environ.update(environment)
    prepare_process()
    try:
        task.run()
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
        return _Crash(f"killed by signal {-code} (9 often means out of memory: lower runner.jobs)")
    return _Crash(f"exit code {code}")
