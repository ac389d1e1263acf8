from collections.abc import Sequence
from typing import override

import pytest

from adapters.memory.queue.dead_announcements import MemoryDeadAnnouncements
from ports.dead_announcements import DeadAnnouncementsUnavailableError
from tests.contract_suites.dead_announcements import DeadAnnouncementsContract, DeadBench, dead


class _Bench(DeadBench):
    def __init__(self) -> None:
        self.dead: MemoryDeadAnnouncements = MemoryDeadAnnouncements()

    @override
    async def kept(self) -> Sequence[tuple[str, str, bytes]]:
        return [(each.position, reason, each.body) for each, reason in self.dead.kept]


class TestMemoryDeadAnnouncements(DeadAnnouncementsContract):
    @pytest.fixture
    def bench(self) -> DeadBench:
        return _Bench()

    async def test_an_outage_is_said_and_passes(self) -> None:
        bench = _Bench()
        bench.dead.outage = "cut off"
        with pytest.raises(DeadAnnouncementsUnavailableError, match="cut off"):
            await bench.dead.put(dead(1), "no Avro")
        bench.dead.outage = ""
        await bench.dead.put(dead(1), "no Avro")
        assert len(await bench.kept()) == 1
