"""Tasks here and in processes: one result either way, and failures with their names."""

import os
import signal
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.execution.store import Store
from foldline.execution.tasks import Task, run_tasks


def write(name: str) -> None:
    with Store("done").create(name) as folder:
        (folder / "file").write_text(name)


def die(name: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(name: str) -> None:
    raise FoldlineError(f"{name}: lower lr")


def talk(name: str) -> None:
    raise FoldlineError("x" * 200_000 + "the end")


def stumble(name: str) -> None:
    raise ZeroDivisionError(name)


def leave(name: str) -> None:
    raise SystemExit(3)


def done() -> set[str]:
    return {path.name for path in Path(".foldline/done").iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_runs_all(jobs, workplace) -> None:
    run_tasks([Task(name, write, (name,)) for name in "abc"], jobs, "test")
    assert done() == {"a", "b", "c"}
    run_tasks([], jobs, "test")


@pytest.mark.slow
def test_failures_are_named_and_the_others_finish(workplace) -> None:
    works = {"a": write, "b": die, "c": refuse, "d": stumble, "e": leave, "f": talk, "g": write}
    tasks = [Task(f"fold {name}", work, (name,)) for name, work in works.items()]
    with pytest.raises(FoldlineError) as caught:
        run_tasks(tasks, 2, "test")
    message = str(caught.value)

    assert done() == {"a", "g"}
    assert "fold b failed: killed by signal 9 (9 often means out of memory)" in message
    assert "fold c failed: c: lower lr\n" in message
    assert "fold d failed: Traceback" in message
    assert "ZeroDivisionError: d" in message
    assert "fold e failed: exit code 3" in message
    assert "the end" in message
    assert "fold a" not in message
    # A mistake that was foreseen has no traceback.
    assert message.count("Traceback") == 1


def test_one_after_another_the_others_finish_too(workplace) -> None:
    tasks = [Task("b", refuse, ("b",)), Task("a", write, ("a",))]
    with pytest.raises(FoldlineError, match="b failed: b: lower lr"):
        run_tasks(tasks, 1, "test")
    assert done() == {"a"}


def test_a_bug_shows_itself_at_once(workplace) -> None:
    with pytest.raises(ZeroDivisionError):
        run_tasks([Task("d", stumble, ("d",))], 1, "test")
