"""Tasks that take a moment: one that writes, and some that fail in each way."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.params import Runner
from foldline.execution.gpu_slots import list_gpus
from foldline.execution.tasks import Task


def make_task(name: str, function, *arguments, **options) -> Task:
    return Task(name, f"key-of-{name}", function, arguments, **options)


def write(folder: Path, scratch: Path, text: str) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text(text)


def report_module(folder: Path, scratch: Path, module: str) -> None:
    """Write whether a module is there before the task imports anything."""
    write(folder, scratch, str(module in sys.modules))


def write_slowly(folder: Path, scratch: Path, text: str, log: str, seconds: float = 0.5) -> None:
    """Write, and note in a log that this was computed."""
    note(log, text)
    time.sleep(seconds)
    write(folder, scratch, text)


def die(folder: Path, scratch: Path) -> None:
    (folder / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(folder: Path, scratch: Path, text: str) -> None:
    """Die after a first step, whose checkpoint the next try goes on from."""
    checkpoint = scratch / "checkpoint"
    if not checkpoint.exists():
        checkpoint.write_text(text)
        os.kill(os.getpid(), signal.SIGKILL)
    write(folder, scratch, f"{checkpoint.read_text()}, resumed")


def wait_for_a_kill(folder: Path, scratch: Path, log: str, seconds: float) -> None:
    """Write a checkpoint, say where, and wait; where it is found, end."""
    checkpoint = scratch / "deep" / "checkpoint"
    if not checkpoint.exists():
        checkpoint.parent.mkdir()
        checkpoint.write_text("before")
        note(log, f"{os.getpid()} {find_node()}")
        time.sleep(seconds)
        raise FoldlineError("nothing has killed this task")
    write(folder, scratch, f"{checkpoint.read_text()}, resumed")


def find_node() -> str:
    """Return the id of Ray's node, empty elsewhere."""
    ray = sys.modules.get("ray")
    return ray.get_runtime_context().get_node_id() if ray and ray.is_initialized() else ""


def note(log: str, line: str) -> None:
    with Path(log).open("a") as stream:
        stream.write(f"{line}\n")


def read_file(folder: Path, scratch: Path, path: str) -> None:
    write(folder, scratch, Path(path).read_text())


def remove_entry(folder: Path, scratch: Path, key: str) -> None:
    """Remove the result of another task, as by hand."""
    other = folder.parent / key
    if other.exists():
        shutil.rmtree(other)
    write(folder, scratch, "removed")


def refuse(folder: Path, scratch: Path) -> None:
    raise FoldlineError("lower lr")


def stumble(folder: Path, scratch: Path) -> None:
    raise ZeroDivisionError("the end")


def leave(folder: Path, scratch: Path) -> None:
    sys.exit(3)


def fill_disk(folder: Path, scratch: Path) -> None:
    """Write more than the process may, as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    (folder / "small").write_text("small")
    (folder / "large").write_bytes(b"x" * 20_000)


def report(folder: Path, scratch: Path) -> None:
    """Write what the process sees: its GPUs, its threads."""
    from threadpoolctl import threadpool_info

    counts = {info["num_threads"] for info in threadpool_info()}
    names = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "FOLDLINE_HIDE_BARS")
    lines = [f"threads={sorted(counts)}", *(f"{name}={os.environ.get(name)}" for name in names)]
    (folder / "file").write_text("\n".join(lines))


@contextmanager
def gpus(names: str) -> Iterator[None]:
    """Let this machine have GPUs, as far as tasks see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", names)
        list_gpus.cache_clear()
        yield
    list_gpus.cache_clear()


def read(folder: Path) -> str:
    return (folder / "sub" / "file").read_text()


def make_runner(**changes) -> Runner:
    content = {
        "kind": "local",
        "jobs": 2,
        "retries": 1,
        "address": "auto",
        "store_gb": 1.0,
        "tracker": "none",
    }
    return Runner.model_validate(content | changes)
