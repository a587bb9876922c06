"""`foldline store`: what it lists, what it removes and never removes, what it finds damaged."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from foldline import cli
from foldline.core.errors import FoldlineError
from foldline.core.paths import store_root
from foldline.execution.eviction import evict, hold_entries
from foldline.execution.store import SEAL, Store
from foldline.execution.store_command import format_size

ROOT = Path(__file__).resolve().parents[2]
DAY = 86_400


@pytest.fixture
def store(workplace) -> Store:
    """Return a store of 3 results of 1 kB and checkpoints of 1 kB, last used days ago."""
    shutil.copy(ROOT / "tests" / "params.yaml", workplace / "params.yaml")
    own = Store("results")
    for days, name in enumerate(["new", "middle", "old"], start=1):
        with own.create(f"key-{name}", f"tfidf, fold {days}", seconds=60.0 * days) as folder:
            (folder / "file").write_text("x" * 1000)
        set_age(own.root / f"key-{name}", days)
    (own.scratch_folder("killed") / "checkpoint").write_text("x" * 1000)
    set_age(own.scratch_folder("killed"), 4)
    return own


def set_age(path: Path, days: float) -> None:
    os.utime(path, (time.time() - days * DAY,) * 2)


def left(store: Store) -> set[str]:
    return {path.name for path in store.root.iterdir()}


def test_entries_are_listed_with_size_age_and_seconds(store, capsys) -> None:
    assert cli.run(["store", "ls"]) == 0

    head, *rows, total = capsys.readouterr().out.splitlines()
    assert head.split() == ["size", "last", "used", "took", "name"]
    assert "checkpoints of an unfinished task (killed)" in rows[0]
    assert "4 d 0 h ago" in rows[0]
    names = [row.rpartition("  ")[2] for row in rows[1:]]
    assert names == [
        "tfidf, fold 3 (key-old)",
        "tfidf, fold 2 (key-midd)",
        "tfidf, fold 1 (key-new)",
    ]
    assert "3 min 0 s" in rows[1]
    assert total.startswith("4 entries, 4.")
    assert total.endswith(f" kB of 20 GB (runner.store_gb) in {store_root()}")


def test_an_empty_store_is_one_line(workplace, capsys) -> None:
    shutil.copy(ROOT / "tests" / "params.yaml", workplace / "params.yaml")
    assert cli.run(["store", "ls"]) == 0
    assert capsys.readouterr().out.startswith("0 entries, 0 B of 20 GB")


def test_gc_removes_what_was_used_longest_ago_first(store, capsys) -> None:
    assert cli.run(["store", "gc"]) == 0
    assert "removed 0 entries" in capsys.readouterr().out
    assert cli.run(["store", "gc", "--to", "2.5e-6"]) == 0
    assert "removed 2 entries, 2.1 kB; 2 are left" in capsys.readouterr().out
    assert left(store) == {"key-new", "key-middle"}
    assert not list((store_root() / "scratch").iterdir())


def test_gc_spares_what_a_living_process_needs(store, capsys) -> None:
    hold_entries(["key-old", "killed"])
    assert cli.run(["store", "gc", "--all"]) == 0
    assert left(store) == {"key-old"}
    assert (store_root() / "scratch" / "killed" / "checkpoint").exists()
    assert "what is left is needed by a run that is going on" in capsys.readouterr().out


def test_half_written_entries_of_killed_processes_go_after_a_day(store) -> None:
    for name, days in (("dead", 2), ("young", 0.5), ("needed", 2)):
        folder = store.root / f".key-{name}.123.tmp"
        folder.mkdir()
        set_age(folder, days)
    hold_entries(["key-needed"])
    evict(1.0)
    hidden = {name for name in left(store) if name.startswith(".")}
    assert hidden == {".key-young.123.tmp", ".key-needed.123.tmp"}


def test_damaged_entries_are_named_and_removed(store, capsys) -> None:
    assert cli.run(["store", "verify"]) == 0
    assert capsys.readouterr().out == "3 results verified, 0 damaged\n"
    (store.root / "key-old" / "file").write_text("y" * 1000)
    seal = store.root / "key-new" / SEAL
    seal.write_text(json.dumps(json.loads(seal.read_text()) | {"digest": "0"}))
    assert cli.run(["store", "verify"]) == 1

    out = capsys.readouterr().out
    assert "removed, since it was damaged: tfidf, fold 3 (key-old)" in out
    assert "3 results verified, 2 damaged" in out
    assert left(store) == {"key-middle"}


def test_options_of_gc_are_of_no_other_action(store) -> None:
    with pytest.raises(FoldlineError, match="belong to `foldline store gc`"):
        cli.run(["store", "ls", "--all"])
    assert len(left(store)) == 3


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2.5e9, "2.5 GB")]
)
def test_sizes_are_written_for_people(size, text) -> None:
    assert format_size(size) == text
