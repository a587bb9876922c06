"""Recorded answers of language models: an append-only JSON Lines file."""

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
_OPEN: dict[Path, "AnswerCache"] = {}


def hash_prompt(prompt: dict[str, Any]) -> str:
    """Return the key of a prompt: the sha256 of its canonical JSON (hex)."""
    text = json.dumps(prompt, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def open_cache() -> "AnswerCache":
    """Return the project's answers; a process reads the file once, then only new lines."""
    path = PATH.resolve()
    answers = _OPEN.setdefault(path, AnswerCache(path))
    answers.refresh()
    return answers


class AnswerCache:
    """A JSON Lines file of answers by key. The first answer of a key counts.

    Each line is written at once and flushed to disk, so that a kill loses at most one answer: a
    line without its end is ignored, and the next writer truncates it. Several processes may write;
    each takes the system's lock on the file, which ends with the process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._answers: dict[str, str | None] = {}
        self._position = self._line_count = 0

    def __contains__(self, key: str) -> bool:
        return key in self._answers

    def __getitem__(self, key: str) -> str | None:
        """Return an answer; None if the model gave none, or no usable one."""
        return self._answers[key]

    def refresh(self) -> None:
        """Read new lines.

        Raises:
            FoldlineError: if a line is no answer.
        """
        try:
            with self.path.open("rb") as stream:
                self._read_new_lines(stream)
        except FileNotFoundError:
            self._answers, self._position, self._line_count = {}, 0, 0
        except OSError as error:
            raise FoldlineError(f"{self.path} cannot be read: {error.strerror}") from error

    def add(self, key: str, record: dict[str, Any]) -> None:
        """Write an answer, unless another process was first."""
        line = json.dumps({"key": key} | record, ensure_ascii=False) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b", buffering=0) as stream, _lock(stream):
                self._read_new_lines(stream)
                if key in self._answers:
                    return
                stream.truncate(self._position)
                stream.write(line.encode("utf-8", "replace"))
                os.fsync(stream.fileno())
                self._read_new_lines(stream)
        except OSError as error:
            raise FoldlineError(
                f"{self.path} could not be written: {error.strerror or error}. Check free disk "
                "space and permissions, then run the command again: recorded answers are kept"
            ) from error

    def _read_new_lines(self, stream: BinaryIO) -> None:
        """Read the complete lines after those read before."""
        if stream.seek(0, os.SEEK_END) < self._position:  # the file was replaced
            self._answers, self._position, self._line_count = {}, 0, 0
        stream.seek(self._position)
        whole, end, _ = stream.read().rpartition(b"\n")
        for line in whole.split(b"\n") if end else ():
            self._line_count += 1
            if line.strip():
                key, answer = self._parse(line)
                self._answers.setdefault(key, answer)
        self._position += len(whole) + len(end)

    def _parse(self, line: bytes) -> tuple[str, str | None]:
        try:
            record = json.loads(line)
            answer = record["answer"]
            if not isinstance(answer, str | None):
                raise TypeError(f"answer {answer!r} is no text")
            return str(record["key"]), answer
        except (ValueError, KeyError, TypeError) as error:
            raise FoldlineError(
                f"{self.path}, line {self._line_count}: is no recorded answer ({error}); remove "
                "the line, or restore the file from git or DVC"
            ) from error


@contextmanager
def _lock(stream: BinaryIO) -> Iterator[None]:
    """Wait for the system's lock on a file; closing the file or ending the process frees it."""
    try:
        import fcntl
    except ImportError:  # Windows: lock a byte far after the end, so that others can read
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
