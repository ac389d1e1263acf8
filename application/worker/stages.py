"""The time that one visit-detector spends in each stage, kept against the budget."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping

from ports.metrics import Duration, Metrics

__all__ = ["Stages"]

_LOG = logging.getLogger(__name__)


class Stages:
    """Stopwatches of one attempt.

    Each stage is announced in the log as it begins, so that whoever follows the
    log sees where every visit-detector is.
    """

    def __init__(self, instrument: str, metrics: Metrics) -> None:
        self._instrument = instrument
        self._metrics = metrics
        self._seconds: dict[str, float] = {}
        self.since_shutter: float | None = None
        """Seconds from the shutter's closing to the end of the pipeline; None before that, or if unknown."""

    @contextlib.contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Time what happens inside; a stage entered again adds up."""
        _LOG.debug("stage %s begins", stage, extra={"stage": stage})
        begin = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            self.add(stage, asyncio.get_running_loop().time() - begin)

    def add(self, stage: str, seconds: float) -> None:
        """Add time that was measured elsewhere."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        self._metrics.observe(Duration.STAGE, seconds, instrument=self._instrument, stage=stage)

    def observe_since_shutter(self, seconds: float | None) -> None:
        """Note the time from the shutter's closing to the end of the pipeline; None if nobody knows."""
        self.since_shutter = seconds
        if seconds is not None:
            self._metrics.observe(Duration.ALERT, seconds, instrument=self._instrument)

    def seconds(self) -> Mapping[str, float]:
        """Give what was measured so far, rounded to milliseconds."""
        return {stage: round(seconds, 3) for stage, seconds in self._seconds.items()}
