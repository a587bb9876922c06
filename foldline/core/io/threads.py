"""CPU threads of torch: how they wait, and their number."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def set_wait_policy() -> None:
    """Make waiting threads of torch sleep, unless the user has set a policy.

    Otherwise they keep a core busy, and several trainings on a few cores run at a tenth of their
    speed. The variable is read when torch is imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


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
