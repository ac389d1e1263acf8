"""What the Butler Writer says of its lag, on a registry that hangs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

import pytest

from adapters.memory.metrics import MemoryMetrics
from application.write_outputs import OutputWriter
from domain.times import UtcSeconds
from ports.central_registry import OutputEvent, RegistryUnavailableError
from ports.metrics import Gauge

pytestmark = pytest.mark.looptime


class _Events:
    """Batches that are there from the beginning."""

    def __init__(self, *batches: Sequence[OutputEvent]) -> None:
        self._batches = list(batches)

    async def batch(self) -> Sequence[OutputEvent]:
        if not self._batches:
            await asyncio.Event().wait()
        return self._batches.pop(0)

    async def finish(self, datasets: Sequence[UUID]) -> None: ...

    async def set_aside(self, event: OutputEvent, reason: str) -> None: ...

    async def close(self) -> None: ...


class _Registry:
    """A registry that cannot be reached for a while."""

    def __init__(self, back_at: float) -> None:
        self._back_at = back_at

    async def apply(self, events: Sequence[OutputEvent]) -> Sequence[UUID]:
        if asyncio.get_running_loop().time() < self._back_at:
            raise RegistryUnavailableError("cut off")
        return [uuid4() for _ in events]


def _sent(*times: float | None) -> list[OutputEvent]:
    return [
        OutputEvent(body=b"", position=str(time), sent=None if time is None else UtcSeconds(time))
        for time in times
    ]


@contextlib.asynccontextmanager
async def _writing(metrics: MemoryMetrics, events: _Events) -> AsyncIterator[None]:
    writer = OutputWriter(events=events, registry=_Registry(100.0), metrics=metrics, retry_delay=1.0)
    running = asyncio.create_task(writer.run())
    yield
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_the_oldest_message_at_hand_is_said_until_it_is_written() -> None:
    metrics = MemoryMetrics()
    async with _writing(metrics, _Events(_sent(1.77e9, None, 1.76e9))):
        await asyncio.sleep(50.0)
        assert metrics.value(Gauge.WRITER_OLDEST) == 1.76e9
        await asyncio.sleep(60.0)
        assert metrics.value(Gauge.WRITER_OLDEST) == 0


async def test_messages_that_nobody_dated_are_no_lag() -> None:
    metrics = MemoryMetrics()
    async with _writing(metrics, _Events(_sent(None))):
        await asyncio.sleep(50.0)
        assert metrics.value(Gauge.WRITER_OLDEST) == 0
