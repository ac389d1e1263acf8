"""The writer's end of the topic in memory."""

import asyncio
import contextlib
from collections.abc import Sequence
from uuid import UUID

from adapters.memory.outputs.output_topic import MemoryOutputTopic
from ports.central_registry import OutputEvent, OutputEventsUnavailableError

__all__ = ["MemoryOutputEvents"]

_OUTBOX_INTERVAL = 10.0  # Seconds.


class MemoryOutputEvents:
    """One writer, the only one of its topic.

    Parameters
    ----------
    topic
        Where messages come from.
    limit
        Messages in a batch.
    """

    def __init__(self, topic: MemoryOutputTopic, *, limit: int = 500) -> None:
        self._topic = topic
        self._limit = limit
        self._next = topic.committed
        self._laid_down: list[str] = []
        self._set_aside: list[tuple[OutputEvent, str]] = []
        self._next_look = 0.0

    async def batch(self) -> Sequence[OutputEvent]:
        """See `ports.central_registry.OutputEvents.batch`."""
        while not (events := self._outbox() + self._messages()):
            self._topic.changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._next_look):
                    await self._topic.changed.wait()
        return events

    async def finish(self, datasets: Sequence[UUID]) -> None:
        """See `ports.central_registry.OutputEvents.finish`."""
        self._check()
        self._topic.committed = self._next
        self._topic.dead_letters += self._set_aside
        self._set_aside = []
        if datasets:
            self._topic.batches.append(tuple(datasets))
        for name in self._laid_down:
            self._topic.outbox.pop(name, None)
        self._laid_down = []

    async def set_aside(self, event: OutputEvent, reason: str) -> None:
        """See `ports.central_registry.OutputEvents.set_aside`."""
        self._set_aside.append((event, reason))

    async def close(self) -> None:
        """See `ports.central_registry.OutputEvents.close`."""

    def _messages(self) -> list[OutputEvent]:
        if self._topic.outage:
            return []
        first = self._next
        bodies = self._topic.messages[first : first + self._limit]
        self._next += len(bodies)
        return [
            OutputEvent(body=body, position=str(number)) for number, body in enumerate(bodies, start=first)
        ]

    def _outbox(self) -> list[OutputEvent]:
        now = asyncio.get_running_loop().time()
        if now < self._next_look or self._topic.outbox_outage:
            self._next_look = max(self._next_look, now + _OUTBOX_INTERVAL)
            return []
        self._next_look = now + _OUTBOX_INTERVAL
        names = [name for name in self._topic.outbox if name not in self._laid_down]
        self._laid_down += names
        return [OutputEvent(body=self._topic.outbox[name], position=f"outbox {name}") for name in names]

    def _check(self) -> None:
        if self._topic.outage:
            raise OutputEventsUnavailableError(f"output topic: {self._topic.outage}")
