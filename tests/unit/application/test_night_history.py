"""Nights beside each other, as the ledger knows them."""

import datetime

import pytest
from attrs import evolve

from adapters.memory.history_store import MemoryHistoryStore
from application.console.history import LedgerTrends
from application.ledger import StoredLedger
from domain.times import UtcSeconds
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import FailedAfterChange, NoImages
from ports.history_store import Change
from tests.contract_suites.night_board import INSTRUMENT, a_record, an_attempt_under_way
from tests.contract_suites.samples import LoopClock

pytestmark = pytest.mark.looptime

_FIRST = datetime.date(2026, 3, 13)


def _becoming(record: AttemptRecord) -> Change[None]:
    return lambda history, _: (evolve(history, records=(record,)), None)


async def _history(*records: AttemptRecord) -> LedgerTrends:
    store = MemoryHistoryStore(LoopClock())
    for record in records:
        await store.change(record.attempt.identity, _becoming(record))
    return LedgerTrends(INSTRUMENT, StoredLedger(store), LoopClock())


def _next_night(record: AttemptRecord) -> AttemptRecord:
    ended = None if record.ended is None else UtcSeconds(record.ended + 86_400)
    return evolve(record, begun=UtcSeconds(record.begun + 86_400), ended=ended)


async def test_nights_are_summed_up_the_newest_first() -> None:
    times = [
        a_record("g1", detector, since_shutter=30.0 + detector, seconds={"transfer": float(detector)})
        for detector in range(1, 100)
    ]
    history = await _history(
        *times,
        a_record("g2", 1, outcome=NoImages(waited=90.0), since_shutter=None),
        _next_night(a_record("g3", 1, outcome=FailedAfterChange(reason="APDB gone"), since_shutter=None)),
        _next_night(an_attempt_under_way("g3", 2)),
    )
    second, first = await history.trends()
    assert (first.night, first.visits, dict(first.outcomes)) == (_FIRST, 2, {"completed": 99, "no images": 1})
    assert dict(first.promptness) == {"in time": 30, "late": 69}
    assert (first.median, first.slowest, first.parts["transfer"]) == (80.0, 128.0, 50.0)
    assert second.night == _FIRST + datetime.timedelta(days=1)
    assert (dict(second.outcomes), second.median, second.parts) == ({"failed after change": 1}, None, {})


async def test_a_night_that_is_observed_again_has_no_times() -> None:
    [night] = await (await _history(a_record("g1", since_shutter=2.4e8))).trends()
    assert (dict(night.promptness), night.median, night.slowest) == ({}, None, None)


async def test_one_of_them_is_shown_whole() -> None:
    history = await _history(a_record("g1"), _next_night(a_record("g2")))
    view = await history.night(_FIRST)
    assert (view.summary.night, view.summary.is_live) == (_FIRST, False)
    assert [visit.group for visit in view.visits] == ["g1"]


async def test_before_the_first_night_there_is_none() -> None:
    assert await (await _history()).trends() == []
