from collections.abc import Mapping
from typing import Any, override

import pytest

from adapters.memory.raws.image_store import MemoryImageStore
from ports.raw_arrivals import ImageStoreUnavailableError
from tests.contract_suites.image_store import Bucket, ImageStoreContract


class MemoryBucket(Bucket):
    name = "images"

    def __init__(self) -> None:
        self.store: MemoryImageStore = MemoryImageStore(self.name)

    @override
    async def put(self, key: str, cards: Mapping[str, Any] | None = None) -> None:
        self.store.put(key, cards=cards)

    @override
    async def put_image(self, key: str, cards: Mapping[str, Any]) -> None:
        self.store.put(key, cards=cards)


class TestMemoryImageStore(ImageStoreContract):
    @pytest.fixture
    def bucket(self) -> Bucket:
        return MemoryBucket()

    async def test_an_outage_is_said_and_passes(self) -> None:
        store = MemoryImageStore()
        stored = store.put("a", "v1")
        store.outage = "cut off"
        with pytest.raises(ImageStoreUnavailableError, match="cut off"):
            await store.find("a")
        store.outage = ""
        assert await store.find("a") == stored
        store.remove("a")
        assert await store.find("a") is None
