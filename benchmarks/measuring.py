"""Run contestants, each in a process of its own, and say what they took."""

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
SLICE = 3  # seconds


def existing(given: str) -> Path:
    """Read a command's argument that names a file."""
    if not Path(given).is_file():
        raise argparse.ArgumentTypeError(f"{given} is no file")
    return Path(given)


def contest(module: str, *arguments: str) -> dict[str, Any]:
    """Return what `python -m MODULE --contestant ARGUMENTS` printed last: its results and costs."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--contestant", *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return content


def measured(work: Callable[[], dict[str, Any]]) -> None:
    """Do the work and print its results with CPU seconds and peak memory of the whole process."""
    wall = time.perf_counter()
    results = work()
    used = resource.getrusage(resource.RUSAGE_SELF)
    costs = {
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "wall_s": round(time.perf_counter() - wall, 1),
        "peak_gb": round(used.ru_maxrss / (1 << 20 if sys.platform == "linux" else 1 << 30), 2),
    }
    print(json.dumps(results | costs))


class Apart:
    """An object in a process of its own: what one contestant sets there helps or hurts no other."""

    def __init__(self, make: Callable[..., Any], *arguments: Any) -> None:
        context = get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, make, arguments), daemon=True)
        self.process.start()
        other.close()  # so that the end of the process ends a wait for its answer
        self.work(None)

    def begin(self, method: str, *arguments: Any) -> None:
        """Let a method of the object be called, as soon as the process may work."""
        self.pipe.send((method, arguments))

    def work(self, seconds: float | None) -> Any:
        """Let the process work for some seconds; give its answer, or None if it needs more."""
        os.kill(self.process.ident or 0, signal.SIGCONT)
        done = self.pipe.poll(seconds)
        os.kill(self.process.ident or 0, signal.SIGSTOP)
        return self.pipe.recv() if done else None

    def close(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()


def _serve(pipe: Any, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    if sys.platform == "linux":  # a process that stands still would outlive a killed parent
        die_with_parent()
    own = make(*arguments)
    pipe.send("made")
    while True:
        method, given = pipe.recv()
        pipe.send(getattr(own, method)(*given))


def in_slices(runs: dict[str, Apart], turns: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Let all work in rotation, some seconds each; give what each turn took, and their results.

    `turn` of an object gives what it took, `result` its result after `turns` of them. Whoever is
    through begins another turn until the last is, so that a slow hour of the machine is shared.
    """
    took: dict[str, list[float]] = {name: [] for name in runs}
    found: dict[str, Any] = {}
    for own in runs.values():
        own.begin("turn", 0)
    while len(found) < len(runs):
        for name, own in runs.items():
            seconds = own.work(SLICE)
            if seconds is None:
                continue
            took[name].append(seconds)
            if len(took[name]) == turns:
                own.begin("result")
                found[name] = own.work(None)
            own.begin("turn", len(took[name]))
    return took, found
