"""Tasks here and in processes: one result either way, and failures with their names."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.execution.tasks import Task, run_tasks


def write(folder: Path, scratch: Path, name: str) -> None:
    (folder / "file").write_text(name)


def die(folder: Path, scratch: Path, name: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(folder: Path, scratch: Path, name: str) -> None:
    raise FoldlineError(f"{name}: lower lr")


def talk(folder: Path, scratch: Path, name: str) -> None:
    raise FoldlineError("x" * 200_000 + "the end")


def stumble(folder: Path, scratch: Path, name: str) -> None:
    raise ZeroDivisionError(name)


def leave(folder: Path, scratch: Path, name: str) -> None:
    raise SystemExit(3)


def make(works: dict[str, Callable[..., None]]) -> list[Task]:
    return [Task(f"fold {name}", f"key-{name}", work, (name,)) for name, work in works.items()]


def done() -> set[str]:
    return {path.name.removeprefix("key-") for path in Path(".foldline/results").glob("key-*")}


RUNNERS = [{"kind": "inline"}, {"kind": "local", "jobs": 1}, {"kind": "local", "jobs": 2}]


@pytest.mark.slow
@pytest.mark.parametrize("changes", RUNNERS)
def test_runs_each_key_once_and_returns_folders_in_order(changes, runner, workplace) -> None:
    tasks = make(dict.fromkeys("abca", write))
    folders = run_tasks(tasks, runner(**changes), "tests")
    assert [(folder / "file").read_text() for folder in folders] == ["a", "b", "c"]
    times = {path: path.stat().st_mtime_ns for path in Path(".foldline").rglob("file")}
    assert run_tasks([*tasks, tasks[0]], runner(**changes), "tests") == [*folders, folders[0]]
    assert times == {path: path.stat().st_mtime_ns for path in Path(".foldline").rglob("file")}
    assert run_tasks([], runner(**changes), "tests") == []


@pytest.mark.slow
def test_failures_are_named_and_the_others_finish(runner, workplace) -> None:
    works = {"a": write, "b": die, "c": refuse, "d": stumble, "e": leave, "f": talk, "g": write}
    with pytest.raises(FoldlineError) as caught:
        run_tasks(make(works), runner(kind="local", jobs=2), "tests")
    message = str(caught.value)

    assert done() == {"a", "g"}
    assert "fold b failed: killed by signal 9 (9 often means out of memory" in message
    assert "fold c failed: c: lower lr\n" in message
    assert "fold d failed: Traceback" in message
    assert "ZeroDivisionError: d" in message
    assert "fold e failed: exit code 3" in message
    assert "the end" in message
    assert "fold a" not in message
    # A mistake that was foreseen has no traceback.
    assert message.count("Traceback") == 1


def test_one_after_another_the_others_finish_too(runner, workplace) -> None:
    with pytest.raises(FoldlineError, match="fold b failed: b: lower lr"):
        run_tasks(make({"b": refuse, "a": write}), runner(), "tests")
    assert done() == {"a"}


def test_a_bug_shows_itself_at_once(runner, workplace) -> None:
    with pytest.raises(ZeroDivisionError):
        run_tasks(make({"d": stumble}), runner(), "tests")
