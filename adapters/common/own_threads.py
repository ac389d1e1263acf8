"""Threads of an adapter's own, for clients that block."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["OwnThreads"]


class OwnThreads:
    """Runs calls that block; cancelling an await does not stop one that is under way.

    Parameters
    ----------
    name
        Begins the threads' names.
    unavailable
        Raised by `run` while it is not open.
    count
        Calls at once.
    """

    def __init__(self, name: str, unavailable: type[Exception], *, count: int = 1) -> None:
        self._name = name
        self._unavailable = unavailable
        self._count = count
        self._executor: ThreadPoolExecutor | None = None

    def open(self) -> None:
        """Get ready; threads are started as they are needed."""
        self._executor = ThreadPoolExecutor(self._count, thread_name_prefix=self._name)

    async def close(self, last: Callable[[], object] | None = None) -> None:
        """Drop what waits, make one last call, and see what is under way end; harmless if not open."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        if last is None:
            executor.shutdown(wait=False, cancel_futures=True)
        else:
            executor.submit(last)
        await asyncio.to_thread(executor.shutdown)

    async def run[**P, T](self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call in one of the threads and await what it returns or raises."""
        if self._executor is None:
            raise self._unavailable(f"{self._name}: is not open")
        bound = functools.partial(call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, bound)

    def post(self, call: Callable[[], object]) -> None:
        """Make a call in one of the threads, and do not wait for it; nothing if not open."""
        if self._executor is not None:
            self._executor.submit(call)
