"""Memory that a process frees and keeps: a new page costs more than what is calculated in it."""

import ctypes
import functools
import os
import platform

# Names of glibc's malloc.h, and the largest number that it takes.
TRIM_THRESHOLD, MMAP_THRESHOLD, LARGEST = -1, -3, 2**31 - 1


@functools.cache
def keep_freed() -> bool:
    """Let freed memory be used again, not handed back to the system; tell whether that was done.

    glibc hands large blocks back, and each page of the next one is cleared: some thousand pages a
    step, 3 % of a training. Another C library is left alone, and so is what the user has set.
    """
    if platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    change = ctypes.CDLL(None).mallopt
    return all([change(MMAP_THRESHOLD, LARGEST), change(TRIM_THRESHOLD, LARGEST)])
