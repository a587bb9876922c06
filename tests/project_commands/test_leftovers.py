"""What a stopped `dvc exp run` leaves: repaired or told, with commands that work as printed."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from foldline.core import experiment_copies
from foldline.project import leftovers
from tests.helpers.git_projects import commit, git, make_repository, run_shell

POSIX = pytest.mark.skipif(os.name == "nt", reason="processes are told by signals")
DEAD = 2**22 + 1  # beyond the highest process number


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    files = {"README.md": "one\n", "params.yaml": "lr: 1\n", ".gitignore": "tmp\n"}
    return make_repository(tmp_path, files)


def find() -> list[str]:
    return list(leftovers.find_leftovers())


def push_stash_as_dvc(folder: Path) -> None:
    """Put edits into refs/stash as libgit2 does: the commit's message ends in a line break."""
    git(folder, "stash", "push", "-q")
    commit = git(folder, "rev-parse", "stash")
    git(folder, "stash", "drop", "-q")
    tree, parents = git(folder, "rev-parse", f"{commit}^{{tree}}"), [f"{commit}^1", f"{commit}^2"]
    names = [option for parent in parents for option in ("-p", git(folder, "rev-parse", parent))]
    message = git(folder, "log", "-1", "--format=%s", commit)
    done = subprocess.run(
        [
            "git",
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit-tree",
            tree,
            *names,
            "-F",
            "-",
        ],
        cwd=folder,
        input=f"{message}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    git(folder, "stash", "store", "-m", message, done.stdout.strip())


def make_copy(project: Path, name: str, pid: int | None, seen: bool) -> Path:
    """Make what a killed `dvc exp run --temp` leaves; `seen`: in a stage of this system."""
    copy = project / ".dvc/tmp/exps/standalone" / name
    (copy / ".dvc/tmp").mkdir(parents=True)
    (copy / "model.bin").write_bytes(b"x" * 200_000)
    if pid is not None:
        (copy / ".dvc/tmp/lock").write_text(f" {pid}\n")
    if seen:
        (copy / experiment_copies.LOCK).write_text(experiment_copies.process_space())
    record = project / f".dvc/tmp/exps/run/{name}-rev/{name}-rev.run"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"root_dir": str(copy), "status": 1}))
    return copy


def make_old(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (time.time() - 3600,) * 2)


def test_a_clean_project_has_none(project):
    assert find() == []


def test_outside_git_there_are_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert find() == []


@pytest.mark.parametrize("n_edits", [1, 3])
def test_edits_in_a_stash_of_dvc_come_back_by_the_command_told(project, n_edits):
    for number in range(n_edits):
        name = f"file{number}.txt"
        commit(project, {name: "old\n"})
        (project / name).write_text("MY EDIT\n")
        push_stash_as_dvc(project)

    told = find()

    assert len(told) == n_edits
    for _ in range(n_edits):
        (line, *_) = find()
        run_shell(project, line.partition("bring them back: ")[2])
    assert all((project / f"file{n}.txt").read_text() == "MY EDIT\n" for n in range(n_edits))
    assert find() == []


def test_a_stash_of_the_users_own_is_not_mentioned(project):
    (project / "README.md").write_text("mine\n")
    git(project, "stash", "push", "-q")

    assert find() == []


def test_a_detached_head_names_the_branch(project):
    head = git(project, "rev-parse", "HEAD")
    git(project, "checkout", "-q", head)
    git(project, "update-ref", "refs/exps/exec/EXEC_HEAD", head)

    (line,) = find()

    assert "left so by a `dvc exp run` that was killed" in line
    run_shell(project, line.partition("To return: ")[2].partition(";")[0])
    assert git(project, "branch", "--show-current") == "main"
    assert find() == []


def test_a_head_detached_twice_still_names_the_branch(project):
    for _ in range(2):
        git(project, "checkout", "-q", "--detach")
        commit(project, {"README.md": f"{time.time()}\n"})

    assert "git switch main" in find()[0]


def test_in_a_stage_head_is_detached_by_the_run_itself(project, monkeypatch):
    git(project, "checkout", "-q", "--detach")
    monkeypatch.setenv("DVC_STAGE", "check")

    assert find() == []


