"""Tasks on a Ray cluster of three nodes on this machine, one of which is killed."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.core.params.kind_options import select_options
from foldline.core.paths import store_root
from foldline.ensembling.fits import MODEL, PREDICTIONS, Fit, fit_job, fit_rows
from foldline.execution import ray_cluster, ray_connection, ray_worker
from foldline.execution.tasks import Task, run_tasks
from tests.helpers import tiny_tasks
from tests.helpers.tiny_tasks import gpus, make_runner, make_task, read
from tests.helpers.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
on_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed (the extra `ray`)"
)


def connect_to_cluster(address: str) -> None:
    """Connect; nodes get the tiny tasks with each call, as they lack the tests."""
    ray = ray_connection.connect(address)
    for module in (tiny_tasks, sys.modules[__name__]):
        ray.cloudpickle.register_pickle_by_value(module)


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[str, Any, list[Any]]]:
    """Return the address of a cluster, the cluster, and its nodes besides the head's."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster.address, cluster, [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.shutdown()


@pytest.fixture
def address(nodes, workplace) -> Iterator[str]:
    """Return the cluster's address; the connection ends with the test."""
    import ray

    connect_to_cluster(nodes[0])
    yield nodes[0]
    ray.shutdown()


def wait(seconds: float) -> None:
    time.sleep(seconds)


def digest_fit(folder: Path) -> str:
    return digest(folder / MODEL, folder / PREDICTIONS)


@on_ray
@pytest.mark.slow
def test_errors_are_named_and_crashes_retried(address, capfd) -> None:
    Path("words").mkdir()
    Path("words/list.txt").write_text("sent along")
    file = Path("words")
    tasks = [
        make_task("refuse", tiny_tasks.refuse),
        make_task("stumble", tiny_tasks.stumble),
        make_task("die", tiny_tasks.die),
        make_task("file", tiny_tasks.read_file, "words/list.txt", files=(file,)),
        make_task("outside", tiny_tasks.write, "x", files=(Path("/etc/hostname"),)),
        make_task("seen", tiny_tasks.report),
    ]
    with pytest.raises(FoldlineError) as caught:
        run_tasks(tasks, make_runner(kind="ray", address=address), "tests")

    message = str(caught.value)
    assert "refuse failed: lower lr\n" in message
    assert message.count("Traceback") == 1
    assert "the end" in message
    assert "die failed: its process or node died (WorkerCrashedError) 2 times" in message
    assert "outside failed: /etc/hostname lies outside the project" in message
    results = store_root() / "results"
    assert sorted(p.name for p in results.iterdir()) == ["key-of-file", "key-of-seen"]
    assert read(results / "key-of-file") == "sent along"
    seen = (results / "key-of-seen" / "file").read_text().splitlines()
    assert seen[:3] == ["threads=[1]", "CUDA_VISIBLE_DEVICES=", "OMP_NUM_THREADS=1"]
    printed = capfd.readouterr().out
    assert "die: its process or node died (WorkerCrashedError); it begins again" in printed
    assert "stumble: its" not in printed


@on_ray
@pytest.mark.slow
def test_what_no_node_has_is_named(address, monkeypatch) -> None:
    monkeypatch.setattr(ray_cluster, "PATIENCE", 2.0)
    tasks = [
        make_task("gpu", tiny_tasks.write, "x", uses_torch=True),
        make_task("cores", tiny_tasks.write, "x", threads=64),
        make_task("a", tiny_tasks.write, "a"),
    ]
    with gpus("0"), pytest.raises(FoldlineError) as caught:
        run_tasks(tasks, make_runner(kind="ray", address=address), "tests")

    assert "gpu failed: it needs 1 CPU, 1 GPU on one node, but the nodes" in str(caught.value)
    assert "cores failed: it needs 64 CPU on one node, but the nodes" in str(caught.value)
    assert "1 CPU, 0 GPU; 1 CPU, 0 GPU; 1 CPU, 0 GPU" in str(caught.value)
    assert [p.name for p in (store_root() / "results").iterdir()] == ["key-of-a"]


