"""What every `ports.raw_arrivals.RawNotifications` keeps to."""

import abc
import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.cameras.camera import Camera, Detector, HeaderRules, RawKeys, RawKeyScheme
from domain.raws.stored_object import StoredObject
from domain.raws.stored_raw import StoredRaw, stored_raws
from ports.raw_arrivals import RawNotifications

CAMERA = Camera(
    instrument="SimCam",
    detectors=(Detector(number=0, name="R22_S00"), Detector(number=1, name="R22_S01")),
    raw_keys=RawKeys(scheme=RawKeyScheme.LSST, abbreviation="SC"),
    header=HeaderRules(facts={}),
    filters={},
)
MOSAIC = Camera(
    instrument="SimMosaic",
    detectors=tuple(Detector(number=number, name=f"S{number}", hdu=number) for number in (1, 2)),
    raw_keys=RawKeys(scheme=RawKeyScheme.MOSAIC),
    header=HeaderRules(facts={}),
    filters={},
)
BUCKET = "images"


def raw(number: int, detector: int = 0, version: str = "v1") -> StoredObject:
    exposure = f"SC_O_20260313_{number:06d}"
    key = f"SimCam/20260313/{exposure}/{exposure}_R22_S0{detector}.fits"
    return StoredObject(bucket=BUCKET, key=key, size=10, version=version)


def recognized(stored: StoredObject) -> tuple[StoredRaw, ...]:
    return stored_raws(CAMERA, stored) or stored_raws(MOSAIC, stored)


async def take(news: AsyncIterator[StoredRaw], count: int) -> list[StoredObject]:
    """Take what comes, each with its key read."""
    async with asyncio.timeout(20):
        taken = [await anext(news) for _ in range(count)]
    assert all(one in recognized(one.stored) for one in taken)
    return [one.stored for one in taken]


async def heard_soon(reader: RawNotifications, detector: int, count: int) -> list[StoredObject]:
    """Give notifications the time to arrive, and a little more for those that should not."""
    await take(reader.follow(detector), count)
    await asyncio.sleep(0.1)
    return [raw.stored for raw in reader.heard(detector)]


class Bucket(abc.ABC):
    """The sender of notifications, and the reader under test."""

    reader: RawNotifications

    @abc.abstractmethod
    async def notify(self, *created: StoredObject) -> None: ...


class RawNotificationsContract:
    @pytest.fixture
    def bucket(self) -> Bucket:
        raise NotImplementedError

    async def test_raws_are_kept_by_detector_oldest_first(self, bucket: Bucket) -> None:
        await bucket.notify(raw(1), raw(1, detector=1), raw(2))
        assert await heard_soon(bucket.reader, 0, 2) == [raw(1), raw(2)]
        assert await heard_soon(bucket.reader, 1, 1) == [raw(1, detector=1)]

    @pytest.fixture
    def mosaic_bucket(self) -> Bucket:
        """Of a camera whose raws hold all its detectors."""
        raise NotImplementedError

    async def test_a_raw_of_several_detectors_is_heard_for_each(self, mosaic_bucket: Bucket) -> None:
        stored = StoredObject(bucket=BUCKET, key="SimMosaic/g/0/7/r/a.fits", size=10, version="v1")
        await mosaic_bucket.notify(stored, stored, raw(1))
        for detector in (1, 2):
            assert await heard_soon(mosaic_bucket.reader, detector, 1) == [stored]
        assert list(mosaic_bucket.reader.heard(0)) == []

    async def test_what_is_no_raw_of_the_camera_is_passed_over(self, bucket: Bucket) -> None:
        keys = (
            "SimCam/20260313/SC_O_20260313_000001/SC_O_20260313_000001_R22_S00.json",
            "SimCam/20260313/SC_O_20260313_000001/SC_O_20260313_000001_R99_S00.fits",
            "OtherCam/20260313/SC_O_20260313_000001/SC_O_20260313_000001_R22_S00.fits",
            "SimCam",
            "a b+c%41/é",
        )
        await bucket.notify(*(StoredObject(bucket=BUCKET, key=key, size=1, version="x") for key in keys))
        await bucket.notify(raw(1))
        assert await heard_soon(bucket.reader, 0, 1) == [raw(1)]

    async def test_a_follower_gets_the_past_and_then_the_present(self, bucket: Bucket) -> None:
        await bucket.notify(raw(1))
        await heard_soon(bucket.reader, 0, 1)
        news = bucket.reader.follow(0)
        assert await take(news, 1) == [raw(1)]
        await bucket.notify(raw(2, detector=1), raw(2))
        assert await take(news, 1) == [raw(2)]

    async def test_followers_do_not_take_from_each_other(self, bucket: Bucket) -> None:
        first, second = bucket.reader.follow(0), bucket.reader.follow(0)
        await bucket.notify(raw(1))
        assert await take(first, 1) == await take(second, 1) == [raw(1)]

    async def test_a_repeated_notification_is_kept_once(self, bucket: Bucket) -> None:
        await bucket.notify(raw(1), raw(1), raw(2), raw(1))
        assert await heard_soon(bucket.reader, 0, 2) == [raw(1), raw(2)]

    async def test_a_rewritten_raw_is_heard_of_again(self, bucket: Bucket) -> None:
        await bucket.notify(raw(1), raw(1, version="v2"))
        assert await heard_soon(bucket.reader, 0, 2) == [raw(1), raw(1, version="v2")]

    async def test_losing_patience_loses_nothing(self, bucket: Bucket) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(bucket.reader.follow(0))
        await bucket.notify(raw(1))
        assert await take(bucket.reader.follow(0), 1) == [raw(1)]
