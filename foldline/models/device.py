"""The device that models run on, its seeds and threads, and the order of its sums."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from foldline.core.errors import FoldlineError
from foldline.core.io.threads import limit_threads
from foldline.core.params.training import Train

__all__ = ["deterministic", "get_device", "set_seed", "silence_transformers"]


def get_device() -> str:
    """Return the device for training and prediction: `cuda` or `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def set_seed(seed: int) -> None:
    """Seed every global generator."""
    import transformers

    silence_transformers()
    transformers.set_seed(seed)


@contextmanager
def deterministic(train: Train) -> Iterator[None]:
    """Run torch with `train.threads`, as deterministically as `train.determinism` asks.

    A CPU sums in a fixed order for a given number of threads. A GPU does so only on request and
    only for operations with a deterministic algorithm; strict therefore uses plain (math)
    attention.

    Raises:
        FoldlineError: with strict, if an operation has no deterministic algorithm.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    strict, gpu = train.determinism == "strict", torch.cuda.is_available()
    fixed = strict or (gpu and train.determinism == "seeded")
    if fixed:  # read when cuBLAS is first used
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    kernels = sdpa_kernel(SDPBackend.MATH) if strict and gpu else nullcontext()
    before = torch.are_deterministic_algorithms_enabled()
    lenient = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(fixed, warn_only=not strict)
    try:
        with limit_threads(train.cpu_threads), kernels:
            yield
    except RuntimeError as error:
        if not (strict and "deterministic" in str(error)):
            raise
        reason = str(error).split(". ")[0]
        raise FoldlineError(
            f"train.determinism=strict: {reason}. Next: set it to seeded"
        ) from error
    finally:
        torch.use_deterministic_algorithms(before, warn_only=lenient)


def silence_transformers() -> None:
    """Log only errors of transformers and hide its progress bars, which drown our own messages."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
