"""Run tasks on a Ray cluster: inputs by its object store, results back to this store.

No file system is shared. A result is stored here as soon as it arrives, so a killed driver loses
only what was running.
"""

import io
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.params import Runner
from foldline.core.paths import store_root
from foldline.execution import ray_worker
from foldline.execution.locks import hold_lock
from foldline.execution.progress import Progress
from foldline.execution.ray_checkpoints import Checkpoints
from foldline.execution.ray_connection import connect
from foldline.execution.ray_worker import Outcome, Payload
from foldline.execution.store import SCRATCH, Store
from foldline.execution.tasks import STORE, Task

MAX_SUBMITTED = 200  # each holds a lock; Ray lets them wait for a free node
POLL_SECONDS = 1.0
PATIENCE = 20.0  # seconds that the cluster may take to offer what a task needs


def run_on_ray(tasks: Sequence[Task], runner: Runner, progress: Progress) -> dict[str, str]:
    """Run tasks on a cluster, as many at once as it has room for, or as `runner.jobs` says.

    A task whose process or node died begins again `runner.retries` times.
    """
    ray = connect(runner.address)
    run = _Run(ray, runner, progress)
    waiting = list(tasks)
    try:
        while waiting or run.attempts:
            waiting = run.submit(waiting)
            run.collect()
            run.give_up()
    finally:
        run.close()
    return run.failures


@dataclass
class _Attempt:
    """A task on the cluster, and the lock of its key, which this process holds meanwhile."""

    task: Task
    lock: ExitStack
    tries: int = 1


@dataclass
class _Run:
    """What is on the cluster, by Ray's reference to the outcome."""

    ray: Any
    runner: Runner
    progress: Progress
    attempts: dict[Any, _Attempt] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.versions = ray_worker.read_versions()
        self.inputs = _Inputs(self.ray)
        self.function = self.ray.remote(ray_worker.run_payload)
        self.checkpoints = _start_checkpoints(self.ray)
        self.unmet: dict[str, float] = {}  # since when no node has what a task needs

    def submit(self, waiting: list[Task]) -> list[Task]:
        """Submit tasks; return those for which there is no room, or that another process runs."""
        limit = MAX_SUBMITTED if self.runner.jobs == "auto" else self.runner.jobs
        rest = []
        for task in waiting:
            lock = ExitStack()
            if len(self.attempts) >= limit or not _try_lock(lock, task):
                rest.append(task)
            elif Store(STORE).find(task.key):
                lock.close()
                self.progress.finish(task.name)
            else:
                self.progress.begin(task.name, alone=limit == 1)
                self._start(_Attempt(task, lock))
        return rest

    def _start(self, attempt: _Attempt) -> None:
        task = attempt.task
        try:
            payload = self.inputs.make_payload(task, self.versions)
        except FoldlineError as error:
            self._end(attempt, str(error))
            return
        options = {"num_cpus": task.threads, "num_gpus": int(task.needs_gpu), "max_retries": 0}
        function = self.function.options(**options, name=task.name)
        self.attempts[function.remote(payload, self.checkpoints)] = attempt

    def collect(self) -> None:
        """Store the results that have arrived; start tasks again whose process or node died."""
        if not self.attempts:
            time.sleep(POLL_SECONDS)
            return
        done, _ = self.ray.wait(list(self.attempts), timeout=POLL_SECONDS)
        for reference in done:
            attempt = self.attempts.pop(reference)
            try:
                outcome = self.ray.get(reference)
            except self.ray.exceptions.RayTaskError as error:  # the node cannot run our code
                outcome = Outcome(failure=str(error)[-ray_worker.MAX_MESSAGE_CHARACTERS :])
            except self.ray.exceptions.RayError as error:
                self._retry(attempt, error)
                continue
            failure = outcome.failure or self._keep(attempt.task, outcome)
            self._end(attempt, failure, outcome.seconds)

    def _keep(self, task: Task, outcome: Outcome) -> str:
        """Put a result into the store; return why that failed, or an empty text."""
        try:
            with Store(STORE).create(task.key, task.name, outcome.seconds) as folder:
                ray_worker.unpack(outcome.result, folder)
        except FoldlineError as error:
            return str(error)
        self.checkpoints.forget.remote(task.key)
        return ""

    def _retry(self, attempt: _Attempt, error: Exception) -> None:
        reason = f"its process or node died ({type(error).__name__})"
        if attempt.tries > self.runner.retries:
            detail = " ".join(str(error).split())[:500]
            self._end(attempt, f"{reason} {attempt.tries} times: {detail}")
            return
        self.progress.restart(attempt.task.name, reason)
        attempt.tries += 1
        self._start(attempt)

    def _end(self, attempt: _Attempt, failure: str, seconds: float | None = None) -> None:
        attempt.lock.close()
        if failure:
            self.failures[attempt.task.name] = failure
        self.progress.finish(attempt.task.name, bool(failure), seconds)

    def give_up(self) -> None:
        """Fail tasks that no node could run for a while; Ray would wait for ever."""
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        for reference, attempt in list(self.attempts.items()):
            task = attempt.task
            if _fits(_needs(task), nodes):
                self.unmet.pop(task.key, None)
            elif time.monotonic() - self.unmet.setdefault(task.key, time.monotonic()) > PATIENCE:
                self.ray.cancel(reference, force=True)
                del self.attempts[reference]
                self._end(attempt, _describe_shortage(_needs(task), nodes))

    def close(self) -> None:
        """End what still runs, after an interrupt or an error."""
        for reference, attempt in self.attempts.items():
            self.ray.cancel(reference, force=True)
            attempt.lock.close()
        self.ray.kill(self.checkpoints)


