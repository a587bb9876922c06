"""Runners: five folds in one process, in processes side by side, and on a Ray cluster.

    python -m benchmarks.runners --data FILE [--rows N] [--models tfidf scratch] [--turns N]
                                 [--epochs N] [--runners inline local-1 local-2 ray]

FILE is a csv or csv.gz with columns `text` and `label`. Each runner computes the folds in a process
and a store of its own, in rotation, `--turns` times; times are medians. `ray` is a cluster of three
nodes of one core each on this machine, one of which is killed after the first result; it needs the
extra `ray`, and is left out without it. CPU seconds are those of all processes. Memory is the peak
of their sum (PSS, which counts shared pages once). The overhead is that of tasks that do nothing:
the first one, with the start of the runner and its imports, and the mean of the next five. Equal
bytes are equal models and predictions of all folds.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.measurement import ROOT, existing_file
from foldline.core.io.threads import configure_threads

RUNNERS = ("inline", "local-1", "local-2", "ray")
FOLDS, NEXT = 5, 5
EMPTY = "empty"


def do_nothing(folder: Path, scratch: Path, number: int) -> None:
    """Write an empty result."""
    (folder / "number").write_text(str(number))


def make_empty_tasks(numbers: range) -> list[Any]:
    """Return tasks that do nothing."""
    from foldline.execution.tasks import Task

    return [Task(f"empty {n}", f"empty-{n}", do_nothing, (n,)) for n in numbers]


def make_fold_tasks(file: Path, rows: int, model: str, epochs: int | None) -> list[Any]:
    """Return the folds of a model over the first rows of a file, with the recipe of params.yaml."""
    import pandas as pd

    from foldline.core.io.labels import Labels
    from foldline.core.params import Augment, Recipe, loading
    from foldline.ensembling.folds import Fold

    table = pd.read_csv(file, keep_default_na=False, nrows=rows, dtype=str)[["text", "label"]]
    ids = [f"r{number}" for number in range(len(table))]
    table = table.assign(id=ids, text_pair="", group=ids, source_id=ids, duplicate="")
    table["fold"] = [number % FOLDS for number in range(len(table))]
    content = loading.read_params(ROOT / "params.yaml") | {"model": model}
    content["epochs"] = epochs or content["epochs"]
    content["train"]["threads"] = 1  # a node of the cluster has one core
    recipe = Recipe.model_validate({name: content[name] for name in Recipe.model_fields})
    augment = Augment.model_validate(content["augment"] | {"method": "none"})
    labels = Labels("classification", tuple(sorted(set(table["label"]))))
    folds = [Fold(model, n, table, labels, recipe, augment, 0.1) for n in range(FOLDS)]
    return [fold.make_task() for fold in folds]


def run_contestant(runner: str, what: str, options: argparse.Namespace) -> dict[str, Any]:
    """Compute tasks by a runner in this process's empty store; return times, memory and hash."""
    from foldline.core.params import Runner

    kind, _, jobs = runner.partition("-")
    content = {"kind": kind, "jobs": int(jobs or 0) or "auto", "retries": 2, "address": "auto"}
    with ExitStack() as stack:
        if kind == "ray":
            content["address"] = stack.enter_context(open_cluster(kill=what != EMPTY))
        made = Runner.model_validate(content | {"store_gb": 50.0, "tracker": "none"})
        usage = stack.enter_context(watch_usage())
        start = time.perf_counter()
        if what == EMPTY:
            return measure_overhead(made)
        tasks = make_fold_tasks(options.data, options.rows, what, options.epochs)
        return compute_folds(tasks, made, start, usage)


def measure_overhead(runner: Any) -> dict[str, Any]:
    """Return the seconds of the first empty task, and of each of the next ones."""
    from foldline.execution.tasks import run_tasks

    times = [time.perf_counter()]
    for numbers in (range(1), range(1, 1 + NEXT)):
        run_tasks(make_empty_tasks(numbers), runner, "tasks")
        times.append(time.perf_counter())
    return {"first_s": times[1] - times[0], "next_s": (times[2] - times[1]) / NEXT}


def compute_folds(tasks: list[Any], runner: Any, start: float, usage: "Usage") -> dict[str, Any]:
    """Return wall time, CPU time, peak memory and the hash of the results of folds."""
    from foldline.core.io.files import digest
    from foldline.ensembling.fits import MODEL, PREDICTIONS
    from foldline.execution.tasks import run_tasks

    folders = run_tasks(tasks, runner, "folds")
    seconds = time.perf_counter() - start
    paths = [folder / name for folder in folders for name in (MODEL, PREDICTIONS)]
    costs = {"wall_s": seconds, "cpu_s": usage.count_cpu_seconds(), "peak_gb": usage.peak_gb}
    return costs | {"hash": digest(*paths)[:12]}


