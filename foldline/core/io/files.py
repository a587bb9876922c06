"""Atomic files: written under a temporary name, then renamed."""

import glob
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError

DAY = 24 * 60 * 60  # seconds


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path (file or folder) that replaces `path` on success."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    backup = path.with_name(f".{path.name}.{os.getpid()}.old.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        remove(temporary)
        yield temporary
        if path.is_dir() or temporary.is_dir():  # a folder cannot be renamed over
            remove(backup)
            if os.path.lexists(path):
                path.replace(backup)
        temporary.replace(path)
    except OSError as error:
        raise FoldlineError(
            f"{path} could not be written: {error.strerror or error}. "
            "Check free disk space and permissions, then run the command again"
        ) from error
    finally:
        with suppress(OSError):  # the first error matters more
            remove(temporary)
            if os.path.lexists(path):
                remove(backup)
            elif os.path.lexists(backup):
                backup.replace(path)


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files beside `path` that are older than a day, left by a killed writer."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(OSError):  # another process may remove it, too
            if time.time() - leftover.lstat().st_mtime > DAY:
                remove(leftover)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder, replacing the target."""
    with replace_atomically(target) as temporary:
        shutil.copytree(source, temporary)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends."""
    with replace_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any) -> None:
    """Write standard JSON: NaN and infinity become null."""
    text = json.dumps(to_json_values(content), ensure_ascii=False, indent=2, allow_nan=False)
    write_text(path, text + "\n")


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write the numbers that DVC shows, without those that are not finite."""
    write_json(path, _without_none(to_json_values(metrics)))


def read_json(path: Path) -> Any:
    """Read JSON that a stage wrote."""
    if not path.exists():
        raise FoldlineError(f"{path} is missing: run `dvc repro` to make it")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FoldlineError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise FoldlineError(
            f"{path} is not JSON ({error}): remove it and run `dvc repro` to make it again"
        ) from error


def digest(*paths: Path) -> str:
    """Return the sha256 of the contents and relative names of files and folders, in hex."""
    hasher = hashlib.sha256()
    for root in paths:
        files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
        for file in files:
            name = file.relative_to(root).as_posix() if root.is_dir() else file.name
            hasher.update(f"{name}\0{file.stat().st_size}\0".encode())
            with file.open("rb") as stream:
                for block in iter(lambda: stream.read(1 << 20), b""):
                    hasher.update(block)
    return hasher.hexdigest()


def _without_none(content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    return {key: _without_none(value) for key, value in content.items() if value is not None}


def to_json_values(content: Any) -> Any:
    """Return content with plain numbers instead of those of numpy and torch, and NaN as None."""
    if isinstance(content, Mapping):
        return {str(key): to_json_values(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [to_json_values(value) for value in content]
    if hasattr(content, "tolist"):  # a number or an array of numpy or torch
        return to_json_values(content.tolist())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
