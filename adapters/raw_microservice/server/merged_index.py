"""Lookups that come at the same time, asked of the index together."""

import asyncio
import logging
from collections.abc import Sequence
from itertools import accumulate

from ports.raw_index import RawIndex, RawIndexUnavailableError, RawSlot

__all__ = ["MergedIndex"]

_LOG = logging.getLogger(__name__)

type _Found = Sequence[str | None]
type _Question = tuple[Sequence[RawSlot], asyncio.Future[_Found]]


class MergedIndex:
    """Lookups in an index, one call of it at a time.

    While the index looks, further questions gather; they are the next call.
    So the cost of a round trip and of its time limit is shared by all clients
    that wait.

    Parameters
    ----------
    index
        Is asked.
    patience
        Seconds that any question waits at most.
    at_once
        Slots of a call, unless one question has more.
    waiting
        Slots that may wait for their call.
    """

    def __init__(
        self, index: RawIndex, *, patience: float, at_once: int = 1 << 16, waiting: int = 1 << 20
    ) -> None:
        self._index = index
        self._at_once = at_once
        self._room = waiting
        # A question may have to wait for the call before its own.
        self._patience = patience / 2
        self._gathered: list[_Question] = []
        self._asking: asyncio.Task[None] | None = None
        self._is_away = False

    async def find(self, slots: Sequence[RawSlot]) -> _Found:
        """Look slots up, in their order.

        Raises
        ------
        RawIndexUnavailableError
            Raised if the index cannot be reached or takes too long, or too much is asked of it.
        """
        if len(slots) > self._room:
            raise RawIndexUnavailableError("too much is asked for at the same time")
        self._room -= len(slots)
        answer: asyncio.Future[_Found] = asyncio.get_running_loop().create_future()
        self._gathered.append((slots, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        try:
            while self._gathered:
                questions = self._take()
                await self._ask_together(questions)
        finally:
            self._asking = None

    def _take(self) -> Sequence[_Question]:
        """Take as many questions as one call may hold, and one at least."""
        sizes = accumulate(len(slots) for slots, _ in self._gathered)
        count = max(1, sum(size <= self._at_once for size in sizes))
        questions, self._gathered = self._gathered[:count], self._gathered[count:]
        self._room += sum(len(slots) for slots, _ in questions)
        return questions

    async def _ask_together(self, questions: Sequence[_Question]) -> None:
        try:
            found = await self._find([slot for slots, _ in questions for slot in slots])
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody must wait for ever
            for _, answer in questions:
                if not answer.done():
                    answer.set_exception(error)
            return
        start = 0
        for slots, answer in questions:
            if not answer.done():
                answer.set_result(found[start : start + len(slots)])
            start += len(slots)

    async def _find(self, slots: Sequence[RawSlot]) -> _Found:
        try:
            found = await self._find_in_time(slots)
        except RawIndexUnavailableError as error:
            if not self._is_away:  # Once for an outage, not for each of thousands of requests in it.
                _LOG.error("raw index unreachable: %s", error)
                self._is_away = True
            raise
        if self._is_away:
            _LOG.info("raw index reachable again")
            self._is_away = False
        return found

    async def _find_in_time(self, slots: Sequence[RawSlot]) -> _Found:
        try:
            async with asyncio.timeout(self._patience):
                return await self._index.find(slots)
        except TimeoutError as error:
            raise RawIndexUnavailableError(f"the index did not answer within {self._patience:g} s") from error
