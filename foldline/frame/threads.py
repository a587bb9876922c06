"""The CPU threads that sums are shared by: their number changes the order of sums, so results."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def let_them_sleep() -> None:
    """Let threads that wait sleep, unless the user said otherwise; torch reads it when it loads.

    Else they burn a core that others could use: several trainings on a few cores come to a tenth
    of their speed.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use `count` CPU threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
