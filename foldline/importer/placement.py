"""Files brought into data/raw/: whole or not at all, versioned by git or by DVC."""

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

from foldline.core.errors import FoldlineError, listed
from foldline.core.io.files import replacing
from foldline.data.raw_table import RawTable
from foldline.data.reading import read_raw

MAX_GIT_BYTES = 1_000_000  # bytes; git keeps every version of a file whole, and never forgets one


@dataclass(frozen=True)
class Placement:
    """A file and its place: `state` is new, same or changed; `keeper` is git or dvc."""

    source: Path
    target: Path
    state: str
    keeper: str
    saved: bool = True

    def told(self) -> str:
        """Give one line for the user."""
        size = self.source.stat().st_size
        shown = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
        line = f"{self.target.as_posix()}  {shown}, {self.state}, kept by {self.keeper}"
        if self.keeper == "git" and size > MAX_GIT_BYTES:
            line += (
                f"\n    large for git; to move it: git rm --cached {self.target.as_posix()}, --dvc"
            )
        if not self.saved:
            line += "\n    its present content is in no version: it is lost once this one is there"
        return line


def plan_placement(source: Path, target: Path, keeper: str | None) -> Placement:
    """Tell what bringing a file in would do; `keeper` is None where its size shall decide.

    Raises:
        FoldlineError: where git has the file and DVC shall, or the other way round.
    """
    in_git, in_dvc = _git("ls-files", "--error-unmatch", target), _dvc_file(target).is_file()
    if keeper == "dvc" and in_git:
        raise FoldlineError(
            f"{target} is in git, so DVC cannot have it: git rm --cached {target}, then again"
        )
    if keeper == "git" and in_dvc:
        raise FoldlineError(
            f"{target} is under DVC, so git cannot have it: dvc remove {_dvc_file(target)}, then again"
        )
    large = source.stat().st_size > MAX_GIT_BYTES
    keeper = keeper or ("dvc" if in_dvc or (large and not in_git) else "git")
    if keeper == "dvc" and not Path(".dvc").is_dir():
        raise FoldlineError(
            f"{target} is to be kept by DVC, which knows no project here: `git init` and "
            "`dvc init` make one, --git keeps it in git"
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
    """Copy all files, then put under DVC those that it keeps.

    Where one cannot be copied, none is there.

    Raises:
        FoldlineError: where a file cannot be written, or DVC refuses it.
    """
    with ExitStack() as stack:
        for place in placements:
            if place.state != "same":
                temporary = stack.enter_context(replacing(place.target))
                shutil.copyfile(place.source, temporary)
    files = [place.target for place in placements if place.keeper == "dvc"]
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
            f"params.yaml was left as it is: {done.stderr.strip()}"
        )


def compare_versions(old: Path, new: RawTable, key: str | None, encoding: str, quoting: str) -> str:
    """Tell in one line how the rows of a new version differ from the old one's.

    With a column of ids a row with another content is changed; without, it is one that was
    removed and one that was added.
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
    columns = f"; columns that come or go: {listed(other)}" if other else ""
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
    """Give the file in which DVC notes what it keeps."""
    return target.with_name(f"{target.name}.dvc")


def _is_recorded_by_dvc(target: Path) -> bool:
    """Tell whether the file is as DVC noted it, in a note that git has."""
    digest = hashlib.md5(target.read_bytes(), usedforsecurity=False).hexdigest()
    noted = digest in _dvc_file(target).read_text(encoding="utf-8")
    return noted and _git("diff", "--quiet", "HEAD", "--", _dvc_file(target))


def _git(*arguments: str | Path) -> bool:
    """Tell whether a git command succeeds; without git or a repository it does not."""
    try:
        done = subprocess.run(["git", *map(str, arguments)], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0
