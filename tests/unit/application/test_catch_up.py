"""Raws that no notification told of, found in a bucket in memory, on a virtual clock."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.cameras import load_camera
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.raws.image_store import MemoryImageStore
from adapters.memory.raws.object_feed import MemoryObjectFeed
from adapters.memory.raws.raw_index import MemoryRawIndex
from application.catch_up import CatchUp, CatchUpPolicy, WatchedFeed, listed_prefixes, newest_first
from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from domain.raws.stored_object import StoredObject
from ports.metrics import Counter
from ports.raw_index import RawIndexUnavailableError, RawSlot
from tests.unit.application.night import LoopClock

pytestmark = pytest.mark.looptime

SIMCAM = load_camera("simulated")
HSC = load_camera("hsc")
TODAY, YESTERDAY, BEFORE = 20260313, 20260312, 20260311  # LoopClock begins in the night of the first.
GROUP = "2026-03-14T02:15:07.310#2"


class _CountingStore(MemoryImageStore):
    """Remembers which folders were opened, and how many sidecars were read."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: list[str] = []
        self.opened: list[str] = []
        self.read = 0

    async def folders(self, prefix: str) -> Sequence[str]:
        self.listed.append(prefix)
        return await super().folders(prefix)

    async def objects(self, prefix: str) -> Sequence[StoredObject]:
        self.opened.append(prefix)
        return await super().objects(prefix)

    async def sidecar(self, key: str) -> Mapping[str, object] | None:
        self.read += 1
        return await super().sidecar(key)


class _FailingIndex(MemoryRawIndex):
    outage = ""

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        if self.outage:
            raise RawIndexUnavailableError(self.outage)
        return await super().find(slots)


class _Bucket:
    """A bucket, the notifications that it sends (or does not), and the index."""

    def __init__(self, *cameras: Camera, policy: CatchUpPolicy | None = None) -> None:
        self.store = _CountingStore()
        self.topic = MemoryObjectFeed()
        self.index = _FailingIndex(LoopClock())
        self.metrics = MemoryMetrics()
        self.feed = WatchedFeed(self.topic)
        self.catch_up = CatchUp(
            cameras=[(camera, Sidecars(camera, self.store, patience=0.0)) for camera in cameras or (SIMCAM,)],
            feed=self.feed,
            store=self.store,
            index=self.index,
            clock=LoopClock(),
            metrics=self.metrics,
            policy=policy or CatchUpPolicy(),
        )

    def land(
        self, seqnum: int, sensor: str = "R22_S11", *, day: int = TODAY, snap: int = 0, sidecar: bool = True
    ) -> str:
        """Put a raw and its sidecar where the simulated camera does."""
        obs_id = f"SC_O_{day}_{seqnum:06d}"
        stem = f"SimCam/{day}/{obs_id}/{obs_id}_{sensor}"
        if sidecar:
            self.store.put(f"{stem}.json", cards={"GROUPID": group_of(seqnum), "CURINDEX": snap + 1})
        self.store.put(f"{stem}.fits")
        return self.store.uri(f"{stem}.fits")

    async def found(self, seqnum: int, sensor: str = "R22_S11", *, snap: int = 0) -> str | None:
        (uri,) = await self.index.find([RawSlot("SimCam", group_of(seqnum), snap, sensor)])
        return uri

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        async def read() -> None:
            while True:
                await self.feed.batch()

        running = [asyncio.ensure_future(self.catch_up.run()), asyncio.ensure_future(read())]
        try:
            yield
            assert not running[0].done()
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def group_of(seqnum: int) -> str:
    return f"group/{seqnum}"


async def test_what_was_missed_is_found_at_the_start() -> None:
    bucket = _Bucket()
    today = [bucket.land(7, name, snap=1) for name in SIMCAM.numbers]
    yesterday = bucket.land(3, day=YESTERDAY)
    bucket.land(5, day=BEFORE)
    async with bucket.watched():
        await asyncio.sleep(1)
        assert [await bucket.found(7, name, snap=1) for name in SIMCAM.numbers] == today
        assert await bucket.found(3) == yesterday
        assert await bucket.found(5) is None
    assert bucket.metrics.total(Counter.RAWS_INDEXED, instrument="SimCam") == len(today) + 1


async def test_what_is_known_is_passed_over_with_one_sidecar_an_exposure() -> None:
    bucket = _Bucket()
    uris = {
        RawSlot("SimCam", group_of(seqnum), 0, name): bucket.land(seqnum, name)
        for seqnum in range(3)
        for name in SIMCAM.numbers
    }
    await bucket.index.put(uris)
    assert await bucket.catch_up.look() == 0
    assert bucket.store.read == 3


async def test_only_what_is_missing_of_an_exposure_is_added() -> None:
    bucket = _Bucket()
    for name in SIMCAM.numbers:
        bucket.land(1, name)
    known = {RawSlot("SimCam", group_of(1), 0, name): "as notified" for name in ("R22_S00", "R22_S01")}
    await bucket.index.put(known)
    assert await bucket.catch_up.look() == len(SIMCAM.numbers) - 2
    assert await bucket.found(1, "R22_S01") == "as notified"
    assert await bucket.found(1, "R22_S02") is not None


async def test_exposures_that_do_not_change_are_not_opened_again() -> None:
    bucket = _Bucket()
    for seqnum in range(5):
        bucket.land(seqnum)
    for _ in range(5):
        await bucket.catch_up.look()
    opened = len(bucket.store.opened)
    assert opened == 2 * 5
    bucket.land(99)
    await bucket.catch_up.look()
    assert len(bucket.store.opened) == opened + 1
    assert await bucket.found(99) is not None


