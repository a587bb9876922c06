"""What the processes of one training tell each other; alone, a process hears itself."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


def count_processes() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if _is_group() else 1


def get_rank() -> int:
    """Return the number of this process in its group, from 0."""
    return dist.get_rank() if _is_group() else 0


def sum_over_processes(values: Sequence[int]) -> list[int]:
    """Return the sums of each process's whole numbers."""
    if count_processes() == 1:
        return list(values)
    device = torch.device("cuda", torch.cuda.current_device()) if _on_gpus() else "cpu"
    sums = torch.tensor(values, dtype=torch.int64, device=device)
    dist.all_reduce(sums)
    totals: list[int] = sums.tolist()
    return totals


def decide_in_first(decide: Callable[[], T]) -> T:
    """Return what `decide` returns in the first process, the only one that calls it."""
    if count_processes() == 1:
        return decide()
    values: list[T | None] = [decide() if get_rank() == 0 else None]
    dist.broadcast_object_list(values)
    value: T = values[0]  # type: ignore[assignment]
    return value


@contextmanager
def joined_group() -> Iterator[None]:
    """Join the processes that the launcher started with this one, inside the block."""
    from accelerate import PartialState

    PartialState(cpu=not torch.cuda.is_available())
    try:
        yield
    finally:
        dist.destroy_process_group()


@torch.no_grad()
def gather_parameters(model: torch.nn.Module) -> None:
    """Replace the parts of parameters that FSDP left in this process by whole parameters.

    The model can then be saved; FSDP's hooks stay, so that it no longer predicts.
    """
    if count_processes() == 1:
        return
    from torch.distributed.tensor import DTensor

    for module in model.modules():
        for name, part in module.named_parameters(recurse=False):
            if isinstance(part, DTensor):
                whole = torch.nn.Parameter(part.full_tensor(), part.requires_grad)
                setattr(module, name, whole)


def wait_for_all() -> None:
    """Wait until every process has come here."""
    if count_processes() > 1:
        dist.barrier()


def _is_group() -> bool:
    return dist.is_available() and dist.is_initialized()


def _on_gpus() -> bool:
    return str(dist.get_backend()) == "nccl"
