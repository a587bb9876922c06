"""What torch's libraries read when they load, and the CPU threads that share its sums."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

BEFORE_TORCH = {
    # Threads that wait sleep; else they burn a core that others could use, and several trainings
    # on a few cores come to a tenth of their speed.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Kernels that oneDNN keeps, one for each operation and length of a batch. Its own 1,024 make
    # small models up to a tenth faster, but let memory grow for 60,000 rows of a training.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256",
}


def settle() -> None:
    """Set what torch's libraries read when they load, but for what the user has set."""
    for name, value in BEFORE_TORCH.items():
        os.environ.setdefault(name, value)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use `count` CPU threads: their number changes the order of sums, so results."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
