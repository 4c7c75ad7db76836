"""Memory that is freed is kept for the next step of a training, instead of given back."""

import ctypes
import os

# Numbers of parameters in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Tell glibc's allocator to hold on to large blocks; does nothing where there is another one.

    By default every block above some megabytes goes back to the system when it is freed, and each
    of its pages costs a fault when the next step asks for it again. Small networks on a processor
    were measured to train 1.3 times as fast without.
    """
    if os.name != "posix":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _NEVER)
