"""The time that one visit-detector spends in each stage, kept against the budget."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping

from domain.times import TaiSeconds, UtcSeconds
from domain.visit import Visit
from domain.work.about import AboutVisit, FoundRaw
from domain.work.attempts import Attempt, AttemptNotes
from domain.work.promptness import known_seconds, seconds_since
from domain.work.quality import Quality
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
        self.quality: Quality | None = None
        """What the pipeline says of the images."""
        self._stage_begun = asyncio.Event()
        self._found: tuple[TaiSeconds, UtcSeconds] | None = None
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
        self._stage_begun.set()
        begin = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            self.add(stage, asyncio.get_running_loop().time() - begin)

    def add(self, stage: str, seconds: float) -> None:
        """Add time that was measured elsewhere."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
        self._metrics.observe(Duration.STAGE, seconds, instrument=self._instrument, stage=stage)

    def image_found(self, closed: TaiSeconds, now: UtcSeconds) -> None:
        """Note when a snap's shutter closed and when its image was here; of more snaps the last counts."""
        if self._found is None or closed > self._found[0]:
            self._found = closed, now

    def observe_transfer(self, attempt: int, begun: UtcSeconds) -> None:
        """Share out the time until the last snap's image was here: before this attempt began, and since.

        Before a first attempt the work waited for a worker to be free.
        """
        since = None if self._found is None else known_seconds(seconds_since(*self._found))
        if self._found is None or since is None:
            return
        before = max(since - max(self._found[1] - begun, 0.0), 0.0)
        if before > 0.0:
            self.add("queue" if attempt == 1 else "earlier", before)
        self.add("transfer", since - before)

    def observe_since_shutter(self, seconds: float | None) -> None:
        """Note the time from the shutter's closing to the end of the pipeline; None if nobody knows."""
        self.since_shutter = seconds
        if (known := known_seconds(seconds)) is not None:
            self._metrics.observe(Duration.ALERT, known, instrument=self._instrument)

    async def note(self, ledger: Ledger, attempt: Attempt) -> None:
        """Note each stage in the ledger as it begins, beside the work, until cancelled."""
        while True:
            await self._stage_begun.wait()
            self._stage_begun.clear()
            try:
                await ledger.note_stage(attempt, self._latest, self.about, self.seconds())
            except Exception as error:  # noqa: BLE001 - whatever it is, the work must not fail by a note
                _LOG.debug("stage %s not noted in the ledger: %s", self._latest, error)

    def notes(self) -> AttemptNotes:
        """Give what the ledger keeps of the attempt beside its outcome."""
        return AttemptNotes(
            seconds=self.seconds(),
            since_shutter=self.since_shutter,
            about=self.about,
            raws=tuple(self.raws),
            quality=self.quality,
        )

    def seconds(self) -> Mapping[str, float]:
        """Give what was measured so far, rounded to milliseconds."""
        return {stage: round(seconds, 3) for stage, seconds in self._seconds.items()}
