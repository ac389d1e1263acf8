"""Wait for the snaps of a visit-detector and ingest each as it comes."""

import asyncio
import logging
import math

from attrs import evolve

from application.worker.alongside import running_alongside
from application.worker.find_raws import RawSearch
from application.worker.log_context import note_exposure
from application.worker.stages import Stages
from domain.errors import PromptProcessingError
from domain.raws.expectation import Arrival, Expectation
from domain.raws.raws import RawImage
from domain.visit import Cancellation, VisitDetector
from domain.work.about import FoundRaw
from domain.work.outcomes import Cancelled
from ports.clock import Clock
from ports.control import ControlNotes, Superseded
from ports.workspace import RawUnavailableError, RawUnreadableError, Workspace

__all__ = ["ImageWait", "ImagesOutOfReachError"]

_LOG = logging.getLogger(__name__)
_REFETCH_PAUSE = 1.0  # Seconds until an image that could not be fetched is tried again.


class ImagesOutOfReachError(PromptProcessingError):
    """The image bucket is away: whether there are images, or what is in them, cannot be known now."""


type Events = asyncio.Queue[RawImage | Cancelled]


class ImageWait:
    """Gathers the images of one visit-detector after another.

    Parameters
    ----------
    search
        Finds raws.
    control
        Tells of visits taken back, which matters until the first snap is
        ingested.
    clock
        Tells how long images were on their way.
    """

    def __init__(self, search: RawSearch, control: ControlNotes, clock: Clock) -> None:
        self._search = search
        self._control = control
        self._clock = clock

    async def gather(
        self, expectation: Expectation, revision: int, workspace: Workspace, stages: Stages
    ) -> tuple[Expectation, Cancelled | None]:
        """Wait until the expectation is over or the visit is taken back.

        That no image came is said only after a whole look into the bucket.

        A superseding announcement counts if it is newer than `revision`.

        Raises
        ------
        ImagesOutOfReachError
            Raised if no image was ingested, and some are known to be there, or
            nobody could look whether they are.
        ports.workspace.WorkspaceError
            Raised if a raw cannot be ingested for reasons that are not its own.
        """
        work = expectation.work
        events: Events = asyncio.Queue()
        searching = self._search.search(work, events.put_nowait, expectation.deadline)
        latest, obstacle = math.inf, ""
        async with running_alongside(searching, self._follow_control_notes(work, revision, events)):
            while True:
                with stages.timing("wait"):
                    event = await _next_event(events, expectation.wait_until)
                    if event is None and expectation.lacks_snaps and latest == math.inf:
                        obstacle = await self._search.look_again(work, events.put_nowait)
                        # What that finds was there in time.
                        latest = math.nextafter(expectation.deadline, -math.inf)
                        continue
                if event is None:
                    return _check_absence(expectation, obstacle), None
                if isinstance(event, Cancelled):
                    if expectation.accepted:
                        _LOG.info("cancellation ignored: a snap is already ingested")
                        continue
                    return expectation, event
                now = min(asyncio.get_running_loop().time(), latest)
                expectation, arrival = expectation.arrived(event, now)
                if arrival in {Arrival.LATE, Arrival.REWRITTEN_AFTER_INGEST}:
                    _LOG.warning("image %s not processed: %s", event.uri, arrival.value)
                if arrival in {Arrival.NEW, Arrival.REWRITTEN_BEFORE_INGEST}:
                    expectation = await self._ingest(expectation, event, workspace, stages, events)

    async def _ingest(
        self,
        expectation: Expectation,
        raw: RawImage,
        workspace: Workspace,
        stages: Stages,
        events: Events,
    ) -> Expectation:
        here = self._clock.utc()
        try:
            with stages.timing("ingest"):
                exposure = await workspace.ingest(raw)
        except RawUnavailableError as error:
            _LOG.warning("image %s temporarily unavailable: %s", raw.uri, error)
            expectation = expectation.unavailable(raw.exposure)
            loop = asyncio.get_running_loop()
            if not expectation.is_over(loop.time()):
                loop.call_later(_REFETCH_PAUSE, events.put_nowait, raw)
            return expectation
        except RawUnreadableError as error:
            _LOG.warning("image %s unusable: %s", raw.uri, error)
            return expectation.unreadable(raw.exposure, str(error))
        note_exposure(exposure.exposure)
        _LOG.info("image %s taken in, found by %s", raw.uri, raw.found_by)
        stages.raws.append(FoundRaw(exposure.exposure, here, raw.found_by))
        expectation, verdict = expectation.ingested(exposure, known_as=raw.exposure)
        if verdict.accepted:
            stages.image_found(exposure.end, here)
        else:
            _LOG.warning("image %s rejected: %s", raw.uri, verdict.reason)
        return expectation

    async def _follow_control_notes(self, work: VisitDetector, revision: int, events: Events) -> None:
        visit = work.visit
        async for note in self._control.follow():
            match note:
                case Cancellation() if (note.sal_index, note.group) == (visit.sal_index, visit.group):
                    events.put_nowait(Cancelled())
                case Superseded() if note.identity == work.identity and note.revision > revision:
                    events.put_nowait(Cancelled(superseded=True))


def _check_absence(expectation: Expectation, obstacle: str) -> Expectation:
    """Raise if nothing was ingested and images may exist; else warn of snaps whose images may exist."""
    exposures = ", ".join(map(str, sorted(expectation.unfetched)))
    if expectation.accepted:
        if exposures:
            _LOG.warning("exposure %s not processed: the image exists but cannot be fetched", exposures)
        if obstacle and expectation.lacks_snaps:
            _LOG.warning(
                "snaps %s not processed, though their images may exist: %s", expectation.missing, obstacle
            )
            return evolve(expectation, obstacle=obstacle)
        return expectation
    if exposures:
        raise ImagesOutOfReachError(f"exposure {exposures}: the image is there, and cannot be fetched")
    if obstacle:
        raise ImagesOutOfReachError(f"nobody could look whether images are there: {obstacle}")
    return expectation


async def _next_event(events: Events, until: float) -> RawImage | Cancelled | None:
    """Take the next event; None if there is none by then."""
    if not events.empty():
        return events.get_nowait()
    try:
        async with asyncio.timeout_at(until):
            return await events.get()
    except TimeoutError:
        return None
