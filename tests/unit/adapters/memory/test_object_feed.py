from typing import override

import pytest

from adapters.memory.raws.object_feed import MemoryObjectFeed
from domain.raws.stored_object import StoredObject
from ports.object_feed import ObjectFeed, ObjectFeedUnavailableError
from tests.contract_suites.object_feed import Bucket, ObjectFeedContract, created


class MemoryBucket(Bucket):
    def __init__(self) -> None:
        self._feed = MemoryObjectFeed()

    @override
    async def notify(self, *objects: StoredObject) -> None:
        for stored in objects:
            self._feed.notify(stored)

    @override
    async def restarted(self) -> ObjectFeed:
        self._feed.restart()
        return self._feed


class TestMemoryObjectFeed(ObjectFeedContract):
    @pytest.fixture
    def bucket(self) -> Bucket:
        return MemoryBucket()

    async def test_an_outage_is_said_and_passes(self) -> None:
        feed = MemoryObjectFeed()
        feed.notify(created("a"))
        feed.outage = "cut off"
        with pytest.raises(ObjectFeedUnavailableError, match="cut off"):
            await feed.batch()
        feed.outage = ""
        assert list(await feed.batch()) == [created("a")]
