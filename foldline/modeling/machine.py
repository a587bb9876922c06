"""The machine that a model runs on: its device, and the threads that its sums are shared by."""

import os

from foldline.frame.threads import threads

__all__ = ["device", "quiet", "seeded", "threads"]


def device() -> str:
    """Name the device that models train and predict on."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def seeded(seed: int) -> None:
    """Seed every global generator, and have a GPU sum in a fixed order."""
    import torch
    import transformers

    quiet()
    transformers.set_seed(seed)
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)


def quiet() -> None:
    """Leave errors alone to transformers' log: a bar for each loaded file drowns what matters."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
