"""Train one model in several processes, started and watched by torch's elastic launcher."""

import json
import logging
import os
import pickle
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from foldline.core.errors import FoldlineError
from foldline.core.io.files import read_json
from foldline.core.io.threads import count_cores
from foldline.core.io.variables import set_variables
from foldline.core.params import Recipe
from foldline.core.stage import say
from foldline.models.interface import FitResult, Job
from foldline.models.neural import rank as ranks
from foldline.models.tracking import SafeTracker

FOLDER = "group"
# Starts after the first, each from the last checkpoint, before a training that is killed fails.
MAX_RESTARTS = 3
GRACE = 5  # seconds that processes have to end before they are killed
FOLLOW_SECONDS = 0.2
LOG_LINES = 15
# A process imports this library from where this one did.
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from pathlib import Path; "
    "from foldline.models.neural.rank import main; main(Path(sys.argv[2]), int(sys.argv[3]))"
)


def fit_in_processes(job: Job) -> FitResult:
    """Train a transformer in `train.distributed.processes`; restart those that are killed.

    Raises:
        FoldlineError: the one that a process raises, or if processes are killed again and again.
    """
    options = job.recipe.train.distributed
    note = check_devices(job.recipe)
    folder = (job.checkpoint_folder / FOLDER).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    is_tracked = job.tracker.tracker is not None
    (folder / ranks.JOB).write_bytes(pickle.dumps((_portable(job), is_tracked)))
    threads = job.recipe.train.cpu_threads
    with _steps_followed(folder / ranks.STEPS, job.tracker), _launcher_environment(threads):
        _run_group(folder, options.processes)
    fitted = _read_result(folder, job)
    shutil.rmtree(folder, ignore_errors=True)
    return replace(fitted, notes=[*fitted.notes, *note])


def check_devices(recipe: Recipe) -> list[str]:
    """Return a note if processes share cores.

    Raises:
        FoldlineError: if there are fewer GPUs than processes, though there is one.
    """
    import torch

    processes, threads = recipe.train.distributed.processes, recipe.train.cpu_threads
    if torch.cuda.is_available():
        gpus = torch.cuda.device_count()
        if gpus < processes:
            raise FoldlineError(
                f"train.distributed.processes: {processes} processes need a GPU each, and this "
                f"one sees {gpus}; set processes to {gpus}. A fold of runner.kind=local is given "
                "one GPU, of runner.kind=inline all"
            )
        return []
    cores = count_cores()
    if processes * threads <= cores:
        return []
    note = (
        f"train.distributed: {processes} processes with train.threads={threads} share "
        f"{cores} core{'s' if cores > 1 else ''}, which is slower than one process; set "
        f"processes to {cores} or less, and train.threads to auto"
    )
    say(f"note: {note}")
    return [note]


def _portable(job: Job) -> Job:
    """Return the job as another process can read it: of params that a stage adds, the recipe."""
    content = {k: v for k, v in vars(job.recipe).items() if k in Recipe.model_fields}
    return replace(
        job,
        recipe=Recipe.model_construct(**content),
        checkpoint_folder=job.checkpoint_folder.absolute(),
        tracker=SafeTracker(),
    )


def _run_group(folder: Path, processes: int) -> None:
    """Start the processes until they have a result."""
    restarts = 0
    while True:
        for number in range(processes):
            ranks.failure_file(folder, number).unlink(missing_ok=True)
        exit_codes = _launch(folder, processes)
        if not exit_codes:
            return
        killed = _find_killed(folder, exit_codes, processes)
        if killed is None:
            continue  # with less memory
        restarts += 1
        reason = f"the process of rank {killed} {_describe_end(exit_codes[killed])}"
        if restarts > MAX_RESTARTS:
            raise FoldlineError(
                f"train.distributed: {reason}, after {MAX_RESTARTS} restarts; lower batch_size or "
                f"max_length if memory ran out. Its last lines:\n{_read_log(folder, killed)}"
            )
        say(f"note: {reason}; all processes go on from the last checkpoint")


