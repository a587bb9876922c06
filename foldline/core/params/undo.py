"""How params.yaml returns to the last commit: a value that `-S` set stays, even a rejected one."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError, listing
from foldline.core.experiment_copies import in_copy
from foldline.core.yaml_files import parse_yaml

ABSENT = object()
RESULTS = ("dvc.lock", "metrics", "models", "reports")  # with params.yaml what `git restore` names


def list_changes(path: Path) -> list[tuple[str, Any, Any]]:
    """Return each key that the last commit has with another value: key, before, now.

    A key that one of both lacks is None there. Without a commit there are none.
    """
    text = _git_show(path, "HEAD")
    if text is None:
        return []
    try:
        before, now = (dict(_flatten(parse_yaml(own))) for own in (text, path.read_text("utf-8")))
    except FoldlineError:
        return []
    pairs = {key: (before.get(key), now.get(key)) for key in before | now}
    return [(key, *pair) for key, pair in pairs.items() if pair[0] != pair[1]]


def describe_undo(path: Path, content: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return how rejected keys get their committed values back; empty where git has no others."""
    text = _git_show(path, "HEAD")
    if text is None or in_copy(path):
        return ""
    try:
        committed = parse_yaml(text)
    except FoldlineError:
        return ""
    now, before = dict(_flatten(content)), dict(_flatten(committed))
    changed = [key for key in before | now if before.get(key, ABSENT) != now.get(key, ABSENT)]
    if not changed:
        return ""
    rejected = [key for key in changed if any(_contains(key, other) for other in keys)]
    renew_time(path)
    command = f"git restore {path}"
    if _git_show(path, "") != text:  # staged, so `git restore` would bring the staged one back
        command = f"git checkout HEAD -- {path}"
    if not rejected or rejected == changed:
        return f"Changed since the last commit: {listing(changed)}. To undo: {command}"
    lines = [_describe_line(key, before.get(key, ABSENT)) for key in rejected]
    others = listing(key for key in changed if key not in rejected)
    return "\n".join(
        [
            f"To undo, set in {path} what the last commit has:",
            *lines,
            f"or take the whole file of that commit, which also undoes {others}: {command}",
        ]
    )


def renew_times() -> None:
    """Move the times of params.yaml and of all results that git keeps; see `renew_time`."""
    for name in _list_committed("params.yaml", *RESULTS):
        path = Path(name)
        if path.is_file() and not path.is_symlink():
            renew_time(path)


def renew_time(path: Path) -> None:
    """Move a file's time by a second at least, so that git sees that the file has changed.

    git compares size and whole seconds. `dvc exp run` checks the last commit out and, within the
    same second, writes the values and results of the workspace; where the size is the same, `git
    restore` would then leave them.
    """
    status = path.stat()
    os.utime(path, (status.st_atime, max(time.time(), status.st_mtime + 1)))


def _describe_line(key: str, value: object) -> str:
    """Return a key with its value, or that the key is to be removed."""
    return f"  {key}  (remove this key)" if value is ABSENT else f"  {key}: {_format_value(value)}"


def _format_value(value: object) -> str:
    """Return a value as YAML on one line."""
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    return text.removesuffix("...\n").strip() if value is not None else "(blank)"


def _flatten(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each dotted key with its value."""
    for name, value in content.items() if isinstance(content, dict) else ():
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _contains(key: str, other: str) -> bool:
    """Return whether one of two dotted keys is the other or lies in it."""
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")


def _git_show(path: Path, revision: str) -> str | None:
    """Return the file in a commit, or in git's index; None where git has none."""
    command = ["git", "show", f"{revision}:./{path.name}"]
    try:
        done = subprocess.run(command, cwd=path.parent, capture_output=True, check=False)
    except OSError:
        return None
    return None if done.returncode else done.stdout.decode(errors="replace")


def _list_committed(*paths: str) -> list[str]:
    """Return the files at these paths of the working folder that git keeps."""
    command = ["git", "ls-files", "-z", "--", *paths]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return []
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
