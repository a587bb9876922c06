"""The hashes that DVC records for files: in dvc.lock for outputs, in *.dvc for data.

DVC takes a file's hash from its notes where size and time are those of the note, and what it copies
from its cache is not hashed again: a damaged file would be used under the hash of the good one.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError

LOCK, PIPELINE = Path("dvc.lock"), Path("dvc.yaml")
CHEAP_BYTES = 64_000_000  # a tenth of a second


@dataclass(frozen=True)
class Recorded:
    """A file or folder with its recorded MD5; `writer` is a stage or a *.dvc file."""

    path: Path
    md5: str
    size: int
    writer: str
    cached: bool = True


def check_inputs(stage: str) -> None:
    """Check that the inputs of a stage, up to some size, have the hashes that DVC recorded.

    Raises:
        FoldlineError: naming the first that has not, and the commands that help.
    """
    dependencies = list_dependencies(stage)
    for record in list_recorded():
        wanted = any(record.path.is_relative_to(path) for path in dependencies)
        if not wanted or record.size > CHEAP_BYTES or not record.path.exists():
            continue
        if (found := hash_path(record.path)) != record.md5:
            command = f"dvc commit -f {record.writer}"
            if record.writer.endswith(".dvc"):
                command = f"dvc add {record.path.as_posix()}"
            raise FoldlineError(
                f"{record.path.as_posix()} has the MD5 {found}, but {record.writer} records "
                f"{record.md5}: it is damaged, or was changed by hand. Next: `foldline doctor` "
                f"tells how to restore it; `{command}` records a change made on purpose"
            )


def list_dependencies(stage: str) -> list[Path]:
    """Return the paths that a stage of dvc.yaml depends on."""
    content = read_plain_yaml(PIPELINE)
    deps = content.get("stages", {}).get(stage.partition("@")[0], {}).get("deps") or []
    return [Path(next(iter(dep)) if isinstance(dep, dict) else dep) for dep in deps]


def list_recorded() -> list[Recorded]:
    """Return the outputs that dvc.lock records, and the data that *.dvc files record."""
    lock = read_plain_yaml(LOCK).get("stages", {})
    pipeline = read_plain_yaml(PIPELINE).get("stages", {})
    records = []
    for stage, entry in lock.items():
        if stage.partition("@")[0] in pipeline:  # DVC keeps the entries of former stages
            uncached = _uncached(pipeline.get(stage, {}))
            records += list(_read_outs(entry, stage, Path(), uncached))
    for file in [*Path("data").rglob("*.dvc"), *Path("models").rglob("*.dvc")]:
        if file.is_file():
            records += list(_read_outs(read_plain_yaml(file), file.as_posix(), file.parent, set()))
    return records


def _uncached(stage: Mapping[str, Any]) -> set[str]:
    """Return the outputs of a stage that git keeps."""
    items = [item for kind in ("outs", "metrics", "plots") for item in stage.get(kind) or []]
    return {
        path
        for item in items
        if isinstance(item, dict)
        for path, options in item.items()
        if isinstance(options, dict) and str(options.get("cache")).lower() == "false"
    }


def _read_outs(
    entry: Mapping[str, Any], writer: str, folder: Path, uncached: set[str]
) -> Iterator[Recorded]:
    for out in entry.get("outs") or []:
        if "md5" in out:
            path = str(out["path"])
            size = int(out.get("size", 0))
            yield Recorded(folder / path, out["md5"], size, writer, path not in uncached)


def read_plain_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML file of DVC with all scalars as text, without the slow parser; {} if missing.

    Raises:
        FoldlineError: where it is not YAML, as with a merge conflict.
    """
    try:
        return parse_plain_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise FoldlineError(
            f"{path} is not valid YAML: {' '.join(str(error).split())}. After a merge with "
            f"conflicts: `foldline resolve`; otherwise `git restore {path}`"
        ) from error


def parse_plain_yaml(text: str) -> dict[str, Any]:
    """Return the YAML of DVC with all scalars as text.

    Raises:
        ValueError: where it is not YAML.
    """
    import yaml

    try:
        content = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return content if isinstance(content, dict) else {}


def cache_folder() -> Path:
    """Return the folder of DVC's objects."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    folder = done.stdout.strip().splitlines()[-1:] or [".dvc/cache"]
    path = Path(folder[0], "files", "md5")
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def object_path(cache: Path, md5: str) -> Path:
    """Return the file of an object."""
    return cache / md5[:2] / md5[2:]


def hash_path(path: Path) -> str:
    """Return the MD5 of a file's content, or of a folder's as DVC computes it."""
    if not path.is_dir():
        return hash_file(path)
    patterns = _ignored_names()
    entries = [
        {"md5": hash_file(file), "relpath": file.relative_to(path).as_posix()}
        for file in _walk(path, patterns)
    ]
    text = json.dumps(sorted(entries, key=lambda entry: entry["relpath"]), sort_keys=True)
    return f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}.dir"


def hash_file(path: Path) -> str:
    """Return the MD5 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _walk(folder: Path, patterns: list[str]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _matches(name, patterns)]
        yield from (Path(parent, name) for name in names if not _matches(name, patterns))


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _ignored_names() -> list[str]:
    """Return the names that .dvcignore lists."""
    file = Path(".dvcignore")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [line.strip().strip("/") for line in lines if line.strip() and line[0] != "#"]
