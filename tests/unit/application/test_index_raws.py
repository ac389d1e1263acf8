"""Raws that notifications tell of, in memory, on a virtual clock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest

from adapters.files.cameras import load_camera
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.raws.image_store import MemoryImageStore
from adapters.memory.raws.object_feed import MemoryObjectFeed
from adapters.memory.raws.raw_index import MemoryRawIndex
from application.index_raws import RawIndexer
from application.sidecars import Sidecars
from ports.metrics import Counter
from ports.raw_index import RawIndexUnavailableError, RawSlot
from tests.unit.application.night import LoopClock

pytestmark = pytest.mark.looptime

CAMERAS = tuple(load_camera(name) for name in ("simulated", "hsc"))
DAY = 20260313


class _Index(MemoryRawIndex):
    outage = ""

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        if self.outage:
            raise RawIndexUnavailableError(self.outage)
        await super().put(found)


class _Microservice:
    def __init__(self) -> None:
        self.store = MemoryImageStore()
        self.feed = MemoryObjectFeed()
        self.store.tell(self.feed.notify)
        self.index = _Index(LoopClock())
        self.metrics = MemoryMetrics()

    def stem(self, seqnum: int) -> str:
        obs_id = f"SC_O_{DAY}_{seqnum:06d}"
        return f"SimCam/{DAY}/{obs_id}/{obs_id}_R22_S11"

    def land(self, seqnum: int) -> None:
        self.store.put(f"{self.stem(seqnum)}.fits")

    def describe(self, seqnum: int) -> None:
        self.store.put(f"{self.stem(seqnum)}.json", cards={"GROUPID": f"group {seqnum}", "CURINDEX": 1})

    async def found(self, seqnum: int) -> bool:
        (uri,) = await self.index.find([RawSlot("SimCam", f"group {seqnum}", 0, "R22_S11")])
        return uri is not None

    @contextlib.asynccontextmanager
    async def running(self, **bounds: int) -> AsyncIterator[None]:
        indexer = RawIndexer(
            cameras=[(camera, Sidecars(camera, self.store)) for camera in CAMERAS],
            bucket="images",
            feed=self.feed,
            index=self.index,
            metrics=self.metrics,
            retry_delay=1.0,
            **bounds,
        )
        running = asyncio.ensure_future(indexer.run())
        try:
            yield
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_what_is_described_is_indexed_at_once() -> None:
    service = _Microservice()
    async with service.running():
        service.describe(1)
        service.land(1)
        service.store.put("HSC/5/a group/1/1234/HSC-G/raw.fits")
        service.store.put("HSC/notes.txt")
        await asyncio.sleep(0.01)
        assert await service.found(1)
        assert await service.index.find([RawSlot("HSC", "a group", 1, "5")]) != [None]
    kinds = {
        kind: service.metrics.total(Counter.NOTIFICATIONS, kind=kind)
        for kind in ("raw", "sidecar", "not a raw")
    }
    assert kinds == {"raw": 2, "sidecar": 1, "not a raw": 1}
    assert service.metrics.total(Counter.RAWS_INDEXED) == 2


async def test_another_buckets_objects_are_no_raws() -> None:
    service = _Microservice()
    other = MemoryImageStore("another")
    other.tell(service.feed.notify)
    async with service.running():
        other.put("HSC/5/a group/1/1234/HSC-G/raw.fits")
        await asyncio.sleep(0.01)
        assert await service.index.find([RawSlot("HSC", "a group", 1, "5")]) == [None]
    assert service.metrics.total(Counter.NOTIFICATIONS, kind="not a raw") == 1


async def test_a_sidecar_that_is_late_delays_no_other_image() -> None:
    service = _Microservice()
    async with service.running():
        service.land(1)
        service.describe(2)
        service.land(2)
        await asyncio.sleep(0.01)
        assert await service.found(2)
        service.describe(3)
        service.land(3)
        await asyncio.sleep(0.01)
        assert await service.found(3)
        await asyncio.sleep(2)
        service.describe(1)
        await asyncio.sleep(0.3)
        assert await service.found(1)


@pytest.mark.parametrize("unreadable", [False, True])
async def test_a_sidecar_brings_its_image_however_late(unreadable: bool) -> None:
    service = _Microservice()
    async with service.running():
        service.land(1)
        if unreadable:
            service.store.put(f"{service.stem(1)}.json")
        await asyncio.sleep(3600)
        service.describe(1)
        await asyncio.sleep(0.01)
        assert await service.found(1)
    assert service.metrics.total(Counter.RAWS_INDEXED) == 1


@pytest.mark.parametrize("unreadable", [False, True])
async def test_an_image_without_a_sidecar_tells_itself_whose_it_is(unreadable: bool) -> None:
    service = _Microservice()
    async with service.running():
        if unreadable:
            service.store.put(f"{service.stem(1)}.json")
        service.store.put(f"{service.stem(1)}.fits", cards={"GROUPID": "group 1"})
        await asyncio.sleep(10)
        assert await service.found(1)


async def test_no_more_images_wait_than_are_bounded() -> None:
    service = _Microservice()
    async with service.running(most_waiting=3, most_given_up=5):
        for seqnum in range(20):
            service.land(seqnum)
        await asyncio.sleep(100)
        for seqnum in range(20):
            service.describe(seqnum)
        await asyncio.sleep(1)
        assert [seqnum for seqnum in range(20) if await service.found(seqnum)] == list(range(15, 20))


async def test_a_store_out_of_reach_delays_what_it_has_to_tell_and_nothing_else() -> None:
    service = _Microservice()
    async with service.running():
        service.describe(1)
        service.store.outage = "unplugged"
        service.land(1)
        service.store.put("HSC/5/a group/1/1234/HSC-G/raw.fits")
        await asyncio.sleep(0.01)
        assert await service.index.find([RawSlot("HSC", "a group", 1, "5")]) != [None]
        await asyncio.sleep(3)
        service.store.outage = ""
        await asyncio.sleep(0.5)
        assert await service.found(1)


@pytest.mark.parametrize("neighbour", ["feed", "index"])
async def test_an_outage_is_outlasted(neighbour: str) -> None:
    service = _Microservice()
    getattr(service, neighbour).outage = "unplugged"
    service.describe(1)
    service.land(1)
    async with service.running():
        await asyncio.sleep(100)
        assert not await service.found(1)
        getattr(service, neighbour).outage = ""
        await asyncio.sleep(1.1)
        assert await service.found(1)


async def test_what_was_not_indexed_before_a_restart_comes_again() -> None:
    service = _Microservice()
    service.index.outage = "unplugged"
    service.describe(1)
    service.land(1)
    async with service.running():
        await asyncio.sleep(1)
    service.index.outage = ""
    service.feed.restart()
    async with service.running():
        await asyncio.sleep(1)
        assert await service.found(1)
