"""Run one task on a node of a Ray cluster, which shares no files with the project.

Only the standard library is imported here before the versions of all others are compared.
"""

import io
import os
import pickle
import platform
import shutil
import tarfile
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_MESSAGE_CHARACTERS = 4000
RESULT, SCRATCH = "result", "checkpoints"  # in the folder that a task runs in
FILES, RUNS = ".files", ".runs"  # on a node, beside the code; Ray removes them with it


@dataclass(frozen=True)
class Payload:
    """A pickled task, with its tables and files in Ray's object store.

    `files` are paths from the project's root, each with the hash of the content and its archive.
    `versions` are those of the libraries where the run was started.
    """

    key: str
    task: bytes
    tables: tuple[Any, ...]
    files: tuple[tuple[str, str, Any], ...]
    versions: Mapping[str, str | None]
    uses_gpu: bool


@dataclass(frozen=True)
class Outcome:
    """The archive of a result's folder, or why the task failed."""

    result: bytes = b""
    failure: str = ""
    seconds: float = 0.0


def run_payload(payload: Payload, checkpoints: Any) -> Outcome:
    """Run a task in a folder of its own; `checkpoints` is the actor that keeps them."""
    if differences := compare_versions(payload.versions):
        return Outcome(failure=differences)
    if not payload.uses_gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a result of a GPU would have another key
    start = time.monotonic()
    try:
        with _open_folder(payload.files):
            result = _compute(payload, checkpoints)
    except Exception as error:
        return Outcome(failure=format_failure(error), seconds=time.monotonic() - start)
    return Outcome(result, seconds=time.monotonic() - start)


def compare_versions(expected: Mapping[str, str | None]) -> str:
    """Return how the libraries of this node differ from those of the driver; empty if equal."""
    found = read_versions()
    differences = [
        f"{name} {found[name] or 'missing'} (needed: {version or 'none'})"
        for name, version in expected.items()
        if found[name] != version
    ]
    if not differences:
        return ""
    return (
        f"node {platform.node()} has other libraries than the machine that started the run: "
        f"{', '.join(differences)}. Install the versions of constraints.txt on every node"
    )


def read_versions() -> dict[str, str | None]:
    """Return the versions of the libraries that results depend on."""
    from foldline.core.environment import PACKAGES, package_version

    return {name: package_version(name) for name in PACKAGES}


def _compute(payload: Payload, checkpoints: Any) -> bytes:
    from foldline.execution.ray_checkpoints import Mirror

    task = _unpickle(payload)
    # Relative, since the state of a training names its checkpoints, and any node may resume it.
    result, scratch = Path(RESULT), Path(SCRATCH)
    result.mkdir()
    with Mirror(checkpoints, payload.key, scratch):
        task.compute(result, scratch)
    return pack(result)


def _unpickle(payload: Payload) -> Any:
    """Return the task, with the tables that it shares with others."""
    import ray

    class Reader(pickle.Unpickler):
        def persistent_load(self, position: int) -> Any:
            return pickle.loads(ray.get(payload.tables[position]))

    return Reader(io.BytesIO(payload.task)).load()


@contextmanager
def _open_folder(files: Sequence[tuple[str, str, Any]]) -> Iterator[None]:
    """Work in an empty folder that looks like the project: its code, and the files of a task."""
    code = Path.cwd()
    (code / RUNS).mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=code / RUNS))
    os.environ["DVC_ROOT"] = str(code)  # tasks of a node share the vectors of its encoders
    try:
        for name in ("foldline", "components", "constraints.txt"):
            if (code / name).exists():
                (folder / name).symlink_to(code / name)
        for path, digest, archive in files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).symlink_to(_fetch(code / FILES / digest, archive) / Path(path).name)
        os.chdir(folder)
        yield
    finally:
        os.chdir(code)
        shutil.rmtree(folder, ignore_errors=True)


def _fetch(folder: Path, archive: Any) -> Path:
    """Return the folder of a file, unpacked once on each node."""
    import ray

    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent))
        unpack(ray.get(archive), temporary)
        try:
            temporary.rename(folder)
        except OSError:  # another task was faster
            shutil.rmtree(temporary)
    return folder


def format_failure(error: Exception) -> str:
    """Return what a user needs of an error: its message if foreseen, else its traceback's end."""
    from foldline.core.errors import FoldlineError

    if isinstance(error, FoldlineError):
        return str(error)[-MAX_MESSAGE_CHARACTERS:]
    return traceback.format_exc()[-MAX_MESSAGE_CHARACTERS:]


def pack(path: Path, name: str = ".") -> bytes:
    """Return an archive of a file or folder under a name; `.` is the folder unpacked into."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", dereference=True) as archive:
        archive.add(path, name)
    return stream.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Unpack an archive into a folder."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(folder, filter="data")