def test_dvcs_staged_file_is_unstaged(project):
    (project / ".dvc/tmp").mkdir(parents=True)
    (project / ".dvc/tmp/repro.dat").write_bytes(b"x")
    git(project, "add", "-f", ".dvc/tmp/repro.dat")

    assert "unstaged .dvc/tmp/repro.dat" in find()[0]
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""


def test_temporary_references_are_removed(project):
    for name in ("head-1", "merge-1"):
        git(project, "update-ref", f"refs/exps/temp/{name}", "HEAD")

    assert "removed 2 refs/exps/temp/*" in find()[0]
    assert git(project, "for-each-ref", "refs/exps/temp") == ""


@POSIX
def test_the_copy_of_a_killed_run_is_removed_with_its_record(project):
    copy = make_copy(project, "tmpa", DEAD, seen=True)

    (line,) = find()

    assert "removed .dvc/tmp/exps/standalone/tmpa (0.2 MB)" in line
    assert not copy.exists()
    assert not list(project.glob(".dvc/tmp/exps/run/*"))


@POSIX
@pytest.mark.parametrize("case", ["alive", "held", "new", "elsewhere"])
def test_a_copy_that_may_be_in_use_stays(project, case, monkeypatch):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "dvc"])
    monkeypatch.setattr(leftovers, "ancestors", lambda: {0})
    try:
        pid = child.pid if case == "alive" else DEAD
        copy = make_copy(project, "tmpa", pid, seen=case in ("alive", "held"))
        if case == "elsewhere":
            (copy / experiment_copies.LOCK).write_text("another machine")
        if case == "held":
            monkeypatch.chdir(copy)
            held = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "from foldline.core.experiment_copies import hold_copy\n"
                    "import time; hold_copy(); print('held', flush=True); time.sleep(60)",
                ],
                env=os.environ | {"PYTHONPATH": str(Path(leftovers.__file__).parents[2])},
                stdout=subprocess.PIPE,
            )
            assert held.stdout and held.stdout.readline() == b"held\n"
            monkeypatch.chdir(project)
        assert find() == []
        assert copy.exists()
        if case == "held":
            held.kill()
            held.wait()
            assert "removed" in find()[0]
    finally:
        child.kill()
        child.wait()


@POSIX
def test_an_old_copy_of_unknown_origin_is_told_with_its_size(project):
    copy = make_copy(project, "tmpa", None, seen=False)
    make_old(copy)

    (line,) = find()

    assert "(0.2 MB)" in line
    run_shell(project, line.rpartition(": ")[2])
    assert find() == []


def test_half_written_lock_files_are_removed(project):
    for name in (".dvc/tmp/rwlock", ".dvc/tmp/exps/rwlock"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text('{"read": {')
        make_old(project / name)

    assert len(find()) == 2
    assert find() == []


def test_a_stale_lock_of_git_is_told_and_removed_by_the_command(project, monkeypatch):
    monkeypatch.setattr(leftovers, "PATIENCE_SECONDS", 0.1)
    assert leftovers.find_index_lock() is None
    (project / ".git/index.lock").touch()

    line = leftovers.find_index_lock()

    assert line and "left by a git or DVC that was killed" in line
    run_shell(project, line.partition("Next: ")[2])
    assert leftovers.find_index_lock() is None


def test_a_git_at_work_is_waited_for(project):
    lock = project / ".git/index.lock"
    lock.touch()
    remove = f"import os, time; time.sleep(0.3); os.remove({str(lock)!r})"
    child = subprocess.Popen([sys.executable, "-c", remove])

    assert leftovers.find_index_lock() is None
    child.wait()


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
def test_a_git_that_holds_the_lock_is_named(project, monkeypatch, tmp_path):
    monkeypatch.setattr(leftovers, "PATIENCE_SECONDS", 0.5)
    (project / ".git/index.lock").touch()
    sleeper = tmp_path / "git-sleeper"
    shutil.copy(shutil.which("sleep") or "sleep", sleeper)
    child = subprocess.Popen([sleeper, "60"], cwd=project)
    try:
        assert f"is held by git (process {child.pid})" in (leftovers.find_index_lock() or "")
    finally:
        child.kill()
        child.wait()
