"""The precision of training: bfloat16 or float32, as fast as the CPU allows."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def resolve_precision(precision: str) -> str:
    """Return `float32` or `bfloat16` for a precision; `auto` depends on the machine."""
    if precision != "auto":
        return precision
    return "bfloat16" if _has_bfloat16() else "float32"


@contextmanager
def fast_float32() -> Iterator[None]:
    """Compute float32 products on an x86 CPU with oneDNN inside the block, up to twice as fast.

    torch calls this precision "medium". Without AMX it rounds nothing more than before; with AMX it
    would round to bfloat16, and on a GPU it means something else, so both are left alone.
    """
    before = torch.get_float32_matmul_precision()
    if _is_x86() and not torch.cpu._is_amx_tile_supported() and not torch.cuda.is_available():
        torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _has_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")
