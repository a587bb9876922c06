"""Copies of files in data/raw/, all or none, versioned by git or DVC."""

import filecmp
import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from foldline.core.errors import FoldlineError, listing
from foldline.core.io.files import replace_atomically
from foldline.data.raw_table import RawTable
from foldline.data.reading import read_raw

MAX_GIT_BYTES = 1_000_000  # git keeps every version of a file for ever


@dataclass(frozen=True)
class Placement:
    """A file and its target: `state` is new, same or changed; `keeper` is git or dvc.

    `saved` is False where the present content of the target is in no version.
    """

    source: Path
    target: Path
    state: str
    keeper: str
    saved: bool = True

    def describe(self) -> str:
        """Return the target, size, state and keeper for the summary."""
        size = self.source.stat().st_size
        shown = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
        line = f"{self.target.as_posix()}  {shown}, {self.state}, kept by {self.keeper}"
        if self.keeper == "git" and size > MAX_GIT_BYTES:
            line += (
                f"\n    large for git; to move it: git rm --cached {self.target.as_posix()}, --dvc"
            )
        if not self.saved:
            line += "\n    its present content is not committed and will be overwritten"
        return line


def plan_placement(source: Path, target: Path, keeper: str | None) -> Placement:
    """Return how a file would be placed; without a `keeper`, its size decides.

    Raises:
        FoldlineError: where the other keeper has the file already, or there is no DVC project.
    """
    in_git, in_dvc = _git("ls-files", "--error-unmatch", target), _dvc_file(target).is_file()
    if keeper == "dvc" and in_git:
        raise FoldlineError(
            f"{target} is in git, so DVC cannot track it: run git rm --cached {target}, then repeat"
        )
    if keeper == "git" and in_dvc:
        raise FoldlineError(
            f"{target} is tracked by DVC, so git cannot track it: run dvc remove "
            f"{_dvc_file(target)}, then repeat"
        )
    large = source.stat().st_size > MAX_GIT_BYTES
    keeper = keeper or ("dvc" if in_dvc or (large and not in_git) else "git")
    if keeper == "dvc" and not Path(".dvc").is_dir():
        raise FoldlineError(
            f"{target} cannot be tracked by DVC, as there is no DVC project: run `git init` and "
            "`dvc init`, or use --git"
        )
    state = "new"
    if target.is_file():
        state = "same" if filecmp.cmp(source, target, shallow=False) else "changed"
    saved = state != "changed" or (
        _is_recorded_by_dvc(target)
        if in_dvc
        else in_git and _git("diff", "--quiet", "HEAD", "--", target)
    )
    return Placement(source, target, state, keeper, saved)


def place_files(placements: Sequence[Placement]) -> None:
    """Copy all files, or none where one cannot be copied; then add those of DVC to it.

    Raises:
        FoldlineError: where a file cannot be written, or `dvc add` fails.
    """
    with ExitStack() as stack:
        for placement in placements:
            if placement.state != "same":
                temporary = stack.enter_context(replace_atomically(placement.target))
                shutil.copyfile(placement.source, temporary)
    files = [placement.target for placement in placements if placement.keeper == "dvc"]
    if not files:
        return
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "add", "--quiet", *map(str, files)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise FoldlineError(
            f"the files are in data/raw/, but `dvc add {' '.join(map(str, files))}` failed, so "
            f"params.yaml was not changed: {done.stderr.strip()}"
        )


def is_committed(*paths: str) -> bool:
    """Return whether git has all files at these paths as they are; False without git."""
    command = ["git", "status", "--porcelain", "--", *paths]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0 and not done.stdout.strip()


def compare_versions(old: Path, new: RawTable, key: str | None, encoding: str, quoting: str) -> str:
    """Return in one line how the rows of a new version differ from the old one.

    With an id column, a row with new content counts as changed; without, as removed and added.
    """
    try:
        before = read_raw(old, encoding, quoting)
    except FoldlineError as error:
        return f"the old version cannot be read: {error}"
    first, second = _count_rows(before), _count_rows(new)
    added = sum((second - first).values())
    removed = sum((first - second).values())
    names = dict.fromkeys([*before.columns, *new.columns])
    other = [name for name in names if (name in before.columns) != (name in new.columns)]
    columns = f"; columns added or removed: {listing(other)}" if other else ""
    line = f"{len(before):,} rows before, {len(new):,} now"
    if not added and not removed:
        return f"{line}: the same rows, in another order or form"
    was, now = _unique_ids(before, key), _unique_ids(new, key)
    if was is None or now is None:
        return f"{line}: {added:,} added, {removed:,} removed{columns}"
    come, gone = len(now - was), len(was - now)
    return (
        f"{line}: {come:,} added, {gone:,} removed, {added - come:,} changed (by '{key}'){columns}"
    )


def _count_rows(raw: RawTable) -> Counter[tuple[tuple[str, str | None], ...]]:
    names = sorted(raw.columns)
    rows = zip(*(raw.columns[name] for name in names), strict=True)
    return Counter(tuple(zip(names, row, strict=True)) for row in rows)


def _unique_ids(raw: RawTable, key: str | None) -> set[str | None] | None:
    values = raw.columns.get(key or "", [])
    return set(values) if values and len(set(values)) == len(values) else None


def _dvc_file(target: Path) -> Path:
    """Return the .dvc file of a target."""
    return target.with_name(f"{target.name}.dvc")


def _is_recorded_by_dvc(target: Path) -> bool:
    """Return whether the file has the hash of its .dvc file, and git has that file."""
    digest = hashlib.md5(target.read_bytes(), usedforsecurity=False).hexdigest()
    noted = digest in _dvc_file(target).read_text(encoding="utf-8")
    return noted and _git("diff", "--quiet", "HEAD", "--", _dvc_file(target))


def _git(*arguments: str | Path) -> bool:
    """Return whether a git command succeeds; False without git or a repository."""
    try:
        done = subprocess.run(["git", *map(str, arguments)], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
