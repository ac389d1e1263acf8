"""The outbox as the writer sees it: what is new there, from time to time."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from adapters.kafka.outputs.outbox import Outbox, OutboxUnavailableError
from ports.central_registry import OutputEvent

__all__ = ["OutboxWatch"]

_LOG: Final = logging.getLogger(__name__)
_PREFIX: Final = "outbox "


class OutboxWatch:
    """Looks into the outbox, by a thread of its own.

    Parameters
    ----------
    root
        URI of the root of the central datastore.
    interval
        Seconds between two looks.
    limit
        Objects that one look brings.
    """

    def __init__(self, root: str, *, interval: float, limit: int) -> None:
        self._root = root
        self._interval = interval
        self._limit = limit
        self._next_look = 0.0
        self._executor: ThreadPoolExecutor | None = None
        self._outbox: Outbox | None = None
        self._taken: set[str] = set()

    def open(self) -> None:
        """Get ready; nothing is looked at yet."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._outbox = Outbox(self._root)

    async def close(self) -> None:
        """Wait for what goes on."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
            await asyncio.to_thread(executor.shutdown)

    @property
    def pause(self) -> float:
        """Seconds until the next look is due."""
        return max(0.0, self._next_look - asyncio.get_running_loop().time())

    def look_again(self) -> None:
        """Forget what was taken and not removed: it shall come again, soon."""
        self._taken.clear()
        self._next_look = 0.0

    async def news(self) -> Sequence[OutputEvent]:
        """Read what is new, if a look is due; an outbox out of reach is logged."""
        if self.pause or self._outbox is None:
            return ()
        outbox = self._outbox
        try:
            names = await self._run(outbox.names)
            new = [name for name in names if name not in self._taken][: self._limit]
            bodies = [(name, await self._run(partial(outbox.read, name))) for name in new]
        except OutboxUnavailableError as error:
            _LOG.error("the outbox is left for later: %s", error)
            bodies = []
        self._next_look = asyncio.get_running_loop().time() + self._interval
        found = [(name, body) for name, body in bodies if body is not None]
        self._taken |= {name for name, _ in found}
        return [OutputEvent(body=body, position=_PREFIX + name) for name, body in found]

    async def remove(self, positions: Sequence[str]) -> None:
        """Delete what is dealt with; what cannot be deleted comes again."""
        if self._outbox is None:
            return
        for name in [position.removeprefix(_PREFIX) for position in positions]:
            try:
                await self._run(partial(self._outbox.remove, name))
            except OutboxUnavailableError as error:
                _LOG.warning("the writer will read it once more: %s", error)
            self._taken.discard(name)

    async def _run[T](self, call: Callable[[], T]) -> T:
        if self._executor is None:
            raise OutboxUnavailableError("the outbox is not open")
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)
