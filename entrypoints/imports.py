"""Imports of which the garbage collector hears nothing."""

import atexit
import contextlib
import gc
from collections.abc import Iterator

__all__ = ["importing_for_good"]


@contextlib.contextmanager
def importing_for_good() -> Iterator[None]:
    """Spare this process the search for garbage in what is imported: now, later, and at its end.

    Modules are a million objects, and stay. Looking through them took a third of the processor time
    of a process that lives shortly, most of it at its end, when the interpreter looks through all.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        # Once, however often this is called.
        atexit.unregister(gc.freeze)
        atexit.register(gc.freeze)
