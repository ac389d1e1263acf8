"""The outbox as the writer sees it: what is new there, from time to time."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from attrs import frozen

from adapters.common.own_threads import OwnThreads
from adapters.kafka.outputs.outbox import Outbox, OutboxUnavailableError
from ports.central_registry import OutputEvent

__all__ = ["OutboxWatch"]

_LOG: Final = logging.getLogger(__name__)
_PREFIX: Final = "outbox "
_LONGEST_PAUSE: Final = 600.0  # Seconds until an object that cannot be read is tried again, at most.


@frozen
class _Trouble:
    """An object that could not be read."""

    pause: float
    """Seconds between the last attempt and the next."""
    due: float
    """When to try again, by the loop's clock."""


class OutboxWatch:
    """Looks into the outbox, by a thread of its own.

    An object that cannot be read is logged, left where it is, and tried again
    after pauses that grow. What cannot be deleted is not read again.

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
        self._thread = OwnThreads("outbox", OutboxUnavailableError)
        self._outbox: Outbox | None = None
        self._taken: set[str] = set()
        self._finished: set[str] = set()
        self._unreadable: dict[str, _Trouble] = {}

    def open(self) -> None:
        """Get ready; nothing is looked at yet."""
        self._thread.open()
        self._outbox = Outbox(self._root)

    async def close(self) -> None:
        """Wait for what goes on."""
        await self._thread.close()

    @property
    def pause(self) -> float:
        """Seconds until the next look is due."""
        return max(0.0, self._next_look - asyncio.get_running_loop().time())

    def look_again(self) -> None:
        """Forget what was taken and not removed: it shall come again, soon."""
        self._taken.clear()
        self._next_look = 0.0

    async def news(self) -> Sequence[OutputEvent]:
        """Read what is new, if a look is due; an outbox that cannot be reached is logged."""
        if self.pause or self._outbox is None:
            return ()
        # Other messages do not wait much longer than this, whatever ails the datastore.
        end = asyncio.get_running_loop().time() + self._interval
        found: list[tuple[str, bytes]] = []
        try:
            await self._delete_leftovers(self._outbox, end)
            names = await self._thread.run(self._outbox.names)
            found = await self._read(self._outbox, names, end)
        except OutboxUnavailableError as error:
            _LOG.error("outbox unavailable, retrying later: %s", error)
        self._next_look = asyncio.get_running_loop().time() + self._interval
        self._taken |= {name for name, _ in found}
        return [OutputEvent(body=body, position=_PREFIX + name) for name, body in found]

    async def remove(self, positions: Sequence[str]) -> None:
        """Delete what is dealt with; what cannot be deleted is tried again at the next looks."""
        if self._outbox is None:
            return
        for name in [position.removeprefix(_PREFIX) for position in positions]:
            self._finished.add(name)
            try:
                await self._delete(self._outbox, name)
            except OutboxUnavailableError as error:
                _LOG.error("delivered outbox message cannot be deleted yet: %s", error)

    async def _read(self, outbox: Outbox, names: Sequence[str], end: float) -> list[tuple[str, bytes]]:
        clock = asyncio.get_running_loop().time
        self._unreadable = {name: self._unreadable[name] for name in names if name in self._unreadable}
        found: list[tuple[str, bytes]] = []
        for name in names:
            if len(found) == self._limit or clock() > end:
                break
            trouble = self._unreadable.get(name)
            if name in self._taken or name in self._finished or (trouble and clock() < trouble.due):
                continue
            try:
                body = await self._thread.run(partial(outbox.read, name))
            except OutboxUnavailableError as error:
                self._put_off(name, error)
                continue
            self._unreadable.pop(name, None)
            if body is not None:
                found.append((name, body))
        return found

    def _put_off(self, name: str, error: OutboxUnavailableError) -> None:
        before = self._unreadable.get(name)
        if before is None:
            _LOG.error("outbox message unreadable, kept: %s", error)
        pause = self._interval if before is None else min(2 * before.pause, _LONGEST_PAUSE)
        self._unreadable[name] = _Trouble(pause, asyncio.get_running_loop().time() + pause)

    async def _delete_leftovers(self, outbox: Outbox, end: float) -> None:
        for name in sorted(self._finished):
            if asyncio.get_running_loop().time() > end:
                break
            with contextlib.suppress(OutboxUnavailableError):
                await self._delete(outbox, name)

    async def _delete(self, outbox: Outbox, name: str) -> None:
        await self._thread.run(partial(outbox.remove, name))
        self._finished.discard(name)
        self._taken.discard(name)
