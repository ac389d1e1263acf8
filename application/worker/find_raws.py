"""Find the raws of one visit-detector: hear of them, and look for them.

Notifications are fast and may fail; the raw microservice and the bucket are
slow and do not. What is found is handed on as soon as it is known to belong to
the visit; repeats are the receiver's business (`domain.raws.expectation`).
"""

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Sequence

from attrs import evolve, frozen

from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from domain.raws.raws import (
    Belongs,
    RawImage,
    belongs,
    parse_raw_key,
    raw_keys_of_sidecar,
    raw_prefixes,
    sidecar_in_folder,
)
from domain.raws.stored_raw import StoredRaw, stored_raws
from domain.times import day_obs_of, utc_from_tai
from domain.visit import VisitDetector
from ports.clock import Clock
from ports.raw_arrivals import (
    ImageStore,
    ImageStoreUnavailableError,
    RawLookup,
    RawLookupUnavailableError,
    RawNotifications,
    UnreadableSidecarError,
)

__all__ = ["RawSearch", "SearchPolicy"]

_LOG = logging.getLogger(__name__)

type OnFound = Callable[[RawImage], None]


@frozen(kw_only=True)
class SearchPolicy:
    """How patiently raws are looked for; pauses and patience in seconds."""

    first_pause: float = 2.0
    """From the first look into the stores to the second."""
    longest_pause: float = 15.0
    """Pauses between looks double up to this."""
    last_look: float = 3.0
    """Before the end of the wait, from when on looks follow each other closely."""
    last_pause: float = 1.0
    """Between those."""
    last_patience: float = 5.0
    """After the end of the wait, for a last look at what was there by then."""
    folders_a_look: int = 32
    """New folders of exposures that one look opens, newest first."""
    long_ago: float = 900.0
    """Seconds; of a visit that was due longer ago, and put back by hand, each look opens all folders."""


