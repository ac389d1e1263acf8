"""What every `ports.object_feed.ObjectFeed` keeps to."""

import abc
import asyncio

import pytest

from domain.raws.stored_object import StoredObject
from ports.object_feed import ObjectFeed

KEYS = ("SimCam/20260313/x.fits", "a b+c%41/é#2", "no raw at all")


def created(key: str) -> StoredObject:
    return StoredObject(bucket="images", key=key, size=10, version=f"v-{len(key)}")


async def read(feed: ObjectFeed, count: int) -> list[StoredObject]:
    """Read so many objects, in however many batches."""
    found: list[StoredObject] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += await feed.batch()
    return found


class Bucket(abc.ABC):
    """The sender of notifications, and readers of one group."""

    @abc.abstractmethod
    async def notify(self, *objects: StoredObject) -> None: ...

    @abc.abstractmethod
    async def restarted(self) -> ObjectFeed:
        """Make a reader in place of the one before, which settles nothing."""


class ObjectFeedContract:
    @pytest.fixture
    def bucket(self) -> Bucket:
        raise NotImplementedError

    async def test_every_object_comes_as_it_is(self, bucket: Bucket) -> None:
        objects = [created(key) for key in KEYS]
        feed = await bucket.restarted()
        await bucket.notify(*objects)
        assert await read(feed, len(KEYS)) == objects

    async def test_what_is_settled_does_not_come_again(self, bucket: Bucket) -> None:
        feed = await bucket.restarted()
        await bucket.notify(created("a"), created("b"))
        await read(feed, 2)
        await feed.settle()
        await bucket.notify(created("c"))
        assert await read(await bucket.restarted(), 1) == [created("c")]

    async def test_what_is_not_settled_comes_again(self, bucket: Bucket) -> None:
        feed = await bucket.restarted()
        await bucket.notify(created("a"))
        await read(feed, 1)
        await feed.settle()
        await bucket.notify(created("b"))
        await read(feed, 1)
        assert await read(await bucket.restarted(), 1) == [created("b")]

    async def test_losing_patience_loses_nothing(self, bucket: Bucket) -> None:
        feed = await bucket.restarted()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await feed.batch()
        await bucket.notify(created("a"))
        assert await read(feed, 1) == [created("a")]
