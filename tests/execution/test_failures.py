"""What kills, errors, full disks, damage and other processes do to a list of tasks."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.paths import store_root
from foldline.ensembling.fits import MODEL, PREDICTIONS, Fit, fit_job, fit_rows
from foldline.execution.tasks import Task, run_tasks
from tests.helpers import tiny_tasks
from tests.helpers.tiny_tasks import gpus, make_runner, make_task, read
from tests.helpers.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture
def log(workplace: Path) -> Path:
    """Return a file in which tasks note that they are computed."""
    path = workplace / "log"
    path.touch()
    return path


@pytest.fixture
def fit(rows, recipe, labels) -> Callable[[str], Fit]:
    """Return the fit of a small model by its kind."""

    def make(model: str) -> Fit:
        table, valid = rows(n=32), rows(n=12)
        return Fit(model, table, valid, valid, labels("classification"), recipe(model=model))

    return make


def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start a run in a process of its own."""
    lines = [
        "import sys",
        "from tests.helpers.tiny_tasks import *",
        "from foldline.execution.tasks import run_tasks",
        code,
    ]
    command = [sys.executable, "-c", "\n".join(lines), *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True)


def is_running(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def kill_after_first_checkpoint(folder: Path, scratch: Path, fit: Fit) -> None:
    """Fit; the first try is killed once it has written a checkpoint."""
    from transformers import Trainer

    save = Trainer._save_checkpoint

    def save_and_die(self: Any, *arguments: Any) -> None:
        save(self, *arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    if not list(scratch.glob("checkpoint-*")):
        Trainer._save_checkpoint = save_and_die
    fit_rows(folder, scratch, fit, fit_job)


def digest_fit(folder: Path) -> str:
    """Hash what a fit's result depends on: not its speed."""
    return digest(folder / MODEL, folder / PREDICTIONS)


def test_results_are_equal_for_every_runner_number_of_workers_and_kill(fit, workplace) -> None:
    fits = [fit("tfidf"), fit("scratch"), fit("length")]
    ways: dict[str, dict[str, Any]] = {
        "inline": {"kind": "inline"},
        "one": {"kind": "local", "jobs": 1},
        "two": {"kind": "local", "jobs": 2},
    }
    found = {}
    for name, changes in ways.items():
        tasks = [Task(f.name, f"{name}-{f.name}", fit_rows, (f, fit_job)) for f in fits]
        order = tasks[::-1] if name == "two" else tasks
        folders = run_tasks(order, make_runner(**changes), "fits")
        found[name] = sorted(map(digest_fit, folders))
    killed = Task("killed", "killed", kill_after_first_checkpoint, (fits[1],))
    (resumed,) = run_tasks([killed], make_runner(), "fits")

    assert found["inline"] == found["one"] == found["two"]
    assert digest_fit(resumed) in found["inline"]
    assert not (store_root() / "scratch" / "killed").exists()


def test_a_killed_worker_is_started_again_beside_the_others(workplace, capfd) -> None:
    tasks = [
        make_task("once", tiny_tasks.die_once, "step"),
        make_task("other", tiny_tasks.write, "other"),
    ]
    folders = run_tasks(tasks, make_runner(), "tests")

    assert [read(folder) for folder in folders] == ["step, resumed", "other"]
    assert "once: killed by signal 9" in capfd.readouterr().out


def test_a_killed_driver_loses_only_what_ran(log) -> None:
    code = """
tasks = [make_task("quick", write_slowly, "quick", sys.argv[1], 0.1)]
tasks += [make_task("slow", wait_for_a_kill, sys.argv[1], 120)]
run_tasks(tasks, make_runner(), "tests")
"""
    driver = start(code, log)
    stored = store_root() / "results" / "key-of-quick"
    wait_until(lambda: stored.exists() and len(log.read_text().splitlines()) == 2)
    worker = int(next(line for line in log.read_text().splitlines() if line != "quick"))
    assert is_running(worker)
    driver.kill()
    driver.wait()
    wait_until(lambda: not is_running(worker), 10)

    tasks = [
        make_task("quick", tiny_tasks.write_slowly, "quick", str(log)),
        make_task("slow", tiny_tasks.wait_for_a_kill, str(log), 0),
    ]
    folders = run_tasks(tasks, make_runner(), "tests")
    assert [read(folder) for folder in folders] == ["quick", "before, resumed"]
    assert log.read_text().splitlines().count("quick") == 1


def test_a_terminated_driver_takes_its_workers_along(log) -> None:
    code = """
from foldline.core.stage import prepare_process
prepare_process()
run_tasks([make_task("slow", wait_for_a_kill, sys.argv[1], 120)], make_runner(), "tests")
"""
    driver = start(code, log)
    worker = int(wait_until(log.read_text))
    driver.terminate()
    assert driver.wait(20) == 128 + signal.SIGTERM
    wait_until(lambda: not is_running(worker), 10)


@pytest.mark.parametrize("kind", ["inline", "local"])
def test_a_damaged_result_is_computed_again(kind, log) -> None:
    task = make_task("a", tiny_tasks.write_slowly, "a", str(log), 0)
    (folder,) = run_tasks([task], make_runner(kind=kind), "tests")
    (folder / "sub" / "file").write_text("damaged")

    assert [read(f) for f in run_tasks([task], make_runner(kind=kind), "tests")] == ["a"]
    assert log.read_text() == "a\na\n"


def test_a_full_disk_is_named_and_nothing_half_written_stays(workplace) -> None:
    tasks = [make_task("large", tiny_tasks.fill_disk), make_task("a", tiny_tasks.write, "a")]
    with pytest.raises(FoldlineError) as caught:
        run_tasks(tasks, make_runner(), "tests")

    message = str(caught.value)
    assert message.startswith("large failed: ")
    assert "key-of-large could not be written: File too large. Check free disk space" in message
    assert [p.name for p in (store_root() / "results").iterdir()] == ["key-of-a"]


def test_two_runs_at_once_compute_each_key_once(log) -> None:
    code = """
tasks = [make_task(name, write_slowly, name, sys.argv[1]) for name in sys.argv[2]]
folders = run_tasks(tasks, make_runner(), "tests")
assert [read(folder) for folder in folders] == list(sys.argv[2])
"""
    runs = [start(code, log, names) for names in ("abcd", "cdba")]
    assert [run.wait() for run in runs] == [0, 0]
    assert sorted(log.read_text().split()) == ["a", "b", "c", "d"]


def test_a_result_that_is_removed_meanwhile_is_computed_again(log) -> None:
    first = make_task("a", tiny_tasks.write_slowly, "a", str(log), 0)
    run_tasks([first], make_runner(kind="inline"), "tests")
    remover = make_task("b", tiny_tasks.remove_entry, first.key)

    folders = run_tasks([first, remover], make_runner(kind="inline"), "tests")
    assert [read(folder) for folder in folders] == ["a", "removed"]
    assert log.read_text() == "a\na\n"


def test_what_tasks_import_is_imported_once_for_all(workplace) -> None:
    code = (
        "tasks = [make_task(n, report_module, 'wave', imports=('wave',)) for n in 'ab']\n"
        "print(*map(read, run_tasks(tasks, make_runner(), 'tests')), file=open('found', 'w'))"
    )
    assert start(code).wait() == 0
    assert Path("found").read_text() == "True True\n"


def test_each_process_has_its_gpu_and_threads(workplace) -> None:
    names = "abc"
    tasks = [make_task(n, tiny_tasks.report, uses_torch=True, threads=1) for n in names]
    with gpus("7,8"):
        folders = run_tasks([*tasks, make_task("cpu", tiny_tasks.report)], make_runner(), "tests")

    *slots, cpu = [(folder / "file").read_text().splitlines() for folder in folders]
    assert {lines[1] for lines in slots} == {"CUDA_VISIBLE_DEVICES=7", "CUDA_VISIBLE_DEVICES=8"}
    assert cpu[1] == "CUDA_VISIBLE_DEVICES=7,8"
    for lines in (*slots, cpu):
        assert lines[0] == "threads=[1]"
        assert lines[2] == "OMP_NUM_THREADS=1"
        assert lines[3] == "FOLDLINE_HIDE_BARS=1"