class RawSearch:
    """Searches for the raws of visit-detectors; one for the life of a worker.

    Parameters
    ----------
    camera
        Knows how keys are written.
    notifications, store, lookup
        Where to hear and look; `lookup` may be absent.
    sidecars
        Knows which group a raw belongs to.
    """

    def __init__(
        self,
        *,
        camera: Camera,
        notifications: RawNotifications,
        store: ImageStore,
        lookup: RawLookup | None,
        sidecars: Sidecars,
        clock: Clock,
        policy: SearchPolicy,
    ) -> None:
        self._camera = camera
        self._notifications = notifications
        self._store = store
        self._lookup = lookup
        self._sidecars = sidecars
        self._clock = clock
        self._policy = policy

    async def search(self, work: VisitDetector, found: OnFound, until: float = math.inf) -> None:
        """Call `found` with every raw of the visit-detector, until cancelled.

        Parameters
        ----------
        work
            Whose raws.
        found
            Told of each.
        until
            When the wait will end, on the event loop's clock: however long the
            pauses, there is a look shortly before.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(work, found))
            tasks.create_task(self._look(work, found, until))

    async def _listen(self, work: VisitDetector, found: OnFound) -> None:
        found = _saying("notification", found)
        async with asyncio.TaskGroup() as tasks:
            async for raw in self._notifications.follow(work.detector):
                if belongs(raw.key, work) is not Belongs.NO:
                    # A sidecar may be late: wait for it beside the next notification.
                    tasks.create_task(self._identify_and_report(work, raw, found))

    async def _identify_and_report(self, work: VisitDetector, raw: StoredRaw, found: OnFound) -> None:
        image = await self._sidecars.identify(raw)
        if image is not None and image.group == work.visit.group:
            found(image)

    async def _look(self, work: VisitDetector, found: OnFound, until: float) -> None:
        loop = asyncio.get_running_loop()
        pause = self._policy.first_pause
        others: set[str] = set()
        while True:
            try:
                await self._look_once(work, found, self._policy.folders_a_look, others)
            except ImageStoreUnavailableError as error:
                _LOG.warning("cannot look for images: %s", error)
            last_look = until - self._policy.last_look
            await asyncio.sleep(min(pause, max(last_look - loop.time(), self._policy.last_pause)))
            pause = min(2 * pause, self._policy.longest_pause)

    async def _look_once(self, work: VisitDetector, found: OnFound, most: float, others: set[str]) -> str:
        """Look everywhere, into no more than so many new folders; returns what cannot be read there.

        Folders of `others`, which an earlier look found to be other visits',
        are passed over; it grows by those that this one finds.
        """
        await self._ask_microservice(work, _saying("raw microservice", found))
        return await self._list_bucket(work, _saying("look into the store", found), most, others)

    async def look_again(self, work: VisitDetector, found: OnFound) -> str:
        """Look once more, after the wait: its last look may have failed, or may be under way.

        Without it images in a store that is slow or away would pass for images
        that never came. It opens all folders, however many are new.

        Returns
        -------
        obstacle
            What kept it from a whole look into the bucket; blank if nothing did.
        """
        reason = "the store takes too long"
        try:
            async with asyncio.timeout(self._policy.last_patience):
                while True:
                    try:
                        reason = await self._look_once(work, found, math.inf, set())
                    except ImageStoreUnavailableError as error:
                        reason = str(error)
                    if not reason:
                        return ""
                    await asyncio.sleep(self._policy.last_pause)
        except TimeoutError:
            _LOG.warning("cannot verify that all images were found: %s", reason)
            return reason

    async def _ask_microservice(self, work: VisitDetector, found: OnFound) -> None:
        if self._lookup is None:
            return
        visit = work.visit
        name = self._camera.detector(work.detector).in_keys
        for snap in range(max(visit.nimages, 1)):
            try:
                uri = await self._lookup.find(visit.instrument, visit.group, snap, name)
            except RawLookupUnavailableError as error:
                _LOG.warning("the raw microservice cannot answer: %s", error)
                return
            if uri is not None:
                await self._take(work, uri, found)

    async def _take(self, work: VisitDetector, uri: str, found: OnFound) -> None:
        name = self._store.key(uri)
        key = parse_raw_key(self._camera, name, work.detector)
        stored = await self._store.find(name) if key else None
        if key is None or stored is None:
            _LOG.warning("the raw microservice returned %s, but no image exists there", uri)
            return
        await self._identify_and_report(work, StoredRaw(key, stored), found)

    async def _list_bucket(self, work: VisitDetector, found: OnFound, most: float, others: set[str]) -> str:
        unread = ""
        for prefix in self._prefixes(work):
            if self._camera.raw_keys.scheme.has_sidecars:
                folders = [one for one in await self._store.folders(prefix) if one not in others]
                unread = await self._open_folders(work, folders, found, most, others) or unread
            else:
                await self._open(work, prefix, found)
        return unread

    def _prefixes(self, work: VisitDetector) -> Sequence[str]:
        """List where to look: among today's images, and among those of the day when the visit was due."""
        days = (day_obs_of(self._clock.utc()), day_obs_of(utc_from_tai(work.visit.start_time)))
        prefixes = [
            prefix for day in days for prefix in raw_prefixes(self._camera, work, int(f"{day:%Y%m%d}"))
        ]
        return list(dict.fromkeys(prefixes))

    def _is_long_ago(self, work: VisitDetector) -> bool:
        return self._clock.utc() - utc_from_tai(work.visit.start_time) > self._policy.long_ago

    async def _open(self, work: VisitDetector, prefix: str, found: OnFound) -> None:
        for stored in await self._store.objects(prefix):
            for raw in stored_raws(self._camera, stored):
                if belongs(raw.key, work) is not Belongs.NO:
                    await self._identify_and_report(work, raw, found)

    async def _open_folders(
        self,
        work: VisitDetector,
        folders: Collection[str],
        found: OnFound,
        most: float,
        others: set[str],
    ) -> str:
        unknown, unread = 0, ""
        most = math.inf if self._is_long_ago(work) else most
        for folder in sorted(folders, reverse=True):
            sidecar = sidecar_in_folder(self._camera, folder, work.detector)
            if sidecar is None:
                await self._open(work, folder, found)
                continue
            known = self._sidecars.known_group(sidecar)
            if known is not None and known != work.visit.group:
                others.add(folder)
                continue
            unknown += known is None
            if unknown > most:
                break
            try:
                await self._open_sidecar(work, sidecar, found)
            except UnreadableSidecarError as error:
                # It may be this visit's: without it nobody can say that there is no image.
                unread = str(error)
        return unread

    async def _open_sidecar(self, work: VisitDetector, sidecar: str, found: OnFound) -> None:
        keys = raw_keys_of_sidecar(self._camera, sidecar)
        if not keys:
            return
        unreadable = None
        try:
            group = await self._sidecars.read_group(sidecar, keys[0])
        except UnreadableSidecarError as error:
            group, unreadable = None, error
        if group not in {None, work.visit.group}:
            return
        for key in keys:
            stored = await self._store.find(key.key)
            if stored is None:
                continue
            named = group or await self._sidecars.group_in_header(sidecar, key)
            unreadable = None if named else unreadable
            if named == work.visit.group:
                await self._identify_and_report(work, StoredRaw(key, stored), found)
        if unreadable is not None:
            raise unreadable


def _saying(way: str, found: OnFound) -> OnFound:
    """Let it be known in which way each raw was found."""
    return lambda raw: found(evolve(raw, found_by=way))
