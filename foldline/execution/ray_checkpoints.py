"""Checkpoints of tasks on a Ray cluster, copied to the machine of the driver while they grow.

A node that is lost takes its disk along. The task begins again on another node from the copy.
"""

import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from foldline.core.io.files import remove, replace_atomically

COPY_SECONDS = 5.0

# Size and time of change of each file, by its path in the folder.
State = dict[str, tuple[int, int]]


class Checkpoints:
    """The actor on the driver's machine: a folder of checkpoints for each key.

    `root` is that of the store, so that a run that is started again finds them; None is a temporary
    folder, where the driver is no node of the cluster.
    """

    def __init__(self, root: str | None) -> None:
        self.root = Path(root or tempfile.mkdtemp(prefix="foldline-checkpoints-"))

    def push(self, key: str, changed: dict[str, bytes], names: list[str]) -> None:
        """Replace the folder of a key: `names` are all files, `changed` the content of new ones."""
        folder = self.root / key
        with replace_atomically(folder) as temporary:
            for name in names:
                target = temporary / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if name in changed:
                    target.write_bytes(changed[name])
                else:
                    os.link(folder / name, target)

    def pull(self, key: str) -> dict[str, bytes]:
        """Return the files of a key."""
        folder = self.root / key
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    def forget(self, key: str) -> None:
        """Remove the folder of a key."""
        remove(self.root / key)


class Mirror:
    """Fills a folder from the actor, and copies to it what changes until the task ends."""

    def __init__(self, checkpoints: Any, key: str, folder: Path) -> None:
        self.checkpoints, self.key, self.folder = checkpoints, key, folder.resolve()
        self.end = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        import ray

        self.folder.mkdir()
        for name, content in ray.get(self.checkpoints.pull.remote(self.key)).items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(content)
        self.pushed = self.last = self._read_state()
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.end.set()
        self.thread.join()

    def _run(self) -> None:
        while not self.end.wait(COPY_SECONDS):
            with suppress(OSError):  # a file was removed meanwhile
                self._copy()

    def _copy(self) -> None:
        """Send the changed files once nothing has changed for a while: whole checkpoints."""
        import ray

        state = self._read_state()
        is_quiet, self.last = state == self.last, state
        if not is_quiet or state == self.pushed:
            return
        names = [name for name in state if state[name] != self.pushed.get(name)]
        changed = {name: (self.folder / name).read_bytes() for name in names}
        if self._read_state() == state:
            ray.get(self.checkpoints.push.remote(self.key, changed, list(state)))
            self.pushed = state

    def _read_state(self) -> State:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {
            path.relative_to(self.folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in files
        }
