from collections.abc import Mapping, Sequence
from typing import override

import pytest

from adapters.memory.raws.raw_lookup import MemoryRawLookup
from ports.raw_arrivals import RawLookupUnavailableError
from ports.raw_index import RawIndexUnavailableError, RawSlot
from tests.contract_suites.raw_lookup import Microservice, RawLookupContract


class ShelfIndex:
    """An index that can be put unreachable."""

    def __init__(self) -> None:
        self.found: dict[RawSlot, str] = {}
        self.is_away = False

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        self.found |= found

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        if self.is_away:
            raise RawIndexUnavailableError("the pool is away")
        return [self.found.get(slot) for slot in slots]


class MemoryMicroservice(Microservice):
    def __init__(self) -> None:
        self._index = ShelfIndex()
        self.lookup: MemoryRawLookup = MemoryRawLookup(self._index)

    @override
    async def index(self, group: str, snap: int, uri: str) -> None:
        await self._index.put({RawSlot("LSSTCam", group, snap, "R22_S11"): uri})

    @override
    async def fail(self) -> None:
        self._index.is_away = True


class TestMemoryRawLookup(RawLookupContract):
    @pytest.fixture
    def microservice(self) -> Microservice:
        return MemoryMicroservice()

    async def test_an_outage_is_said(self) -> None:
        lookup = MemoryRawLookup(ShelfIndex())
        lookup.outage = "cut off"
        with pytest.raises(RawLookupUnavailableError, match="cut off"):
            await lookup.find("LSSTCam", "a", 0, "R22_S11")
