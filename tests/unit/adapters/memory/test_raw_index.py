"""The index in memory holds the contract, and forgets."""

import pytest

from adapters.host.clock import SystemClock
from adapters.memory.raws.raw_index import MemoryRawIndex
from domain.times import UtcSeconds
from ports.raw_index import RawIndex
from tests.contract_suites.raw_index import RawIndexContract, a_slot


class TestMemoryRawIndex(RawIndexContract):
    @pytest.fixture
    def index(self) -> RawIndex:
        return MemoryRawIndex(SystemClock())


class _Hands:
    """A clock that is set by hand."""

    now = 1.8e9

    def utc(self) -> UtcSeconds:
        return UtcSeconds(self.now)


async def test_entries_are_forgotten_after_their_lifetime() -> None:
    clock = _Hands()
    index = MemoryRawIndex(clock, lifetime=100.0)
    await index.put({a_slot("R22_S11"): "s3://b/1"})
    clock.now += 60.0
    await index.put({a_slot("R22_S12"): "s3://b/2"})
    clock.now += 60.0
    assert list(await index.find([a_slot("R22_S11"), a_slot("R22_S12")])) == [None, "s3://b/2"]


async def test_a_new_uri_lives_anew() -> None:
    clock = _Hands()
    index = MemoryRawIndex(clock, lifetime=100.0)
    await index.put({a_slot(): "s3://b/1"})
    clock.now += 60.0
    await index.put({a_slot(): "s3://b/2"})
    clock.now += 60.0
    assert list(await index.find([a_slot()])) == ["s3://b/2"]
