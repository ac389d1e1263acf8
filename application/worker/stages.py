"""The time that one visit-detector spends in each stage, kept against the budget."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping

from domain.visit import Visit
from domain.work.about import AboutVisit, FoundRaw
from domain.work.attempts import Attempt, AttemptNotes
from ports.ledger import Ledger
from ports.metrics import Duration, Metrics

__all__ = ["Stages"]

_LOG = logging.getLogger(__name__)


class Stages:
    """Stopwatches of one attempt.

    Each stage is announced in the log as it begins, so that whoever follows the
    log sees where every visit-detector is; and in the ledger, by `note`.
    """

    def __init__(self, visit: Visit, metrics: Metrics) -> None:
        self.about = AboutVisit.of(visit)
        """What is known of the work."""
        self.raws: list[FoundRaw] = []
        """That were taken in."""
        self._begun = asyncio.Event()
        self._latest = ""
        self._instrument = visit.instrument
        self._metrics = metrics
        self._seconds: dict[str, float] = {}
        self.since_shutter: float | None = None
        """Seconds from the shutter's closing to the end of the pipeline; None before that, or if unknown."""

    @contextlib.contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Time what happens inside; a stage entered again adds up."""
        _LOG.debug("stage %s begins", stage, extra={"stage": stage})
        self._latest = stage
        self._begun.set()
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

    async def note(self, ledger: Ledger, attempt: Attempt) -> None:
        """Note each stage in the ledger as it begins, beside the work, until cancelled."""
        while True:
            await self._begun.wait()
            self._begun.clear()
            try:
                await ledger.note_stage(attempt, self._latest, self.about)
            except Exception as error:  # noqa: BLE001 - whatever it is, the work must not fail by a note
                _LOG.debug("stage %s not noted in the ledger: %s", self._latest, error)

    def notes(self) -> AttemptNotes:
        """Give what the ledger keeps of the attempt beside its outcome."""
        return AttemptNotes(
            seconds=self.seconds(),
            since_shutter=self.since_shutter,
            about=self.about,
            raws=tuple(self.raws),
        )

    def seconds(self) -> Mapping[str, float]:
        """Give what was measured so far, rounded to milliseconds."""
        return {stage: round(seconds, 3) for stage, seconds in self._seconds.items()}
