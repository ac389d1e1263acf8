import asyncio
from typing import override

import pytest

from adapters.memory.raws.image_store import MemoryImageStore
from adapters.memory.raws.raw_notifications import MemoryRawNotifications
from domain.cameras.camera import Camera
from domain.raws.stored_object import StoredObject
from tests.contract_suites.raw_notifications import (
    CAMERA,
    MOSAIC,
    Bucket,
    RawNotificationsContract,
    raw,
    recognized,
)


class MemoryBucket(Bucket):
    def __init__(self, camera: Camera = CAMERA) -> None:
        self.reader: MemoryRawNotifications = MemoryRawNotifications(camera)

    @override
    async def notify(self, *created: StoredObject) -> None:
        for stored in created:
            self.reader.notify(stored)


class TestMemoryRawNotifications(RawNotificationsContract):
    @pytest.fixture
    def bucket(self) -> Bucket:
        return MemoryBucket()

    @pytest.fixture
    def mosaic_bucket(self) -> Bucket:
        return MemoryBucket(MOSAIC)

    async def test_notifications_are_forgotten_in_time(self) -> None:
        reader = MemoryRawNotifications(CAMERA, retention=0.05)
        reader.notify(raw(1))
        await asyncio.sleep(0.1)
        reader.notify(raw(2))
        assert reader.heard(0) == recognized(raw(2))

    async def test_a_bucket_in_memory_can_be_the_sender(self) -> None:
        store, reader = MemoryImageStore("images"), MemoryRawNotifications(CAMERA)
        store.tell(reader.notify)
        stored = store.put(raw(1).key)
        store.put("something else")
        assert reader.heard(0) == recognized(stored)
