"""Run a contestant in a process of its own, and say what it took."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def existing(given: str) -> Path:
    """Read a command's argument that names a file."""
    if not Path(given).is_file():
        raise argparse.ArgumentTypeError(f"{given} is no file")
    return Path(given)


def contest(module: str, *arguments: str) -> dict[str, Any]:
    """Give what `python -m MODULE --contestant ARGUMENTS` printed last: its results and costs."""
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
