"""The store: whole entries or none, keys that follow content, locks that die with their holder."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.paths import store_root
from foldline.execution import store as stores
from foldline.execution.eviction import evict, hold_entries
from foldline.execution.locks import hold_lock
from foldline.execution.store import Store, fingerprint, load_or_compute

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(workplace) -> Store:
    return Store("things")


def make(store: Store, key: str = "k", content: str = "content") -> Path:
    with store.create(key) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file.txt").write_text(content)
    found = store.find(key)
    assert found is not None
    return found


def python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start Python with our rooms in this folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_finds_what_was_made(store) -> None:
    assert store.find("k") is None
    assert (make(store) / "sub" / "file.txt").read_text() == "content"
    assert (make(store, content="new") / "sub" / "file.txt").read_text() == "new"


def test_the_store_lies_where_dvc_says(workplace, monkeypatch) -> None:
    assert store_root() == workplace / ".foldline"
    monkeypatch.setenv("DVC_ROOT", str(workplace / "parent"))
    assert store_root() == workplace / "parent" / ".foldline"


@pytest.mark.parametrize("damage", ["cut", "gone", "more", "no seal", "half a seal", "other name"])
def test_a_damaged_entry_is_not_found(damage, store) -> None:
    folder = make(store)
    file, seal = folder / "sub" / "file.txt", folder / stores.SEAL
    match damage:
        case "cut":
            file.write_text("cont")
        case "gone":
            file.unlink()
        case "more":
            (folder / "more").write_text("")
        case "no seal":
            seal.unlink()
        case "half a seal":
            seal.write_text(seal.read_text()[:9])
        case "other name":
            file.rename(file.with_name("other.txt"))
    assert store.find("k") is None
    assert not folder.exists()


def test_a_failed_entry_leaves_nothing(store) -> None:
    def fail() -> None:
        with store.create("k") as folder:
            (folder / "file").write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert list(store.root.iterdir()) == []


@pytest.mark.slow
def test_a_kill_leaves_nothing_that_is_trusted(store) -> None:
    code = """
import os, signal
from foldline.execution.store import Store
with Store("things").create("k") as folder:
    (folder / "file").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert python(code).wait() == -signal.SIGKILL
    assert len(list(store.root.iterdir())) == 1
    assert store.find("k") is None
    make(store)


def test_finished_work_needs_no_scratch(store) -> None:
    (store.scratch_folder("k") / "checkpoint").write_text("")
    (store.scratch_folder("other") / "checkpoint").write_text("")
    make(store)
    assert [path.name for path in (store_root() / "scratch").iterdir()] == ["other"]


def test_arrays_are_computed_once(workplace) -> None:
    counts = []

    def count() -> np.ndarray:
        counts.append(1)
        return np.arange(3.0)

    for _ in range(2):
        np.testing.assert_array_equal(load_or_compute("k", count), [0.0, 1.0, 2.0])
    assert len(counts) == 1
    (store_root() / "arrays" / "k" / "array.npy").write_bytes(b"broken")
    np.testing.assert_array_equal(load_or_compute("k", count), [0.0, 1.0, 2.0])
    assert len(counts) == 2


TABLE = pd.DataFrame({"id": ["a", "b"], "text": ["x,y", "ü\n"], "n": [1, 2]})


@pytest.mark.parametrize(
    "other",
    [
        TABLE.assign(text=["x,y", "ü"]),
        TABLE.assign(text=["x", "y,ü\n"]),
        TABLE.assign(n=[1, 3]),
        TABLE.assign(n=["1", "2"]),
        TABLE.iloc[::-1],
        TABLE.rename(columns={"n": "m"}),
        TABLE[["text", "id", "n"]],
        TABLE.iloc[:1],
        TABLE.iloc[:0],
    ],
)
def test_fingerprints_tell_tables_apart(other) -> None:
    assert fingerprint(TABLE) != fingerprint(other)


