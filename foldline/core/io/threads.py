"""CPU cores and threads: how many there are, how many torch uses, and how they wait."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from foldline.core.io.variables import set_variables

# Read by a library when it is loaded.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def configure_threads() -> None:
    """Make numpy's OpenBLAS use one thread and waiting threads of torch sleep, before they load.

    Threads that wait keep a core busy: beside other work, an ensemble took fourteen times as long,
    and several trainings run at a tenth of their speed. Sums of another number of threads differ in
    the last digits, too. Tasks set a number of their own. A wait policy of the user stays.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def count_cores() -> int:
    """Return the CPU cores that this process may use, by its affinity and its control group."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, _read_quota() or cores))


def _read_quota(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the cores that a container may use, None without a limit."""
    with suppress(OSError, ValueError):
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else -(-int(quota) // int(period))
    with suppress(OSError, ValueError):  # control groups of version 1
        folder = root / "cpu"
        quota_us = int((folder / "cpu.cfs_quota_us").read_text())
        period_us = int((folder / "cpu.cfs_period_us").read_text())
        return None if quota_us < 0 else -(-quota_us // period_us)
    return None


@contextmanager
def pin_threads(count: int) -> Iterator[None]:
    """Let numerical libraries use `count` CPU threads, also those that are imported inside."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with set_variables(dict.fromkeys(THREAD_VARIABLES, str(count))), threadpool_limits(count):
        yield


@contextmanager
def limit_threads(count: int) -> Iterator[None]:
    """Limit torch to `count` CPU threads; their number changes the order of sums, so results."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
