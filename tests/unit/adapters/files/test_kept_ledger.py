"""The ledger of a night that is over can be read, and only read."""

from pathlib import Path

import pytest

from adapters.files.kept_ledger import KeptHistories, write_histories
from adapters.host.clock import SystemClock
from adapters.memory.history_store import MemoryHistoryStore
from application.ledger import StoredLedger
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.about import AboutVisit
from domain.work.attempts import AttemptNotes
from domain.work.history import WorkHistory
from domain.work.outcomes import Completed, FailedBeforeChange
from ports.ledger import LedgerUnavailableError
from tests.contract_suites.ledger import a_lease
from tests.contract_suites.samples import INSTRUMENT, some_work


async def a_night() -> list[WorkHistory]:
    """Work on two visits, of which one is tried again."""
    store = MemoryHistoryStore(SystemClock())
    ledger = StoredLedger(store)
    about = AboutVisit.of(some_work().visit)
    for group, outcome, final in (
        ("g1", FailedBeforeChange(reason="no calibrations \u00e9"), False),
        ("g1", Completed(pipeline="ApPipe"), True),
        ("g 2/#", Completed(pipeline="Isr"), True),
    ):
        identity = Identity(INSTRUMENT, group, 4)
        times = len(await ledger.history(identity)) + 1
        begun = await ledger.begin(identity, "worker", a_lease(times=times))
        notes = AttemptNotes(seconds={"process": 5.5}, since_shutter=31.5, about=about)
        await ledger.record(begun.attempt, outcome, final=final, notes=notes)
    return [one for one in await store.histories(INSTRUMENT) if isinstance(one, WorkHistory)]


async def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    night = await a_night()
    path = tmp_path / "ledger.jsonl"
    write_histories(night, path)
    async with KeptHistories(path) as kept:
        assert list(kept.instruments) == [INSTRUMENT]
        assert list(await kept.histories(INSTRUMENT)) == night
        assert await kept.history(night[0].identity) == night[0]
        assert await kept.history(Identity(INSTRUMENT, "g1", 5)) == WorkHistory(Identity(INSTRUMENT, "g1", 5))
        assert list(await kept.histories("LATISS")) == []


async def test_visits_are_left_out_on_which_nothing_was_recorded_since(tmp_path: Path) -> None:
    night = await a_night()
    path = tmp_path / "ledger.jsonl"
    write_histories(night, path)
    last = night[1].last
    assert last is not None
    assert last.ended is not None
    async with KeptHistories(path) as kept:
        assert list(await kept.histories(INSTRUMENT, last.ended)) == [night[1]]
        assert list(await kept.histories(INSTRUMENT, UtcSeconds(last.ended + 1))) == []


async def test_nothing_is_recorded_any_more(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    write_histories(await a_night(), path)
    async with KeptHistories(path) as kept:
        ledger = StoredLedger(kept)
        with pytest.raises(LedgerUnavailableError, match="a night that is over"):
            await ledger.begin(Identity(INSTRUMENT, "g9", 4), "worker", a_lease())


@pytest.mark.parametrize(
    ("content", "match"), [(None, "No such file"), (b"\xff\n", "utf-8"), (b"[]\n", "line 1: no record")]
)
async def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes | None, match: str) -> None:
    path = tmp_path / "ledger.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LedgerUnavailableError, match=match):
        await KeptHistories(path).open()
