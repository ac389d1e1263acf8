"""How the C library keeps memory: less of it, for processes of which there are many on a machine."""

import ctypes
import platform

__all__ = ["spare_heap"]

_M_ARENA_MAX = -8  # malloc.h
_ARENAS = 1


def spare_heap() -> None:
    """Give back what importing left over, and let threads share one heap.

    To be called once everything is imported, before there are threads. Does
    nothing where the C library is not GNU's.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    library.mallopt(_M_ARENA_MAX, _ARENAS)
    library.malloc_trim(0)
