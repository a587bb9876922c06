"""Lists of tasks: each key is computed once, stored, and never computed again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError
from foldline.core.io.threads import pin_threads
from foldline.core.params import Runner
from foldline.execution.eviction import evict, hold_entries
from foldline.execution.gpu_slots import list_gpus
from foldline.execution.locks import hold_lock
from foldline.execution.progress import Progress
from foldline.execution.store import SEAL, Store

STORE = "results"


@dataclass(frozen=True)
class Task:
    """A training or a prediction: a module-level function, its arguments, and its key.

    The function gets an empty folder, which it fills with the result, and a folder whose content
    survives a kill, for checkpoints; then the arguments, which must be picklable. `key` is the
    hash of everything that the result depends on. `threads` are the cores that the task keeps
    busy, `imports` the modules that take it longest to import. `files` are files and folders that
    it reads, by their paths from the project's root; another machine gets a copy.
    """

    name: str
    key: str
    function: Callable[..., None]
    arguments: tuple[Any, ...] = field(repr=False)
    threads: int = 1
    uses_torch: bool = False
    imports: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    def run(self) -> None:
        """Compute the result and put it into the store, unless another process has done so."""
        store = Store(STORE)
        with hold_lock(f"task-{self.key}"):
            if store.find(self.key):
                return
            store.remove_unfinished(self.key)
            scratch = store.scratch_folder(self.key)
            with store.create(self.key, self.name) as folder:
                self.compute(folder, scratch)

    def compute(self, folder: Path, scratch: Path) -> None:
        """Write the result into an empty folder, with the threads of the task and no more.

        Their number is part of the key, since sums of other numbers of threads differ.
        """
        with pin_threads(self.threads):
            self.function(folder, scratch, *self.arguments)

    @property
    def needs_gpu(self) -> bool:
        """Return whether the task takes a GPU: results of GPUs have keys of their own."""
        return self.uses_torch and bool(list_gpus())


# Runs tasks; returns why each failed one did so, by its name.
RunAll = Callable[[Sequence[Task], Runner, Progress], dict[str, str]]


def run_tasks(tasks: Sequence[Task], runner: Runner, title: str) -> list[Path]:
    """Run tasks whose results are not in the store; return the folder of each result.

    Every runner gives the same results.

    Raises:
        FoldlineError: naming the failed tasks, after all others have finished.
    """
    evict(runner.store_gb)
    hold_entries(task.key for task in tasks)
    # Of tasks with one key the first is run: a tracker follows that of the model.
    distinct: dict[str, Task] = {}
    for task in tasks:
        distinct.setdefault(task.key, task)
    found = _find_results(distinct)
    _compute(distinct, found, runner, title)
    # An entry may have been removed or damaged while others were computed.
    if not all((folder / SEAL).exists() for folder in found.values()):
        found = _find_results(distinct)
        _compute(distinct, found, runner, title)
    return [found[task.key] for task in tasks]


def _find_results(tasks: Mapping[str, Task]) -> dict[str, Path]:
    folders = {key: Store(STORE).find(key) for key in tasks}
    return {key: folder for key, folder in folders.items() if folder is not None}


def _compute(tasks: Mapping[str, Task], found: dict[str, Path], runner: Runner, title: str) -> None:
    """Compute the results that the store lacks, and add them to those that were found."""
    missing = [task for key, task in tasks.items() if key not in found]
    if not missing:
        return
    progress = Progress(title, len(missing), len(found))
    failures = get_runner(runner.kind)(missing, runner, progress)
    if failures:
        raise FoldlineError(
            "\n".join(f"{name} failed: {reason}" for name, reason in failures.items())
        )
    found |= {task.key: find_result(task) for task in missing}


def find_result(task: Task) -> Path:
    """Return the folder of a task's result.

    Raises:
        FoldlineError: if the store does not have it.
    """
    folder = Store(STORE).find(task.key)
    if folder is None:
        raise FoldlineError(
            f"{task.name}: its result was removed from the store or damaged while others were "
            "computed; run the command again"
        )
    return folder


def get_runner(kind: str) -> RunAll:
    """Return the function that runs tasks in the way that `runner.kind` names."""
    if kind == "inline":
        from foldline.execution import inline

        return inline.run_inline
    if kind == "ray":
        from foldline.execution import ray_cluster

        return ray_cluster.run_on_ray
    from foldline.execution import local

    return local.run_in_processes
