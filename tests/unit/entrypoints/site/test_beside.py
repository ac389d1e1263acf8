"""An import beside a running site follows what has ended without reading the whole ledger each time."""

import asyncio
from collections.abc import Sequence
from typing import override

import pytest

from adapters.memory.history_store import MemoryHistoryStore
from application.ledger import StoredLedger
from domain.times import UtcSeconds
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import Expired
from entrypoints.site.nights.beside import EndedImages
from tests.contract_suites.samples import INSTRUMENT, LoopClock, some_work

pytestmark = pytest.mark.looptime


class CountingLedger(StoredLedger):
    def __init__(self, clock: LoopClock) -> None:
        super().__init__(MemoryHistoryStore(clock))
        self.read: list[int] = []

    @override
    async def latest(self, instrument: str, since: UtcSeconds | None = None) -> Sequence[AttemptRecord]:
        found = await super().latest(instrument, since)
        self.read.append(len(found))
        return found


async def test_each_look_reads_what_was_recorded_since_the_last() -> None:
    clock = LoopClock()
    ledger = CountingLedger(clock)
    ended = EndedImages(ledger, INSTRUMENT, clock)
    works = [some_work(group=f"g{number}") for number in range(3)]
    for number, work in enumerate(works):
        identity = work.identity
        await ledger.record_undelivered(
            identity.instrument, identity.group, [identity.detector], Expired(age=1.0)
        )
        assert await ended.look() == {each.identity for each in works[: number + 1]}
        await asyncio.sleep(60.0)
    # What was recorded in the second before a look is read by the next one too.
    assert ledger.read == [1, 2, 2]