def test_fingerprints_follow_content_alone(monkeypatch) -> None:
    same = TABLE.copy().set_index(pd.Index([7, 9])).astype({"id": "object"})
    assert fingerprint(TABLE) == fingerprint(same)
    assert fingerprint({"a": 1, "b": 2.5}) == fingerprint({"b": 2.5, "a": 1})
    assert fingerprint("a", "b") != fingerprint("ab")
    assert fingerprint(np.arange(4)) != fingerprint(np.arange(4).reshape(2, 2))
    assert fingerprint(np.arange(4)) != fingerprint(np.arange(4.0))
    assert len(fingerprint()) == 32


def test_chunks_of_a_table_do_not_blend(monkeypatch) -> None:
    monkeypatch.setattr(stores, "CHUNK_ROWS", 2)
    tables = [pd.DataFrame({"a": list("abcd"), "b": list("efgh")})]
    tables.append(pd.DataFrame({"a": list("abef"), "b": list("cdgh")}))
    assert fingerprint(tables[0]) != fingerprint(tables[1])


def test_what_was_used_longest_ago_is_removed_first(store) -> None:
    entries = {name: make(store, name, "x" * 1000) for name in ("old", "new", "held")}
    unfinished = store.scratch_folder("killed") / "checkpoint"
    unfinished.write_text("x" * 1000)
    for age, name in enumerate(["new", "old", "killed", "held"]):
        path = entries.get(name, unfinished.parent)
        os.utime(path, (time.time() - 1000 * age,) * 2)
    hold_entries(["held"])

    removed = evict(2.9e-6)
    assert [entry.folder.name for entry in removed] == ["killed", "old"]
    assert [entries[name].exists() for name in ("old", "new", "held")] == [False, True, True]


def test_what_a_dead_process_held_is_removed(store) -> None:
    entry = make(store, "k")
    code = "from foldline.execution.eviction import hold_entries; hold_entries(['k'])"
    assert python(code).wait() == 0
    evict(1e-9)
    assert not entry.exists()


HOLD = """
import sys, time
from foldline.execution.locks import hold_lock
with hold_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_by_one_and_freed_by_a_kill(workplace) -> None:
    holder = python(HOLD, "work")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(FoldlineError, match="another process is doing this work"):
        hold_lock("work", patience=0.2).__enter__()
    with hold_lock("other work", patience=0.2):
        pass
    holder.kill()
    holder.wait()
    assert (store_root() / "work.lock").exists()
    with hold_lock("work", patience=0.2):
        pass
    assert not (store_root() / "work.lock").exists()


def test_a_lock_is_freed_by_an_error(workplace) -> None:
    with pytest.raises(RuntimeError), hold_lock("work"):
        raise RuntimeError
    with hold_lock("work", patience=0.0):
        pass


def test_a_lock_file_that_its_holder_has_removed_is_no_lock(workplace, monkeypatch) -> None:
    """Between opening and locking it, the file may go: another process locks the next one."""
    from foldline.execution import locks

    try_lock, calls = locks.try_lock, []
    path = store_root() / "work.lock"

    def late(stream: Any) -> bool:
        if not calls:
            path.unlink()
        calls.append(stream)
        return try_lock(stream)

    monkeypatch.setattr(locks, "try_lock", late)
    with hold_lock("work"):
        assert path.exists()
    assert len(calls) == 2


def add_one(path: str, times: int) -> None:
    for _ in range(times):
        with hold_lock("count"):
            number = int(Path(path).read_text())
            time.sleep(0.001)
            Path(path).write_text(str(number + 1))


@pytest.mark.slow
def test_no_two_hold_a_lock_that_is_removed_and_made(workplace, monkeypatch) -> None:
    """Removing the file must not let in one by the old file and another by a new one."""
    from foldline.execution import locks

    monkeypatch.setattr(locks, "POLL_SECONDS", 0.001)
    counter = workplace / "count"
    counter.write_text("0")
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    workers = [context.Process(target=add_one, args=(str(counter), 40)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert counter.read_text() == "160"
