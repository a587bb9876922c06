"""What a stopped `dvc exp run` leaves behind: repaired where nothing can be lost, else reported.

Only the standard library is imported, so that run.py can ask before each DVC command.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import TextIO

from foldline.core.experiment_copies import (
    FOLDER,
    STANDALONE,
    is_held,
    is_of_this_space,
    original_root,
)

TEMPORARY = Path(".dvc/tmp")
ARGUMENTS = TEMPORARY / "repro.dat"  # DVC stages it for a moment
QUIET_SECONDS = 120  # DVC itself writes into a copy at least as often, while no stage runs
PATIENCE_SECONDS = 2.0  # for a git that is at work


def report_leftovers(file: TextIO | None = None) -> None:
    """Print each leftover on a line."""
    with chdir(original_root()):
        for line in find_leftovers():
            print(f"note: {line}", file=file, flush=True)


def find_leftovers() -> Iterator[str]:
    """Yield a message for each leftover; remove those that hold nothing of the user's."""
    if git("rev-parse", "--git-dir") is None:
        return
    yield from repair_lock_files()
    yield from remove_copies()
    if conflicts := unmerged_files():
        yield f"there are merge conflicts in {len(conflicts)} files. Next: foldline resolve"
    if not is_dvc_running():
        yield from unstage_arguments()
        yield from remove_references()
        if "DVC_STAGE" not in os.environ:  # DVC detaches HEAD while it runs an experiment
            yield from describe_detached_head()
        yield from describe_stashes()


def find_index_lock() -> str | None:
    """Return why git's index cannot be written, None if it can; wait for a git that is at work."""
    folder = git("rev-parse", "--git-dir")
    lock = Path(folder or "") / "index.lock"
    end = time.monotonic() + PATIENCE_SECONDS
    while folder and lock.exists():
        if time.monotonic() > end:
            return describe_index_lock(lock)
        time.sleep(0.1)
    return None


def describe_index_lock(lock: Path) -> str:
    """Return who holds git's lock, and what to do."""
    if users := git_processes():
        return (
            f"{lock} is held by git (process {users[0]}). Next: wait until it has ended, then run "
            "the same command again"
        )
    return (
        f"{lock} exists, left by a git or DVC that was killed: DVC would put your edits into "
        f"`git stash` and then fail. Next: rm {shlex.quote(str(lock))}"
    )


def git(*arguments: str) -> str | None:
    """Return the output of a git command, None if it fails."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except OSError:
        return None
    return None if done.returncode else done.stdout.decode(errors="replace").rstrip("\n")


def unmerged_files() -> list[str]:
    """Return the files with a merge conflict, relative to the working folder."""
    names = git("diff", "--name-only", "--diff-filter=U", "--relative", "-z") or ""
    return [name for name in names.split("\0") if name]


def git_processes() -> list[int]:
    """Return the processes of git that work in this repository, as far as the system shows them."""
    root = Path(git("rev-parse", "--show-toplevel") or ".").resolve()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "comm").read_text().strip()
            if name.startswith("git") and (folder / "cwd").resolve().is_relative_to(root):
                found.append(int(folder.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found


def is_dvc_running() -> bool:
    """Return whether a DVC other than the one that started this process works in the project."""
    folders = [TEMPORARY, *(copy / TEMPORARY for copy in STANDALONE.glob("tmp*"))]
    pids = {pid for folder in folders for pid in [read_pid(folder / "lock"), *read_rwlock(folder)]}
    return any(is_alive(pid) for pid in pids - ancestors())


def read_pid(lock: Path) -> int:
    """Return the process that locked last; 0 if there is none."""
    try:
        return int(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def read_rwlock(folder: Path) -> set[int]:
    """Return the processes that read or write outputs, as DVC notes them."""
    try:
        content = json.loads((folder / "rwlock").read_text(encoding="utf-8"))
        writers = [info["pid"] for info in content.get("write", {}).values()]
        readers = [info["pid"] for users in content.get("read", {}).values() for info in users]
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return set()
    return {*writers, *readers}


def is_alive(pid: int) -> bool:
    """Return whether a process exists and is a DVC; on Windows, whether it may."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    command = Path(f"/proc/{pid}/cmdline")
    try:
        return not command.exists() or b"dvc" in command.read_bytes()
    except OSError:
        return True


