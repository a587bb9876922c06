"""Memory that a process frees and keeps: a new page costs more than what is calculated in it."""

import ctypes
import functools
import os
import platform
from typing import Any

# Names of glibc's malloc.h, and the largest number that it takes.
TRIM_THRESHOLD, MMAP_THRESHOLD, MAX_INT = -1, -3, 2**31 - 1


@functools.cache
def retain_freed_memory() -> bool:
    """Let freed memory be used again, not handed back to the system; tell whether that was done.

    glibc hands large blocks back, and each page of the next one is cleared: some thousand pages a
    step, 3 % of a training. Another C library is left alone, and so is what the user has set.
    """
    if platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    change = ctypes.CDLL(None).mallopt
    return all([change(MMAP_THRESHOLD, MAX_INT), change(TRIM_THRESHOLD, MAX_INT)])


def reallocate_parameters(model: Any) -> Any:
    """Let a model that was read from a file lie in memory as one that was made there.

    Its weights are the file's own bytes, wherever they begin, and products of such matrices can
    end in other last digits.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model