class _Inputs:
    """What tasks read, in the object store: a table or file that several share only once."""

    def __init__(self, ray: Any) -> None:
        self.ray = ray
        self.tables: dict[int, tuple[pd.DataFrame, Any]] = {}
        self.files: dict[Path, tuple[str, str, Any]] = {}

    def make_payload(self, task: Task, versions: dict[str, str | None]) -> Payload:
        """Return what a node needs to run a task.

        Raises:
            FoldlineError: if the task reads a file outside the project.
        """
        tables: list[Any] = []
        stream = io.BytesIO()
        share = self._share_table

        class Writer(self.ray.cloudpickle.CloudPickler):  # type: ignore[name-defined,misc]
            def persistent_id(self, value: Any) -> int | None:
                if not isinstance(value, pd.DataFrame):
                    return None
                tables.append(share(value))
                return len(tables) - 1

        Writer(stream).dump(task)
        files = tuple(map(self._share_file, task.files))
        return Payload(task.key, stream.getvalue(), tuple(tables), files, versions, task.needs_gpu)

    def _share_table(self, table: pd.DataFrame) -> Any:
        if id(table) not in self.tables:
            content = self.ray.cloudpickle.dumps(table)
            self.tables[id(table)] = table, self.ray.put(content)
        return self.tables[id(table)][1]

    def _share_file(self, path: Path) -> tuple[str, str, Any]:
        if path.is_absolute() or ".." in path.parts:
            raise FoldlineError(
                f"{path} lies outside the project, whose files alone are sent to a cluster. Copy "
                "it into the project, as models/pretrained/NAME, and name it by that path"
            )
        if path not in self.files:
            archive = self.ray.put(ray_worker.pack(path, path.name))
            self.files[path] = path.as_posix(), digest(path), archive
        return self.files[path]


def _start_checkpoints(ray: Any) -> Any:
    """Start the actor that keeps checkpoints, on this machine if it is a node of the cluster."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    is_client = bool(ray.util.client.ray.is_connected())
    node = ray.get_runtime_context().get_node_id()
    options = {
        "num_cpus": 0,
        "max_concurrency": 8,
        "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=is_client),
    }
    root = None if is_client else str(store_root() / SCRATCH)
    return ray.remote(Checkpoints).options(**options).remote(root)


def _try_lock(lock: ExitStack, task: Task) -> bool:
    """Lock a task's key, unless another process does so."""
    try:
        lock.enter_context(hold_lock(f"task-{task.key}", patience=0))
    except FoldlineError:
        return False
    return True


def _needs(task: Task) -> dict[str, int]:
    """Return what a task needs on one node."""
    gpus = {"GPU": 1} if task.needs_gpu else {}
    return {"CPU": task.threads} | gpus


def _fits(needs: dict[str, int], nodes: list[dict[str, float]]) -> bool:
    return any(all(node.get(name, 0) >= amount for name, amount in needs.items()) for node in nodes)


def _describe_shortage(needs: dict[str, int], nodes: list[dict[str, float]]) -> str:
    needed = ", ".join(f"{amount} {name}" for name, amount in needs.items())
    available = "; ".join(
        f"{int(node.get('CPU', 0))} CPU, {int(node.get('GPU', 0))} GPU" for node in nodes
    )
    return (
        f"it needs {needed} on one node, but the nodes of the cluster have: {available}. Add such "
        "a node with `ray start --address=... --num-cpus=... --num-gpus=...`, or lower "
        "train.threads"
    )
