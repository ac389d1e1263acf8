"""How many workers run, and how many of them are busy."""

import asyncio
import contextlib
from collections.abc import Iterator

from attrs import frozen

from ports.metrics import Duration, Gauge, Metrics

__all__ = ["Headcount"]


@frozen
class Headcount:
    """Counts the workers of one instrument in this process."""

    metrics: Metrics
    instrument: str

    def tell(self, state: str, amount: int) -> None:
        """Count workers in or out."""
        self.metrics.add(Gauge.WORKERS, amount, instrument=self.instrument, state=state)

    @contextlib.contextmanager
    def processing(self) -> Iterator[None]:
        """Count a worker as busy, and time it, while the block lasts."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        self.tell("processing", 1)
        try:
            yield
        finally:
            self.tell("processing", -1)
            self.metrics.observe(Duration.ATTEMPT, loop.time() - begin, instrument=self.instrument)
