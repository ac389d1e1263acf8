"""Index raws as they land, for those who ask whether one has come."""

import asyncio
import logging
from collections.abc import Sequence

from application.sidecars import Sidecars
from domain.camera import Camera
from domain.raws import RawImage, parse_raw_key
from domain.stored_object import StoredObject
from ports.metrics import Counter, Metrics
from ports.object_feed import ObjectFeed, ObjectFeedUnavailableError
from ports.raw_index import RawIndex, RawIndexUnavailableError, RawSlot

__all__ = ["RawIndexer"]

_LOG = logging.getLogger(__name__)


class RawIndexer:
    """Keeps the raw microservice's index.

    Parameters
    ----------
    cameras
        Those whose raws are indexed, each with its reader of sidecars.
    """

    def __init__(
        self,
        *,
        cameras: Sequence[tuple[Camera, Sidecars]],
        feed: ObjectFeed,
        index: RawIndex,
        metrics: Metrics,
        retry_delay: float,
    ) -> None:
        self._cameras = cameras
        self._feed = feed
        self._index = index
        self._metrics = metrics
        self._retry_delay = retry_delay

    async def run(self) -> None:
        """Serve until cancelled; notifications are settled once they are indexed."""
        while True:
            try:
                stored = await self._feed.batch()
                await self._until_indexed(stored)
                await self._feed.settle()
            except ObjectFeedUnavailableError as error:
                _LOG.error("%s; trying again in %g s", error, self._retry_delay)
                await asyncio.sleep(self._retry_delay)

    async def _until_indexed(self, stored: Sequence[StoredObject]) -> None:
        raws = [raw for raw in await asyncio.gather(*map(self._identify, stored)) if raw is not None]
        slots = {slot: raw.uri for slot, raw in raws}
        while slots:
            try:
                await self._index.put(slots)
            except RawIndexUnavailableError as error:
                _LOG.error("%s; trying again in %g s", error, self._retry_delay)
                await asyncio.sleep(self._retry_delay)
            else:
                break
        for slot in slots:
            self._metrics.count(Counter.RAWS_INDEXED, instrument=slot.instrument)

    async def _identify(self, stored: StoredObject) -> tuple[RawSlot, RawImage] | None:
        for camera, sidecars in self._cameras:
            key = parse_raw_key(camera, stored.key)
            if key is None:
                continue
            self._metrics.count(Counter.NOTIFICATIONS, kind="raw")
            raw = await sidecars.identify(key, stored)
            if raw is None:
                return None
            name = camera.detector(key.detector).name
            return RawSlot(camera.instrument, raw.group, raw.snap, name), raw
        self._metrics.count(Counter.NOTIFICATIONS, kind="not a raw")
        return None
