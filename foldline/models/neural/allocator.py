"""Memory allocation: a fresh page costs more than the arithmetic on it."""

import ctypes
import functools
import os
import platform
from typing import Any

# Constants of glibc's malloc.h, and the largest value that they accept.
TRIM_THRESHOLD, MMAP_THRESHOLD, MAX_INT = -1, -3, 2**31 - 1


@functools.cache
def retain_freed_memory() -> bool:
    """Make malloc reuse freed memory instead of returning it; return whether that was possible.

    glibc returns large blocks to the system, which then clears each page of the next one: thousands
    of pages a step, 3 % of the training time. Other C libraries and the user's own MALLOC_ settings
    are left alone.
    """
    if platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    change = ctypes.CDLL(None).mallopt
    return all([change(MMAP_THRESHOLD, MAX_INT), change(TRIM_THRESHOLD, MAX_INT)])


def reallocate_parameters(model: Any) -> Any:
    """Copy the weights of a loaded model to freshly allocated memory, and return the model.

    Loaded weights keep the file's alignment, and products of unaligned matrices can differ in the
    last digits.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model