def _find_killed(folder: Path, exit_codes: dict[int, int], processes: int) -> int | None:
    """Return the rank of a process that was killed; None if the group may start again at once.

    Raises:
        FoldlineError: with the message of a process that gave one.
        RuntimeError: with the traceback of any other failure.
    """
    files = {number: ranks.failure_file(folder, number) for number in range(processes)}
    failures = {number: read_json(file) for number, file in files.items() if file.exists()}
    messages = {failure["kind"]: failure["message"] for failure in reversed(failures.values())}
    if ranks.EXPECTED in messages:
        raise FoldlineError(messages[ranks.EXPECTED])
    if ranks.MEMORY in messages:
        say(messages[ranks.MEMORY])
        return None
    silent = [number for number in exit_codes if number not in failures]
    # The launcher ends the others by SIGTERM when one has failed.
    stopped = [number for number in silent if exit_codes[number] == -signal.SIGTERM]
    killed = [number for number in silent if number not in stopped]
    if not killed and ranks.BUG in messages:
        raise RuntimeError(f"a process of the training failed:\n{messages[ranks.BUG]}")
    return next(iter([*killed, *stopped, *exit_codes]))


def _describe_end(code: int) -> str:
    if code < 0:
        return f"was killed by signal {-code}" + (
            " (9 often means out of memory)" if code == -9 else ""
        )
    return f"ended with exit code {code}"


def _launch(folder: Path, processes: int) -> dict[int, int]:
    """Run the processes once; return the exit codes of those that failed, none on success."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # The first process speaks for all.
    silent: dict[int, Std] = dict.fromkeys(range(1, processes), Std.ALL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=FOLDER,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="127.0.0.1",
        max_restarts=0,  # a failure that would repeat is told apart first
        logs_specs=DefaultLogsSpecs(log_dir=str(folder / "logs"), redirects=silent),
        shutdown_timeout=GRACE,
        signals_to_handle="",  # the stage's own handlers end it, and the processes with it
    )
    launch = elastic_launch(config, sys.executable)
    try:
        launch("-c", START, json.dumps(sys.path), str(folder), str(os.getpid()))
    except ChildFailedError as error:
        return {number: failure.exitcode for number, failure in error.failures.items()}
    return {}


@contextmanager
def _launcher_environment(threads: int) -> Iterator[None]:
    """Set what the processes inherit, and silence the launcher, inside the block."""
    values = {
        "OMP_NUM_THREADS": str(threads),  # otherwise accelerate takes all cores
        "TORCH_CPP_LOG_LEVEL": "ERROR",  # torch advises on options of DDP
        "TORCHELASTIC_SIGNALS_TO_HANDLE": "",  # which the launcher sets and leaves
    }
    loopback = {"linux": "lo", "darwin": "lo0"}.get(sys.platform)
    if loopback and "GLOO_SOCKET_IFNAME" not in os.environ:  # works without a network
        values["GLOO_SOCKET_IFNAME"] = loopback
    if sys.platform == "win32" and "USE_LIBUV" not in os.environ:  # torch is built without it there
        values["USE_LIBUV"] = "0"
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with set_variables(values):
            yield
    finally:
        logging.disable(level)


@contextmanager
def _steps_followed(path: Path, tracker: SafeTracker) -> Iterator[None]:
    """Forward the steps that the first process writes to a file, inside the block."""
    ended = threading.Event()

    def follow() -> None:
        position = 0
        while True:
            is_last = ended.wait(FOLLOW_SECONDS)
            with suppress(FileNotFoundError), path.open("rb") as stream:
                stream.seek(position)
                for line in stream:
                    if not line.endswith(b"\n"):  # it is being written
                        break
                    position += len(line)
                    number, values = json.loads(line)
                    tracker.step(number, values)
            if is_last:
                return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _read_result(folder: Path, job: Job) -> FitResult:
    from foldline.models.neural import transformer

    content = pickle.loads((folder / ranks.RESULT).read_bytes())
    return FitResult(**content | {"model": transformer.load(folder / ranks.MODEL, job.labels)})


def _read_log(folder: Path, number: int) -> str:
    """Return the last lines that a process wrote; the first one writes to the console."""
    files = sorted((folder / "logs").glob(f"*/*/{number}/stderr.log"), key=os.path.getmtime)
    lines = files[-1].read_text(encoding="utf-8", errors="replace").splitlines() if files else []
    return "\n".join(lines[-LOG_LINES:]) or "(none)"
