"""The CPU threads of torch's libraries: how they wait, and how many share a sum."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def set_wait_policy() -> None:
    """Let threads of torch's libraries sleep while they wait, but for what the user has set.

    Else they burn a core that others could use, and several trainings on a few cores come to a
    tenth of their speed. It is read when torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def limit_threads(count: int) -> Iterator[None]:
    """Let torch use `count` CPU threads: their number changes the order of sums, so results."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
