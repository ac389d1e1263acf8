"""Keep the frames of a file, and publish the visit that they are of."""

import logging
from collections.abc import Sequence

from attrs import frozen

from application.intake.sorting import Settled, sort_out
from domain.cameras.camera import Camera
from domain.raws.exposure import Exposure
from domain.raws.frame_files import Ending, FrameFile, TakenFrame
from domain.raws.header_visit import visit_of
from domain.times import tai_from_utc, utc_from_tai
from domain.visit import VisitDetector
from ports.clock import Clock
from ports.incoming import FrameContents, FrameJournal, Keeping, RawKeeper, ReadFrame
from ports.metrics import Counter, Metrics
from ports.raw_arrivals import ImageStore
from ports.raw_index import RawIndex, RawSlot
from ports.work_publisher import Novelty, WorkPublisher

__all__ = ["FrameKeeping", "VisitPolicy"]

_LOG = logging.getLogger(__name__)

_CALIBRATIONS = frozenset({"bias", "dark", "flat"})
_SKEW = 60.0  # Seconds: a header's begin may be rounded to the minute.


@frozen(kw_only=True)
class VisitPolicy:
    """How exposures become visits."""

    snaps: int = 1
    """Exposures of a group; 0: not known."""
    survey: str = ""
    """Of all visits, by which their pipelines are chosen."""


class FrameKeeping:
    """Does for a file's frames what is to be done before the file is settled.

    Each step may be repeated: after a crash the file is dealt with again, and what
    was done is found done. Only a visit-detector may then be queued twice, of
    which the ledger lets one be worked on.
    """

    def __init__(
        self,
        *,
        camera: Camera,
        policy: VisitPolicy,
        keeper: RawKeeper,
        store: ImageStore,
        index: RawIndex,
        publisher: WorkPublisher,
        journal: FrameJournal,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._camera = camera
        self._policy = policy
        self._keeper = keeper
        self._store = store
        self._index = index
        self._publisher = publisher
        self._journal = journal
        self._clock = clock
        self._metrics = metrics

    async def keep(self, file: FrameFile, contents: FrameContents) -> Settled:
        """Keep and publish what is new; say what became of the file.

        Raises
        ------
        domain.errors.PromptProcessingError
            Raised as by the ports.
        """
        self._check_clock(file, contents.frames[0].exposure)
        new, known = await sort_out(self._camera, file, contents.frames, self._journal, self._keeper)
        if not new:
            return min(known, key=lambda settled: settled.ending is not Ending.DIFFERS)
        # Detectors of one file have one key: to compare the file for each would take seconds.
        for frame in {frame.key: frame for frame in new}.values():
            if await self._keeper.keep(file, frame.key) is Keeping.OTHER:
                return Settled(Ending.DIFFERS, f"another file is kept under its key {frame.key}")
            if frame.sidecar is not None:
                await self._keeper.keep_sidecar(frame.sidecar, frame.cards)
        ending, reason = await self._use(new)
        reasons = [reason, *(settled.reason for settled in known), contents.lacking]
        return Settled(ending, "; ".join(filter(None, reasons)), tuple(new))

    async def _use(self, frames: Sequence[ReadFrame]) -> tuple[Ending, str]:
        """Publish frames that are kept, if they are to be processed."""
        exposures = [frame.exposure for frame in frames]
        kind = exposures[0].observation_type
        if kind in _CALIBRATIONS:
            return Ending.CALIBRATION, ""
        if kind != "science":
            return Ending.KEPT, f"frames of kind {kind!r} are not processed"
        known = await self._journal.of_group(exposures[0].instrument, exposures[0].group)
        beyond = next((reason for each in exposures if (reason := self._beyond(each, known))), "")
        if beyond:
            return Ending.KEPT, beyond
        await self._put_into_index(frames)
        await self._publish(exposures, known)
        return Ending.TAKEN, ""

    def _check_clock(self, file: FrameFile, exposure: Exposure) -> None:
        ahead = utc_from_tai(exposure.begin) - self._clock.utc()
        if ahead > _SKEW:
            self._metrics.count(Counter.CLOCK_SKEW, source="frame")
            _LOG.warning(
                "%s began %.0f s from now: the clock of the camera's computer or of this one is off;"
                " the frame is taken all the same",
                file,
                ahead,
            )

    def _beyond(self, exposure: Exposure, known: Sequence[TakenFrame]) -> str:
        """Say why an exposure is none of its group's snaps; blank if it is one."""
        group = f"group {exposure.group}"
        if 0 < self._policy.snaps <= exposure.snap:
            return f"it is snap {exposure.snap} (from 0) of {group}, and visits have {self._policy.snaps}"
        for frame in known:
            other = frame.exposure
            same = (other.detector, other.snap) == (exposure.detector, exposure.snap)
            if same and other.exposure != exposure.exposure:
                return f"snap {other.snap} of {group} is exposure {other.exposure} already"
        return ""

    async def _put_into_index(self, frames: Sequence[ReadFrame]) -> None:
        slots = {}
        for frame in frames:
            exposure = frame.exposure
            name = self._camera.detector(exposure.detector).in_keys
            slot = RawSlot(exposure.instrument, exposure.group, exposure.snap, name)
            slots[slot] = self._store.uri(frame.key)
        await self._index.put(slots)

    async def _publish(self, exposures: Sequence[Exposure], known: Sequence[TakenFrame]) -> None:
        """Publish the visit, or add detectors to it; a later snap adds nothing."""
        queued = {frame.exposure.detector for frame in known}
        detectors = [each.detector for each in exposures if each.detector not in queued]
        first = exposures[0]
        visit = await self._publisher.announced(first.instrument, first.group) if detectors else None
        if detectors and visit is None:
            now = tai_from_utc(self._clock.utc())
            made = visit_of(first, snaps=self._policy.snaps, survey=self._policy.survey, sent=now)
            published = await self._publisher.publish(made, detectors)
            self._metrics.count(
                Counter.VISITS_FANNED_OUT, instrument=made.instrument, novelty=published.novelty.value
            )
            # Another process, which takes in a file of other detectors, was faster: its visit counts.
            if published.novelty is Novelty.REPEATED:
                visit = await self._publisher.announced(first.instrument, first.group)
        if visit is not None:
            for detector in detectors:
                await self._publisher.put_again(VisitDetector(visit, detector))
