"""How memory is kept: less of it between visits, and the same of it within one."""

import ctypes
import functools
import gc
import platform

__all__ = ["release_memory", "reuse_memory", "trim_heap"]

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # malloc.h
_ARENAS = 1
_NEVER = 2**31 - 1  # bytes: malloc's option is a C int


def trim_heap() -> None:
    """Give back what importing left over, and let threads share one heap.

    To be called once everything is imported, before there are threads. Does
    nothing where the C library is not GNU's.
    """
    if _is_gnu():
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
    _trim()


def reuse_memory() -> None:
    """Let each array be made where earlier ones were, until `release_memory`.

    The system is asked for large arrays one by one otherwise, and clears each:
    of images of 4k x 4k pixels that takes a quarter of the CPU's time.
    Does nothing where the C library is not GNU's.
    """
    if _is_gnu():
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, _NEVER)


def release_memory() -> None:
    """Give back what a visit left over: cycles, and the heap's free memory.

    To be called after each visit. What is alive after the first one stays:
    modules, pipelines, caches. The garbage collector leaves that out from then
    on; otherwise it would look at a million objects each time, and therefore so
    seldom that images held by a cycle stay in memory for several visits.
    """
    gc.collect()
    _freeze_once()
    _trim()


@functools.cache
def _freeze_once() -> None:
    gc.freeze()


def _trim() -> None:
    """Give free memory back to the system, wherever in the heap it is."""
    if _is_gnu():
        ctypes.CDLL(None).malloc_trim(0)


def _is_gnu() -> bool:
    return platform.libc_ver()[0] == "glibc"