async def test_an_image_hours_behind_its_exposure_is_found_within_the_hour() -> None:
    bucket = _Bucket()
    bucket.land(1, "R22_S00")
    async with bucket.watched():
        await asyncio.sleep(7000)
        uri = bucket.land(1, "R22_S01")
        await asyncio.sleep(3661)
        assert await bucket.found(1, "R22_S01") == uri


async def test_an_image_is_found_once_its_sidecar_has_come_however_late() -> None:
    bucket = _Bucket()
    bucket.land(1, sidecar=False)
    for _ in range(10):
        assert await bucket.catch_up.look() == 0
    bucket.land(1)
    assert await bucket.catch_up.look() == 1


async def test_an_image_whose_sidecar_never_comes_is_found_by_its_own_header() -> None:
    bucket = _Bucket()
    uri = bucket.land(1, sidecar=False)
    bucket.store.put(bucket.store.key(uri), cards={"GROUPID": group_of(1), "CURINDEX": 1})
    assert await bucket.catch_up.look() == 0
    assert await bucket.catch_up.look() == 1
    assert await bucket.found(1) == uri


async def test_a_sidecar_that_cannot_be_read_hides_only_its_own_image() -> None:
    bucket = _Bucket()
    bucket.land(1, "R22_S00")
    bucket.store.put(f"SimCam/{TODAY}/SC_O_{TODAY}_000001/SC_O_{TODAY}_000001_R22_S00.json")
    bucket.land(1, "R22_S01")
    assert await bucket.catch_up.look() == 1
    bucket.land(1, "R22_S00")
    assert await bucket.catch_up.look() == 1


async def test_newest_exposures_come_first() -> None:
    bucket = _Bucket()
    for seqnum, day in ((9, TODAY), (10, TODAY), (2, TODAY), (99, YESTERDAY)):
        bucket.land(seqnum, day=day)
    await bucket.catch_up.look()
    assert [int(folder[-7:-1]) for folder in bucket.store.opened] == [10, 9, 2, 99]


async def test_silence_is_noticed() -> None:
    bucket = _Bucket()
    async with bucket.watched():
        for _ in range(30):  # Nothing is missed while notifications come.
            await asyncio.sleep(30)
            bucket.topic.notify(bucket.store.put("something else"))
        assert bucket.store.opened == []
        uri = bucket.land(1)
        await asyncio.sleep(55)
        assert await bucket.found(1) is None
        await asyncio.sleep(10)
        assert await bucket.found(1) == uri


async def test_while_images_come_without_notifications_each_is_found_within_a_minute() -> None:
    bucket = _Bucket()
    async with bucket.watched():
        await asyncio.sleep(40_000)
        for seqnum in range(1, 50):
            uri = bucket.land(seqnum)
            await asyncio.sleep(61)
            assert await bucket.found(seqnum) == uri


@pytest.mark.parametrize("neighbour", ["store", "index"])
async def test_an_outage_is_outlasted(neighbour: str) -> None:
    bucket = _Bucket()
    uri = bucket.land(1)
    getattr(bucket, neighbour).outage = "unplugged"
    async with bucket.watched():
        await asyncio.sleep(3600)
        getattr(bucket, neighbour).outage = ""
        await asyncio.sleep(61)
        assert await bucket.found(1) == uri


def _grouped(bucket: _Bucket, group: str, detector: int, snap: int = 0) -> str:
    key = f"HSC/{detector}/{group}/{snap}/1234/HSC-G/raw-{detector}.fits"
    bucket.store.put(key)
    return bucket.store.uri(key)


async def test_keys_that_tell_the_group_are_found_by_prefix() -> None:
    bucket = _Bucket(SIMCAM, HSC)
    uris = {(5, snap): _grouped(bucket, GROUP, 5, snap) for snap in range(2)} | {
        (110, 0): _grouped(bucket, GROUP, 110)
    }
    slashed = _grouped(bucket, "a/b", 5)
    simulated = bucket.land(1)
    await bucket.catch_up.look()
    slots = [RawSlot("HSC", GROUP, snap, str(detector)) for detector, snap in uris]
    assert await bucket.index.find(slots) == list(uris.values())
    assert await bucket.index.find([RawSlot("HSC", "a/b", 0, "5")]) == [slashed]
    assert await bucket.found(1) == simulated


async def test_of_a_long_history_of_groups_the_last_are_opened() -> None:
    bucket = _Bucket(HSC, policy=CatchUpPolicy(groups=3))
    for day in range(1, 10):
        _grouped(bucket, f"2026-03-0{day}T02:15:07.{999 - day}", 0)
    await bucket.catch_up.look()
    assert [folder[6:16] for folder in bucket.store.opened] == ["2026-03-09", "2026-03-08", "2026-03-07"]


@given(st.sets(st.integers(0, 999_999), max_size=20), st.sampled_from("OCHPQS"))
def test_exposures_are_ordered_by_number_whoever_commanded_them(seqnums: set[int], controller: str) -> None:
    folders = [
        f"SimCam/{TODAY}/SC_{controller if seqnum % 2 else 'O'}_{TODAY}_{seqnum:06d}/" for seqnum in seqnums
    ]
    ordered = [int(folder[-7:-1]) for folder in newest_first(SIMCAM, folders)]
    assert ordered == sorted(seqnums, reverse=True)


def test_prefixes_are_those_of_all_names_and_two_days() -> None:
    day = datetime.date(2026, 3, 1)
    assert listed_prefixes(load_camera("lsstcomcam"), day) == [
        "LSSTComCam/20260301/",
        "ComCam/20260301/",
        "LSSTComCam/20260228/",
        "ComCam/20260228/",
    ]
    assert listed_prefixes(HSC, day)[:2] == ["HSC/0/", "HSC/1/"]