@on_ray
@pytest.mark.slow
def test_results_are_those_of_one_process_though_a_node_is_killed(
    nodes, address, rows, recipe, labels, capfd
) -> None:
    import ray

    table, valid = rows(n=32), rows(n=12)
    fits = [
        Fit(model, table, valid, valid, labels("classification"), recipe(model=model))
        for model in ("tfidf", "scratch", "length")
    ]
    found = {}
    log = Path("log").resolve()
    log.touch()
    _, cluster, workers = nodes
    by_id = {node.node_id: node for node in workers}

    def kill_node() -> None:
        """Kill the node of a task whose checkpoint has been copied."""
        node = wait_until(log.read_text).split()[1]
        wait_until(lambda: list((store_root() / "scratch").rglob("deep/checkpoint")))
        cluster.remove_node(by_id[node], allow_graceful=False)

    # The driver's own node keeps the checkpoints: it must not be the one that is killed.
    head = next(node["NodeID"] for node in ray.nodes() if node["NodeID"] not in by_id)
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(head, soft=False)
    busy = ray.remote(wait).options(num_cpus=1, scheduling_strategy=strategy).remote(30)
    killer = threading.Thread(target=kill_node)
    killer.start()
    for name, changes in {"ray": {"kind": "ray"}, "inline": {"kind": "inline"}}.items():
        tasks = [Task(f.name, f"{name}-{f.name}", fit_rows, (f, fit_job)) for f in fits]
        if name == "ray":
            tasks.insert(0, make_task("slow", tiny_tasks.wait_for_a_kill, str(log), 300))
        folders = run_tasks(tasks, make_runner(**changes, address=address), "fits")
        if name == "ray":
            assert read(folders.pop(0)) == "before, resumed"
        found[name] = list(map(digest_fit, folders))
    killer.join()
    ray.cancel(busy, force=True)

    assert found["ray"] == found["inline"]
    assert "slow: its process or node died" in capfd.readouterr().out
    # Ray takes some seconds to notice that a node is gone.
    wait_until(lambda: len([node for node in ray.nodes() if node["Alive"]]) == 2)
    assert not list((store_root() / "scratch").iterdir())


DRIVER = """
import sys
from foldline.execution import ray_connection
from foldline.execution.tasks import run_tasks
from tests.helpers import tiny_tasks as t
ray_connection.connect("local").cloudpickle.register_pickle_by_value(t)
tasks = [t.make_task("quick", t.write_slowly, "quick", sys.argv[1], 0.1)]
tasks += [t.make_task("slow", t.wait_for_a_kill, sys.argv[1], float(sys.argv[2]))]
print([t.read(f) for f in run_tasks(tasks, t.make_runner(kind="ray", address="local"), "tests")])
"""


@on_ray
@pytest.mark.slow
def test_a_killed_driver_loses_only_what_ran_and_leaves_no_process(workplace) -> None:
    log = workplace / "log"
    log.touch()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def start(seconds: int) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", DRIVER, str(log), str(seconds)]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    driver = start(300)
    stored = store_root() / "results" / "key-of-quick"
    copied = store_root() / "scratch" / "key-of-slow" / "deep" / "checkpoint"
    wait_until(lambda: stored.exists() and copied.exists())
    before = list_descendants(driver.pid)
    assert len(before) > 3
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    wait_until(lambda: not any(map(is_running, before)))  # the agents look once a minute

    again = start(0)
    assert "['quick', 'before, resumed']" in (again.communicate()[0])
    assert log.read_text().splitlines().count("quick") == 1


def list_descendants(process: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(process).children(recursive=True)]


def is_running(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


@on_ray
@pytest.mark.slow
def test_a_node_trains_one_model_by_several_processes(workplace, rows, recipe, labels) -> None:
    import ray

    table, valid = rows(n=32), rows(n=12)
    options = {"train.distributed": {"processes": 2, "strategy": "ddp"}, "train.threads": 1}
    own = select_options(recipe(options, model="scratch"))
    fit = Fit("scratch", table, valid, valid, labels("classification"), own)
    digests = []
    for kind in ("inline", "ray"):
        task = Task("scratch", f"{kind}-scratch", fit_rows, (fit, fit_job), threads=2)
        (folder,) = run_tasks([task], make_runner(kind=kind, address="local"), "fits")
        digests.append(digest_fit(folder))
    ray.shutdown()
    assert digests[0] == digests[1]


def find_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_other_libraries_on_a_node_are_named(monkeypatch) -> None:
    versions = ray_worker.read_versions()
    assert ray_worker.compare_versions(versions) == ""
    other = versions | {"torch": "1.0", "dvc": None}
    message = ray_worker.compare_versions(other)
    assert f"torch {versions['torch']} (needed: 1.0)" in message
    assert f"dvc {versions['dvc']} (needed: none)" in message
    assert "numpy" not in message


def test_addresses_where_no_cluster_is_are_refused_at_once(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(ray_connection.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(FoldlineError, match="no Ray cluster runs on this machine"):
        ray_connection.find_address("auto")
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    assert ray_connection.find_address("auto") == "head:10001"
    with pytest.raises(FoldlineError, match="is no address; allowed are auto"):
        ray_connection.check_reachable("head")
    with pytest.raises(FoldlineError, match=r"no Ray cluster answers at 127\.0\.0\.1"):
        ray_connection.check_reachable(f"127.0.0.1:{find_free_port()}")


def test_without_ray_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(FoldlineError, match="needs the package ray"):
        ray_connection.connect("local")
