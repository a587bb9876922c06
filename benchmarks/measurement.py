"""Run contestants in separate processes and measure their costs."""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from foldline.core.stage import die_with_parent

ROOT = Path(__file__).resolve().parents[1]
SLICE = 3  # seconds of work before the next contestant continues


def existing_file(argument: str) -> Path:
    """Return a command-line argument as the path of an existing file."""
    if not Path(argument).is_file():
        raise argparse.ArgumentTypeError(f"{argument} is not a file")
    return Path(argument)


def run_contestant(module: str, *arguments: str) -> dict[str, Any]:
    """Return the results and costs that `python -m MODULE --contestant ARGUMENTS` prints last."""
    process = subprocess.run(
        [sys.executable, "-m", module, "--contestant", *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if process.returncode:
        return {"failed": (process.stderr.strip().splitlines() or ["no message"])[-1]}
    content: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return content


def report_costs(work: Callable[[], dict[str, Any]]) -> None:
    """Call `work` and print its results with the CPU seconds and peak memory of this process."""
    begun = time.perf_counter()
    results = work()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    costs = {
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "wall_s": round(time.perf_counter() - begun, 1),
        "peak_gb": round(usage.ru_maxrss / (1 << 20 if sys.platform == "linux" else 1 << 30), 2),
    }
    print(json.dumps(results | costs))


class ContestantProcess:
    """An object in a separate process, so that its global settings affect no other contestant."""

    def __init__(self, make: Callable[..., Any], *arguments: Any) -> None:
        context = get_context("spawn")
        self.pipe, child_pipe = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(child_pipe, make, arguments), daemon=True
        )
        self.process.start()
        child_pipe.close()  # so that a wait for a result ends when the process does
        self.resume(None)

    def start_call(self, method: str, *arguments: Any) -> None:
        """Start a call of a method; it runs while `resume` waits."""
        self.pipe.send((method, arguments))

    def resume(self, timeout: float | None) -> Any:
        """Run for up to `timeout` seconds; return the call's result, or None if not finished."""
        os.kill(self.process.ident or 0, signal.SIGCONT)
        ready = self.pipe.poll(timeout)
        os.kill(self.process.ident or 0, signal.SIGSTOP)
        return self.pipe.recv() if ready else None

    def close(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.join()


def _serve(pipe: Any, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    if sys.platform == "linux":  # a stopped process would outlive a killed parent
        die_with_parent()
    instance = make(*arguments)
    pipe.send("made")
    while True:
        method, arguments = pipe.recv()
        pipe.send(getattr(instance, method)(*arguments))


def run_in_rotation(
    runs: dict[str, ContestantProcess], turns: int
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Run all processes in rotation, SLICE seconds each; return costs of turns, and results.

    `run_turn` of an object returns the cost of a turn, `result` its result after `turns` turns.
    Processes that are finished take further turns until the last one is, so that all share the
    slow phases of the machine.
    """
    costs: dict[str, list[float]] = {name: [] for name in runs}
    results: dict[str, Any] = {}
    for process in runs.values():
        process.start_call("run_turn", 0)
    while len(results) < len(runs):
        for name, process in runs.items():
            cost = process.resume(SLICE)
            if cost is None:
                continue
            costs[name].append(cost)
            if len(costs[name]) == turns:
                process.start_call("result")
                results[name] = process.resume(None)
            process.start_call("run_turn", len(costs[name]))
    return costs, results
