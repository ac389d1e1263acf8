"""A blocking function in a thread of its own, beside an event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

__all__ = ["Background"]


class Background:
    """Runs one function until it is told to stop.

    The thread is a daemon: a process that forgets to stop it still ends.

    Parameters
    ----------
    name
        Of the thread.
    body
        What to run. It looks at the event that it is given at least every few
        tenths of a second and returns once it is set.
    ended
        Called in the event loop with the error that ended the body before its
        time.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[threading.Event], None],
        ended: Callable[[BaseException], None],
    ) -> None:
        self._body = body
        self._ended = ended
        self._stopping = threading.Event()
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def post[*Arguments](self, callback: Callable[[*Arguments], object], *arguments: *Arguments) -> None:
        """Call something in the event loop, soon; from the body only."""
        # The loop may be gone when a process is aborted.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)

    async def stop(self) -> None:
        """Tell the body to return, and wait until it has."""
        self._stopping.set()
        if self._thread.is_alive():
            await self._over.wait()

    def _run(self) -> None:
        try:
            self._body(self._stopping)
        except BaseException as error:  # noqa: BLE001 - whoever waits for this thread must hear of it
            self.post(self._ended, error)
        finally:
            self.post(self._over.set)
