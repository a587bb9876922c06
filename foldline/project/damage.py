"""Files whose content is not what DVC believes: its cache and all outputs are hashed again."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from foldline.core.recorded_hashes import (
    Recorded,
    cache_folder,
    hash_file,
    hash_path,
    list_recorded,
    object_path,
)

T = TypeVar("T")


def find_damage() -> Iterator[str]:
    """Yield each damaged file, with the command that restores it."""
    cache = cache_folder()
    objects = sorted(path for path in cache.glob("??/*") if is_object(path))
    bad = {path for path in progress(objects, "cache") if not has_its_hash(path)}
    told: set[Path] = set()
    for record in progress(list_recorded(), "outputs"):
        damaged = record.path.exists() and hash_path(record.path) != record.md5
        own = {path for path in list_objects(cache, record) if path in bad}
        told |= own
        if own or damaged:
            yield describe(record, sorted(own), damaged)
    for path in sorted(bad - told):
        yield (
            f"{path} is damaged: an output of another commit or experiment. Next: rm -f "
            f"{shlex.quote(str(path))}; then `dvc fetch --all-commits` brings it from the remote, "
            "or the run that wrote it is repeated"
        )


def describe(record: Recorded, objects: list[Path], damaged: bool) -> str:
    """Return what is damaged, and the command that restores it."""
    path, writer = shlex.quote(record.path.as_posix()), shlex.quote(record.writer)
    by_data = record.writer.endswith(".dvc")
    again = f"dvc pull {path}" if by_data else f"dvc repro {writer}"
    if not record.cached:
        text = f"{path} is not what {writer} wrote"
        return f"{text}. To write it again: rm -rf {path} && {again}"
    remove = " ".join(shlex.quote(str(item)) for item in objects)
    if not objects:
        return (
            f"{path} differs from what {writer} recorded. To restore it: rm -rf {path} && "
            f"dvc checkout {path}; to record a change made on purpose: "
            + (f"dvc add {path}" if by_data else f"dvc commit -f {writer}")
        )
    what = f"the cached content of {path} is damaged ({', '.join(map(str, objects))})"
    if not damaged and record.path.exists():
        return (
            f"{what}, the file itself is not. To restore it: rm -f {remove} && "
            f"dvc commit -f {writer}"
        )
    if by_data:
        return (
            f"{what}. To restore it from the remote: rm -rf {remove} {path} && {again}; without a "
            "remote, import the file again"
        )
    return f"{what}. To restore it: rm -rf {remove} {path} && (dvc pull {path} || {again})"


def is_object(path: Path) -> bool:
    """Return whether a file of the cache is an object, and not one that is being written."""
    return path.is_file() and len(path.parent.name + path.name.removesuffix(".dir")) == 32


def has_its_hash(path: Path) -> bool:
    """Return whether an object has the content that its name says."""
    return hash_file(path) == path.parent.name + path.name.removesuffix(".dir")


def list_objects(cache: Path, record: Recorded) -> list[Path]:
    """Return the objects of an output; those of a folder are its list and its files."""
    if not record.cached:
        return []
    first = object_path(cache, record.md5)
    if not record.md5.endswith(".dir"):
        return [first]
    try:
        entries = json.loads(first.read_text(encoding="utf-8"))
        return [first, *(object_path(cache, entry["md5"]) for entry in entries)]
    except (OSError, ValueError, KeyError, TypeError):
        return [first]


def progress(items: list[T], title: str) -> Iterator[T]:
    """Yield the items; show how many on a terminal."""
    yield from tqdm(items, desc=title, leave=False, disable=None, file=sys.stderr)
