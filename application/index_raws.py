"""Index raws as they land, for those who ask whether one has come."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial

from attrs import frozen

from application.retrying import retried
from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from domain.raws.raws import RawImage, raw_keys_of_sidecar, sidecar_key
from domain.raws.stored_object import StoredObject
from domain.raws.stored_raw import StoredRaw, stored_raws
from ports.metrics import Counter, Metrics
from ports.object_feed import ObjectFeed, ObjectFeedUnavailableError
from ports.raw_arrivals import ImageStoreUnavailableError
from ports.raw_index import RawIndex, RawIndexUnavailableError, RawSlot

__all__ = ["RawIndexer"]

_LOG = logging.getLogger(__name__)


@frozen
class _Landed:
    """A raw that was told of."""

    camera: Camera
    sidecars: Sidecars
    raw: StoredRaw

    @property
    def sidecar(self) -> str | None:
        return sidecar_key(self.raw.key)

    def slot(self, raw: RawImage) -> RawSlot:
        name = self.camera.detector(self.raw.key.detector).in_keys
        return RawSlot(self.camera.instrument, raw.group, raw.snap, name)


class RawIndexer:
    """Keeps the raw microservice's index.

    A raw whose sidecar is late delays no other: it is waited for beside them,
    and if that is given up, the sidecar's own notification brings it back.

    Parameters
    ----------
    cameras
        Those whose raws are indexed, each with its reader of sidecars.
    bucket
        The image bucket: a topic may tell of others too.
    retry_delay
        Seconds until a neighbour that is away is tried again.
    most_waiting
        Raws at once whose sidecars are waited for.
    most_given_up
        Raws that are remembered until their sidecars come after all.
    """

    def __init__(
        self,
        *,
        cameras: Sequence[tuple[Camera, Sidecars]],
        bucket: str,
        feed: ObjectFeed,
        index: RawIndex,
        metrics: Metrics,
        retry_delay: float,
        most_waiting: int = 1000,
        most_given_up: int = 10_000,
    ) -> None:
        self._cameras = cameras
        self._bucket = bucket
        self._feed = feed
        self._index = index
        self._metrics = metrics
        self._retry_delay = retry_delay
        self._most_waiting = most_waiting
        self._most_given_up = most_given_up
        self._waiting: set[asyncio.Task[None]] = set()
        self._given_up: dict[str, _Landed] = {}

    async def run(self) -> None:
        """Serve until cancelled; notifications are settled once they are indexed."""
        async with asyncio.TaskGroup() as tasks:
            index_next = partial(self._index_next, tasks)
            while True:
                await retried(index_next, ObjectFeedUnavailableError, _LOG, self._retry_delay)

    async def _index_next(self, tasks: asyncio.TaskGroup) -> None:
        created = await self._feed.batch()
        await self._index_batch(created, tasks)
        await self._feed.settle()

    async def _index_batch(self, created: Sequence[StoredObject], tasks: asyncio.TaskGroup) -> None:
        landed = [one for stored in created for one in self._recognize(stored)]
        raws = await asyncio.gather(*map(self._identify_now, landed))
        await self._put({one.slot(raw): raw.uri for one, raw in zip(landed, raws, strict=True) if raw})
        for one, raw in zip(landed, raws, strict=True):
            if raw is None and one.sidecar is not None:
                await self._wait_beside(one, tasks)

    def _recognize(self, stored: StoredObject) -> Sequence[_Landed]:
        """Tell which raws an object is, or brings back as their sidecar; none if it concerns nobody."""
        for camera, sidecars in self._cameras if stored.bucket == self._bucket else ():
            if raws := stored_raws(camera, stored):
                self._metrics.count(Counter.NOTIFICATIONS, kind="raw")
                return [_Landed(camera, sidecars, raw) for raw in raws]
            if raw_keys_of_sidecar(camera, stored.key):
                self._metrics.count(Counter.NOTIFICATIONS, kind="sidecar")
                waiting = self._given_up.pop(stored.key, None)
                return [] if waiting is None else [waiting]
        self._metrics.count(Counter.NOTIFICATIONS, kind="not a raw")
        return []

    async def _identify_now(self, landed: _Landed) -> RawImage | None:
        if landed.sidecar is not None:
            try:
                if await landed.sidecars.group_of(landed.sidecar, landed.raw.key) is None:
                    return None
            except ImageStoreUnavailableError as error:
                _LOG.debug("sidecar %s cannot be read yet: %s", landed.sidecar, error)
                return None
        return await landed.sidecars.identify(landed.raw)

    async def _wait_beside(self, landed: _Landed, tasks: asyncio.TaskGroup) -> None:
        if len(self._waiting) >= self._most_waiting:
            await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
        task = tasks.create_task(self._index_late(landed))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _index_late(self, landed: _Landed) -> None:
        raw = await landed.sidecars.identify(landed.raw)
        if raw is not None:
            await self._put({landed.slot(raw): raw.uri})
        elif landed.sidecar is not None:
            while len(self._given_up) >= self._most_given_up:
                del self._given_up[next(iter(self._given_up))]
            self._given_up[landed.sidecar] = landed

    async def _put(self, slots: Mapping[RawSlot, str]) -> None:
        if slots:
            put = partial(self._index.put, slots)
            await retried(put, RawIndexUnavailableError, _LOG, self._retry_delay)
        for slot in slots:
            self._metrics.count(Counter.RAWS_INDEXED, instrument=slot.instrument)
