"""Recorded answers of language models: a file that grows by whole lines, and is read back."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from foldline.core.errors import FoldlineError

PATH = Path("data/llm/answers.jsonl")
_OPEN: dict[Path, "Answers"] = {}


def key_of(request: dict[str, Any]) -> str:
    """Give the key of a request: sha256 of all of it, in one canonical form (hex)."""
    text = json.dumps(request, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def opened() -> "Answers":
    """Give the project's answers, read once in a process and then only what was added."""
    path = PATH.resolve()
    answers = _OPEN.setdefault(path, Answers(path))
    answers.refresh()
    return answers


class Answers:
    """A JSON Lines file of answers by key. The first answer of a key counts.

    A line is written in one piece and flushed to the disk, so that a kill costs at most the answer
    being written: what it leaves without a line's end is ignored, and cut off by the next writer.
    Several processes may write: each takes the system's lock on the file, which dies with it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, str | None] = {}
        self._read = self._lines = 0

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> str | None:
        """Give an answer; None where there was none, or one that is no use."""
        return self._known[key]

    def refresh(self) -> None:
        """Read what was added since.

        Raises:
            FoldlineError: for a line that is no answer.
        """
        try:
            with self.path.open("rb") as stream:
                self._catch_up(stream)
        except FileNotFoundError:
            self._known, self._read, self._lines = {}, 0, 0
        except OSError as error:
            raise FoldlineError(f"{self.path} cannot be read: {error.strerror}") from error

    def add(self, key: str, record: dict[str, Any]) -> None:
        """Write an answer, unless another process was first."""
        line = json.dumps({"key": key} | record, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b", buffering=0) as stream, _locked(stream):
                self._catch_up(stream)
                if key in self._known:
                    return
                stream.truncate(self._read)
                stream.write(line.encode("utf-8", "replace"))
                os.fsync(stream.fileno())
                self._catch_up(stream)
        except OSError as error:
            raise FoldlineError(
                f"{self.path} could not be written: {error.strerror or error}. Check free disk "
                "space and permissions, then run the command again: what was recorded is kept"
            ) from error

    def _catch_up(self, stream: BinaryIO) -> None:
        """Read whole lines behind those that are known."""
        if stream.seek(0, os.SEEK_END) < self._read:  # another file took its place
            self._known, self._read, self._lines = {}, 0, 0
        stream.seek(self._read)
        whole, end, _ = stream.read().rpartition(b"\n")
        for line in whole.split(b"\n") if end else ():
            self._lines += 1
            if line.strip():
                key, answer = self._parsed(line)
                self._known.setdefault(key, answer)
        self._read += len(whole) + len(end)

    def _parsed(self, line: bytes) -> tuple[str, str | None]:
        try:
            record = json.loads(line)
            answer = record["answer"]
            if not isinstance(answer, str | None):
                raise TypeError(f"answer {answer!r} is no text")
            return str(record["key"]), answer
        except (ValueError, KeyError, TypeError) as error:
            raise FoldlineError(
                f"{self.path}, line {self._lines}: is no recorded answer ({error}); remove the "
                "line, or take the file from git or DVC again"
            ) from error


@contextmanager
def _locked(stream: BinaryIO) -> Iterator[None]:
    """Wait for the system's lock on a file; it is freed with the file, and with the process."""
    try:
        import fcntl
    except ImportError:  # Windows: a byte far behind the end, so that others can read
        import msvcrt

        stream.seek(1 << 40)
        while True:
            try:
                msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
                break
            except OSError:
                time.sleep(0.05)
        try:
            yield
        finally:
            stream.seek(1 << 40)
            msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(stream, fcntl.LOCK_EX)
    yield