class Usage:
    """The peak memory and the CPU seconds of this process and all below it."""

    def __init__(self) -> None:
        import psutil

        self.own, self.errors = psutil.Process(), psutil.Error
        self.peak_gb = 0.0
        self.cpu: dict[int, float] = {}  # of each child, with those that it has waited for

    def sample(self) -> None:
        """Look at all processes."""
        total = 0
        for process in [self.own, *self.own.children(recursive=True)]:
            with suppress(self.errors):
                total += process.memory_full_info().pss
        self.peak_gb = max(self.peak_gb, total / 1e9)
        for process in self.own.children():
            with suppress(self.errors):
                self.cpu[process.pid] = sum(process.cpu_times()[:4])

    def count_cpu_seconds(self) -> float:
        """Return the CPU seconds until now."""
        self.sample()
        below = [p for child in self.own.children() for p in child.children(recursive=True)]
        alive = [sum(process.cpu_times()[:2]) for process in below]
        return float(sum(self.own.cpu_times()[:2]) + sum(self.cpu.values()) + sum(alive))


@contextmanager
def watch_usage() -> Iterator[Usage]:
    """Look at all processes twice a second."""
    usage, end = Usage(), threading.Event()

    def watch() -> None:
        while not end.wait(0.5):
            usage.sample()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield usage
    finally:
        end.set()
        thread.join()


@contextmanager
def open_cluster(kill: bool) -> Iterator[str]:
    """Start a cluster of three nodes of one core; kill one after the first result, if asked to."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    from foldline.core.paths import store_root
    from foldline.execution import ray_connection

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray = ray_connection.connect(cluster.address)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    killer = threading.Thread(target=kill_node, args=(cluster, nodes[0], store_root()), daemon=True)
    if kill:
        killer.start()
    try:
        yield str(cluster.address)
    finally:
        ray.shutdown()
        cluster.shutdown()


def kill_node(cluster: Any, node: Any, store: Path) -> None:
    """Kill a node once the store has a result."""
    while not list(store.glob("results/*/sealed.json")):
        time.sleep(0.1)
    cluster.remove_node(node, allow_graceful=False)
    print("a node was killed", file=sys.stderr)


def measure(runner: str, what: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run a contestant in a process and a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.runners", "--data", str(options.data)]
        command += ["--rows", str(options.rows), "--contestant", runner, what]
        command += ["--epochs", str(options.epochs)] if options.epochs else []
        process = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"DVC_ROOT": folder},
            capture_output=True,
            text=True,
            check=False,
        )
    if process.returncode:
        raise SystemExit(f"{runner}, {what} failed:\n{process.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    print(f"{runner}, {what}: {result}", file=sys.stderr)
    return result


def summarize(runner: str, results: dict[str, list[dict[str, Any]]], serial: dict[str, Any]) -> str:
    """Return the row of a runner."""
    cells = [runner]
    for what, turns in results.items():
        if what == EMPTY:
            cells += [f"{statistics.median(turn[key] for turn in turns):.2f}" for key in turns[0]]
            continue
        wall = statistics.median(turn["wall_s"] for turn in turns)
        base = statistics.median(turn["wall_s"] for turn in serial[what])
        cpu = statistics.median(turn["cpu_s"] for turn in turns)
        peak = max(turn["peak_gb"] for turn in turns)
        equal = {t["hash"] for t in turns} == {t["hash"] for t in serial[what]}
        cells += [f"{wall:.1f}", f"{wall / base:.2f}", f"{cpu:.1f}", f"{peak:.2f}"]
        cells.append("equal" if equal else "OTHER")
    return f"| {' | '.join(cells)} |"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description="Compare runners.")
    parser.add_argument("--data", type=existing_file, required=True, metavar="FILE")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--models", nargs="+", default=["tfidf"])
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="of transformers; default: params.yaml")
    parser.add_argument("--runners", nargs="+", default=list(RUNNERS), choices=RUNNERS)
    parser.add_argument("--contestant", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    options = parse(arguments)
    if options.contestant:
        configure_threads()
        runner, what = options.contestant
        print(json.dumps(run_contestant(runner, what, options)))
        return
    names = [n for n in options.runners if n != "ray" or importlib.util.find_spec("ray")]
    whats = [EMPTY, *options.models]
    found: dict[str, Any] = {name: {what: [] for what in whats} for name in names}
    for _ in range(options.turns):
        for what in whats:
            for name in names:
                found[name][what].append(measure(name, what, options))
    head = ["runner", "first task, s", "next tasks, s each"]
    for model in options.models:
        head += [f"{model}, wall s", "of inline", "CPU s", "peak GB", "bytes"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for name in names:
        print(summarize(name, found[name], found[names[0]]))


if __name__ == "__main__":
    main()
