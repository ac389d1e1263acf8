"""Find raws in the bucket that no notification told of, for the raw microservice.

Notifications are lost, or fall silent for hours. On start, and whenever none
has come for a while, the bucket is listed: the last two observing days, newest
exposures first. What was found twice without a change is opened again once an
hour only.
"""

import asyncio
import datetime
import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from attrs import frozen

from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from domain.raws.raws import RawImage, RawKey, sidecar_key
from domain.raws.stored_object import StoredObject
from domain.raws.stored_raw import StoredRaw, stored_raws
from domain.times import day_obs_of
from ports.clock import Clock
from ports.metrics import Counter, Metrics
from ports.object_feed import ObjectFeed
from ports.raw_arrivals import ImageStore, ImageStoreUnavailableError
from ports.raw_index import RawIndex, RawIndexUnavailableError, RawSlot

__all__ = ["CatchUp", "CatchUpPolicy", "WatchedFeed", "listed_prefixes", "newest_first"]

_LOG = logging.getLogger(__name__)
_LAST_NUMBER = re.compile("([0-9]+)[^0-9]*$")


class WatchedFeed:
    """A feed that remembers when it last brought something."""

    def __init__(self, feed: ObjectFeed) -> None:
        self._feed = feed
        self.heard_at = float("-inf")
        """By the event loop's clock."""

    async def batch(self) -> Sequence[StoredObject]:
        """See `ports.object_feed.ObjectFeed.batch`."""
        created = await self._feed.batch()
        self.heard_at = asyncio.get_running_loop().time()
        return created

    async def settle(self) -> None:
        """See `ports.object_feed.ObjectFeed.settle`."""
        await self._feed.settle()

    async def close(self) -> None:
        """See `ports.object_feed.ObjectFeed.close`."""
        await self._feed.close()


@frozen(kw_only=True)
class CatchUpPolicy:
    """How often the bucket is listed, and how far; times in seconds."""

    silence: float = 60.0
    """Without a notification for so long, the bucket is listed, and again as long as nothing comes."""
    trust: float = 3600.0
    """For so long an exposure that did not change is not opened again."""
    groups: int = 64
    """Where the key begins with detector and group: groups that are opened, the last by name."""