def ancestors() -> set[int]:
    """Return this process and those that started it, as far as the system shows them."""
    found = {os.getpid()}
    pid = os.getppid()
    while pid > 1 and pid not in found:
        found.add(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
    return found


def repair_lock_files() -> Iterator[str]:
    """Remove lock files that a kill has cut: DVC refuses to start until they are gone."""
    for file in (TEMPORARY / "rwlock", FOLDER / "rwlock"):
        try:
            json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            if time.time() - file.stat().st_mtime > 1:  # DVC may be writing it just now
                file.unlink(missing_ok=True)
                yield f"removed {file.as_posix()}, which a stopped DVC had left half-written"


def remove_copies() -> Iterator[str]:
    """Remove the copies of experiments whose DVC has ended; they hold no result."""
    for copy in sorted(STANDALONE.glob("tmp*")):
        pid = read_pid(copy / TEMPORARY / "lock")
        if not copy.is_dir() or is_alive(pid) or is_held(copy):
            continue
        if not (is_of_this_space(copy) or is_quiet(copy)):
            continue  # its DVC may run in another container, or just begin
        size = f"{folder_size(copy) / 1e6:.1f} MB"
        if not pid:
            yield f"{copy.as_posix()} ({size}) may be left by a killed DVC: rm -r {copy.as_posix()}"
            continue
        shutil.rmtree(copy, ignore_errors=True)
        remove_run_records(copy)
        yield f"removed {copy.as_posix()} ({size}), left by a `dvc exp run --temp` that was killed"


def is_quiet(copy: Path) -> bool:
    """Return whether DVC has written nothing into a copy for a while."""
    files = [copy, copy / "dvc.lock", *(copy / TEMPORARY).glob("*"), copy / ".git"]
    newest = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
    return time.time() - newest > QUIET_SECONDS


def folder_size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def remove_run_records(copy: Path) -> None:
    """Remove DVC's notes about the experiment of a copy, which would be shown as running."""
    for record in [*FOLDER.glob("run/*/*.run"), *STANDALONE.glob("run/*/*.run")]:
        if copy.name in record.read_text(encoding="utf-8", errors="replace"):
            shutil.rmtree(record.parent, ignore_errors=True)


def unstage_arguments() -> Iterator[str]:
    """Take DVC's own file out of git's index, where a kill may leave it."""
    name = ARGUMENTS.as_posix()
    if git("ls-files", "--error-unmatch", name) is not None and (
        git("rm", "--cached", "--quiet", name) is not None
    ):
        yield f"unstaged {name}, which a killed `dvc exp run` had added to git"


def remove_references() -> Iterator[str]:
    """Remove the references of set-ups that a kill has interrupted."""
    names = (git("for-each-ref", "--format=%(refname)", "refs/exps/temp") or "").split()
    for name in names:
        git("update-ref", "-d", name)
    if names:
        yield f"removed {len(names)} refs/exps/temp/*, left by a killed `dvc exp run`"


def describe_detached_head() -> Iterator[str]:
    """Report a detached HEAD: what is committed then is easily lost."""
    if git("symbolic-ref", "--quiet", "HEAD") is not None or git("rev-parse", "HEAD") is None:
        return
    left = git("rev-parse", "HEAD") == git(
        "rev-parse", "--verify", "-q", "refs/exps/exec/EXEC_HEAD"
    )
    cause = ", left so by a `dvc exp run` that was killed" if left else ""
    note = "; params.yaml keeps the values of that run" if left else ""
    yield (
        f"git HEAD is detached{cause}: commits belong to no branch. To return: git switch "
        f"{shlex.quote(find_last_branch() or '-')}{note}"
    )


def find_last_branch() -> str | None:
    """Return the branch that HEAD was on last, by git's log of HEAD."""
    log = git("reflog", "--format=%gs", "-n", "1000", "HEAD") or ""
    for line in log.splitlines():
        name = line.partition("moving from ")[2].rpartition(" to ")[0]
        if name and git("show-ref", "--verify", "--quiet", f"refs/heads/{name}") is not None:
            return name
    return None


def describe_stashes() -> Iterator[str]:
    """Report edits that DVC has put into `git stash` and not brought back.

    DVC's stash commits end in a line break, those of the command `git stash` do not.
    """
    if git("show-ref", "--verify", "--quiet", "refs/stash") is None:
        return
    entries = git("log", "-g", "--format=%gd %H %gs", "refs/stash", "--") or ""
    for entry in entries.splitlines():
        name, commit, message = entry.split(" ", 2)
        if message.startswith("WIP on ") and has_line_end(commit):
            stash = "stash@{" + name.partition("@{")[2]
            files = (git("diff", "--name-only", f"{commit}^1", commit) or "").splitlines()
            shown = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if files[3:] else "")
            yield (
                f"your edits of {shown} are in `git stash` ({message}), left there by a `dvc exp "
                f"run` that stopped. To see them: git stash show -p '{stash}'. To bring them back: "
                f"git stash pop '{stash}'"
            )


def has_line_end(commit: str) -> bool:
    """Return whether the message of a commit ends in a line break."""
    try:
        done = subprocess.run(
            ["git", "cat-file", "commit", commit], capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return done.stdout.endswith(b"\n")
