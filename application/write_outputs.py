"""Write workers' outputs into the central registry, in batches and serially."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

from application.retrying import retried
from ports.central_registry import (
    CentralRegistry,
    OutputEvent,
    OutputEvents,
    OutputEventsUnavailableError,
    RegistryUnavailableError,
    UnappliableEventError,
)
from ports.metrics import Counter, Duration, Gauge, Metrics
from ports.neighbours import NeighbourUnavailableError

__all__ = ["OutputWriter"]

_LOG = logging.getLogger(__name__)


class OutputWriter:
    """The Butler Writer."""

    def __init__(
        self, *, events: OutputEvents, registry: CentralRegistry, metrics: Metrics, retry_delay: float
    ) -> None:
        self._events = events
        self._registry = registry
        self._metrics = metrics
        self._retry_delay = retry_delay

    async def run(self) -> None:
        """Serve until cancelled; a batch is applied before its messages are settled."""
        while True:
            batch = await self._patiently(self._events.batch, OutputEventsUnavailableError)
            begin = asyncio.get_running_loop().time()
            self._metrics.set(
                Gauge.WRITER_OLDEST, min((event.sent for event in batch if event.sent), default=0)
            )
            datasets = await self._apply(batch)
            await self._patiently(partial(self._events.finish, datasets), OutputEventsUnavailableError)
            seconds = asyncio.get_running_loop().time() - begin
            self._metrics.set(Gauge.WRITER_OLDEST, 0)
            self._metrics.observe(Duration.WRITER_BATCH, seconds)
            self._metrics.count(Counter.WRITER_DATASETS, len(datasets))
            _LOG.info("batch done: %d messages, %d datasets in %.3f s", len(batch), len(datasets), seconds)

    async def _apply(self, batch: Sequence[OutputEvent]) -> Sequence[UUID]:
        """Apply a batch; a message that never can be is found by bisection and set aside."""
        try:
            datasets = await self._patiently(partial(self._registry.apply, batch), RegistryUnavailableError)
        except UnappliableEventError as error:
            if len(batch) == 1:
                _LOG.error("message %s dead-lettered: %s", batch[0].position, error)
                self._metrics.count(Counter.WRITER_EVENTS, result="set aside")
                await self._events.set_aside(batch[0], str(error))
                return ()
            middle = len(batch) // 2
            return (*await self._apply(batch[:middle]), *await self._apply(batch[middle:]))
        self._metrics.count(Counter.WRITER_EVENTS, len(batch), result="applied")
        return datasets

    async def _patiently[T](
        self, call: Callable[[], Awaitable[T]], away: type[NeighbourUnavailableError]
    ) -> T:
        return await retried(call, away, _LOG, self._retry_delay)
