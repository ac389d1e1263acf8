"""Tells all open pages that something has changed; they ask for what they show themselves."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Final

from starlette.requests import Request
from starlette.responses import StreamingResponse

from ports.night_board import NightBoard

__all__ = ["Announcer"]

_SILENCE: Final = 15.0  # Seconds, after which proxies think that a connection is dead.
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Announcer:
    """Follows a night once, for all who look.

    Parameters
    ----------
    board
        The night.
    at_most_every
        Seconds between two events to one page.
    """

    def __init__(self, board: NightBoard, at_most_every: float = 1.0) -> None:
        self._board = board
        self._at_most_every = at_most_every
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Follow the night until cancelled, or until nothing changes any more."""
        async for _ in self._board.changes(self._board.view().version):
            self._changed.set()
            self._changed = asyncio.Event()

    async def answer(self, _request: Request) -> StreamingResponse:
        """Answer with a stream of events: the version at once, then each later one."""
        return StreamingResponse(self.events(), media_type="text/event-stream", headers=_HEADERS)

    async def events(self) -> AsyncGenerator[str]:
        """Write the version at once, then each later one; never ends."""
        told = -1
        yield "retry: 2000\n\n"
        while True:
            changed = self._changed
            view = self._board.view()
            if view.version != told:
                told = view.version
                content = json.dumps({"version": told, "is_live": view.summary.is_live})
                yield f"id: {told}\nevent: night\ndata: {content}\n\n"
                await asyncio.sleep(self._at_most_every)
                continue
            try:
                async with asyncio.timeout(_SILENCE):
                    await changed.wait()
            except TimeoutError:
                yield ": still here\n\n"
