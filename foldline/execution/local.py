"""Run several tasks at once on this machine, each in a process of its own.

There is no pool: when a worker of a pool dies, all its other tasks are lost.
"""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from foldline.core.errors import FoldlineError
from foldline.core.io.threads import count_cores
from foldline.core.params import Runner
from foldline.core.progress import HIDE
from foldline.execution.gpu_slots import list_gpus
from foldline.execution.progress import Progress
from foldline.execution.tasks import Task

MAX_MESSAGE_CHARACTERS = 4000
# What tasks import; a process that is copied from one that has the imports begins at once.
PRELOADED = [
    "pandas",
    "sklearn.linear_model",
    "sklearn.feature_extraction.text",
    "threadpoolctl",
    "foldline.core.stage",
    "foldline.execution.local",
]


@dataclass
class _Worker:
    """A task in its process, the pipe that brings its error, and the GPU that it holds."""

    task: Task
    process: BaseProcess
    pipe: Connection
    gpu: str | None
    tries: int


class _Crash(str):
    """Why a process ended without an error of Python."""

    __slots__ = ()


def run_in_processes(tasks: Sequence[Task], runner: Runner, progress: Progress) -> dict[str, str]:
    """Run tasks side by side, as many as `runner.jobs` says or as fill the cores.

    A process that crashes is started again `runner.retries` times.
    """
    pool = _Processes(runner, progress, [(task, 1) for task in tasks])
    try:
        while pool.waiting or pool.running:
            pool.start()
            pool.collect()
    finally:
        pool.kill()
    return pool.failures


class _Processes:
    """The tasks that wait, each with the number of its next try, and those that run."""

    def __init__(self, runner: Runner, progress: Progress, waiting: list[tuple[Task, int]]) -> None:
        self.runner, self.progress, self.waiting = runner, progress, waiting
        self.running: dict[Any, _Worker] = {}
        self.failures: dict[str, str] = {}
        self.free_gpus = list(list_gpus())
        self.count = len(waiting)
        self.context = _process_context([task for task, _ in waiting])

    def start(self) -> None:
        """Start tasks while there is room."""
        while self.waiting and self._has_room(self.waiting[0][0]):
            task, tries = self.waiting.pop(0)
            alone = self._is_alone(task)
            if tries == 1:
                self.progress.begin(task.name, alone)
            gpu = self.free_gpus.pop(0) if task.needs_gpu else None
            worker = _start(self.context, task, tries, gpu, hide=not alone)
            self.running[worker.process.sentinel] = worker

    def collect(self) -> None:
        """Wait until a process ends; start its task again if it crashed."""
        for sentinel in wait(list(self.running)):
            worker = self.running.pop(sentinel)
            if worker.gpu is not None:
                self.free_gpus.append(worker.gpu)
            reason = _collect(worker)
            name = worker.task.name
            if isinstance(reason, _Crash) and worker.tries <= self.runner.retries:
                self.progress.restart(name, reason)
                self.waiting.insert(0, (worker.task, worker.tries + 1))
                continue
            if reason is not None:
                self.failures[name] = reason
            self.progress.finish(name, reason is not None)

    def kill(self) -> None:
        """End what still runs, after an interrupt or an error."""
        for worker in self.running.values():
            worker.process.kill()

    def _has_room(self, task: Task) -> bool:
        """Return whether one more task may begin."""
        if not self.running:
            return True
        if task.needs_gpu and not self.free_gpus:
            return False
        if self.runner.jobs != "auto":
            return len(self.running) < self.runner.jobs
        busy = sum(worker.task.threads for worker in self.running.values())
        return task.needs_gpu or busy + task.threads <= count_cores()

    def _is_alone(self, task: Task) -> bool:
        """Return whether no other task will run beside this one."""
        fills_cores = self.runner.jobs == "auto" and task.threads >= count_cores()
        is_only = self.runner.jobs == 1 or self.count == 1
        return is_only or (fills_cores and not task.needs_gpu)


def _process_context(tasks: Sequence[Task]) -> Any:
    """Return how processes are started: each a copy of one that has the imports, if possible.

    Imports of scikit-learn, pandas, torch and the tasks' own modules take seconds of CPU, as long
    as many a fold. Nothing has been computed in that process, so no thread is lost by the copy.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    own = {task.function.__module__ for task in tasks}
    modules = [*PRELOADED, *sorted(name for name in own if name.startswith("foldline."))]
    modules += dict.fromkeys(name for task in tasks for name in task.imports)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(modules)
    return context


def _start(context: Any, task: Task, tries: int, gpu: str | None, hide: bool) -> _Worker:
    ours, theirs = context.Pipe(duplex=False)
    environment = dict(os.environ)  # that of the copied process may be older
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    if hide:
        environment[HIDE] = "1"
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
    threading.Thread(target=_die_with_driver, daemon=True).start()
    try:
        task.run()
    except FoldlineError as error:
        _exit_with_message(pipe, str(error))
    except KeyboardInterrupt:
        _exit_with_message(pipe, "stopped")
    except Exception:
        _exit_with_message(pipe, traceback.format_exc())


def _die_with_driver() -> None:
    """Kill this process once the one that started the tasks has ended, however it ended.

    It is not the parent: that is the process which this one was copied from.
    """
    driver = multiprocessing.parent_process()
    if driver is not None:
        wait([driver.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)


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