class CatchUp:
    """Lists the bucket and indexes what is missing.

    Parameters
    ----------
    cameras
        Those whose raws are indexed, each with a reader of sidecars, which
        need not be patient: a sidecar that is late is read at the next look.
    feed
        The notifications, whose silence is waited for.
    """

    def __init__(
        self,
        *,
        cameras: Sequence[tuple[Camera, Sidecars]],
        feed: WatchedFeed,
        store: ImageStore,
        index: RawIndex,
        clock: Clock,
        metrics: Metrics,
        policy: CatchUpPolicy,
    ) -> None:
        self._cameras = cameras
        self._feed = feed
        self._store = store
        self._index = index
        self._clock = clock
        self._metrics = metrics
        self._policy = policy
        self._seen: dict[str, int] = {}  # Hashes: the names of a night are fifty megabytes.
        self._settled: set[str] = set()
        self._trusted_from = float("-inf")

    async def run(self) -> None:
        """Look at once, and whenever notifications are silent, until cancelled."""
        while True:
            try:
                await self.look()
            except (ImageStoreUnavailableError, RawIndexUnavailableError) as error:
                _LOG.error("catch-up with the bucket failed, retrying later: %s", error)
            await self._until_silent()

    async def look(self) -> int:
        """List the bucket once; returns how many raws had not been indexed.

        Raises
        ------
        ImageStoreUnavailableError
            Raised if the bucket cannot be reached.
        RawIndexUnavailableError
            Raised if the index is.
        """
        self._forget_trust()
        today = day_obs_of(self._clock.utc())
        listed: set[str] = set()
        found = 0
        for camera, sidecars in self._cameras:
            for prefix in listed_prefixes(camera, today):
                folders = newest_first(camera, await self._store.folders(prefix))
                if not camera.raw_keys.scheme.has_sidecars:
                    folders = folders[: self._policy.groups]
                listed.update(folders)
                for folder in folders:
                    if folder not in self._settled:
                        found += await self._open(camera, sidecars, folder)
        self._settled &= listed
        self._seen = {folder: contents for folder, contents in self._seen.items() if folder in listed}
        return found

    async def _until_silent(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            left = max(began, self._feed.heard_at) + self._policy.silence - loop.time()
            if left <= 0:
                return
            await asyncio.sleep(left)

    def _forget_trust(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._trusted_from >= self._policy.trust:
            self._settled.clear()
            self._trusted_from = now

    async def _open(self, camera: Camera, sidecars: Sidecars, folder: str) -> int:
        objects = {stored.key: stored for stored in await self._store.objects(folder)}
        raws = list(_raws(camera, objects))
        contents = hash(frozenset(objects))
        is_known = self._seen.get(folder) == contents
        # Nothing came since the last look, no sidecar either: the images' own headers tell.
        described = [raw for raw in raws if is_known or (sidecar_key(raw.key) or raw.key.key) in objects]
        missing = await self._missing(camera, sidecars, described)
        named = await asyncio.gather(*map(sidecars.identify, missing))
        found = {_slot(camera, raw.key, raw): raw.uri for raw in named if raw is not None}
        if found:
            await self._index.put(found)
            self._metrics.count(Counter.RAWS_INDEXED, len(found), instrument=camera.instrument)
            _LOG.info("indexed %d images below %s that were not known yet", len(found), folder)
        if is_known and not missing and len(described) == len(raws):
            self._settled.add(folder)
        self._seen[folder] = contents
        return len(found)

    async def _missing(
        self, camera: Camera, sidecars: Sidecars, raws: Sequence[StoredRaw]
    ) -> Sequence[StoredRaw]:
        """List the raws of a folder that are not in the index.

        All in the folder of an exposure are of one group and snap, so that one
        sidecar is read to pass over what is known, and not two hundred.
        """
        for raw in raws:
            example = await sidecars.identify(raw)
            if example is not None:
                uris = await self._index.find([_slot(camera, each.key, example) for each in raws])
                return [each for each, uri in zip(raws, uris, strict=True) if uri is None]
        return raws


def listed_prefixes(camera: Camera, today: datetime.date) -> Sequence[str]:
    """List the prefixes whose folders are opened.

    They are this observing day's and the last one's; or, where keys begin with
    group or with detector and group, all that there are.
    """
    names = (camera.instrument, *camera.raw_keys.prefixes)
    if not camera.raw_keys.scheme.has_sidecars:
        if not camera.raw_keys.scheme.names_detector:
            return [f"{name}/" for name in names]
        return [f"{name}/{detector.number}/" for name in names for detector in camera.detectors]
    days = (today, today - datetime.timedelta(days=1))
    return [f"{name}/{day:%Y%m%d}/" for day in days for name in names]


def newest_first(camera: Camera, folders: Collection[str]) -> Sequence[str]:
    """Order the folders of exposures by their last number, which counts them; those of groups by name."""
    if not camera.raw_keys.scheme.has_sidecars:
        return sorted(folders, reverse=True)

    def age(folder: str) -> tuple[int, str]:
        match = _LAST_NUMBER.search(folder)
        return (int(match[1]) if match else -1, folder)

    return sorted(folders, key=age, reverse=True)


def _raws(camera: Camera, objects: Mapping[str, StoredObject]) -> Iterator[StoredRaw]:
    for stored in objects.values():
        yield from stored_raws(camera, stored)


def _slot(camera: Camera, key: RawKey, example: RawImage) -> RawSlot:
    """Name the place of a raw: by its own key where that tells, else as its neighbour's."""
    return RawSlot(
        camera.instrument,
        example.group if key.group is None else key.group,
        example.snap if key.snap is None else key.snap,
        camera.detector(key.detector).in_keys,
    )
