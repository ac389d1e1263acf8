"""Dead letters that are replayed and discarded, on adapters in memory."""

import pytest
from attrs import evolve, frozen

from adapters.memory.history_store import MemoryClaimStore, MemoryHistoryStore
from adapters.memory.queue.dead_letters import MemoryWorkLetters
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_queue import MemoryQueueUpkeep, MemoryWorkQueue
from application.dead_letters import AnnouncementDesk, Selection, WorkDesk, discarded, replayed
from application.ledger import StoredClaims, StoredLedger
from domain.times import TaiSeconds
from domain.visit import Cancellation, Visit
from domain.work.outcomes import FailedBeforeChange
from ports.announcements import Announcement, Unreadable
from ports.dead_letters import DeadLetter
from tests.contract_suites.samples import LoopClock, some_work
from tests.unit.application.test_fan_out import Box

pytestmark = pytest.mark.looptime


class _Night:
    """A queue whose work has failed too often, once with a claim."""

    def __init__(self) -> None:
        clock = LoopClock()
        self.store = MemoryQueueStore(clock)
        self.histories = MemoryHistoryStore(clock)
        self.ledger = StoredLedger(self.histories)
        self.queue = MemoryWorkQueue(self.store, "a")
        self.desk = WorkDesk(
            letters=MemoryWorkLetters(self.store), ledger=self.ledger, queue=MemoryQueueUpkeep(self.store)
        )

    async def fail(self, detector: int, *, with_claim: bool = False) -> None:
        work = some_work(detector)
        self.store.add(work)
        lease = await self.queue.lease(0.0)
        assert lease is not None
        record = await self.ledger.begin(work.identity, "a", lease)
        if with_claim:
            StoredClaims(MemoryClaimStore(self.histories)).claim(record.attempt, [detector])
        await self.ledger.record(record.attempt, FailedBeforeChange(reason="no APDB"), final=True)
        await self.queue.set_aside(lease, "failed 3 times: no APDB")


async def test_what_is_replayed_is_worked_on_again() -> None:
    night = _Night()
    await night.fail(4)
    letters = await night.desk.letters.letters()
    [would] = await replayed(night.desk, letters, dry_run=True)
    assert (would.is_done, night.store.depth().waiting) == (True, 0)
    [done] = await replayed(night.desk, letters, dry_run=False)
    assert done.is_done
    lease = await night.queue.lease(0.0)
    assert lease is not None
    record = await night.ledger.begin(some_work(4).identity, "a", lease)
    assert (record.attempt.number, record.outcome, record.turn) == (2, None, 1)
    [again] = await replayed(night.desk, letters, dry_run=False)
    assert (again.is_done, again.said) == (False, "its work is in the queue already")


async def test_work_that_may_have_changed_anything_is_not_replayed() -> None:
    night = _Night()
    await night.fail(4, with_claim=True)
    [done] = await replayed(night.desk, await night.desk.letters.letters(), dry_run=False)
    assert not done.is_done
    assert "permanent changes" in done.said
    assert (night.store.depth().waiting, night.store.depth().dead) == (0, 1)


async def test_what_is_discarded_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    night = _Night()
    await night.fail(4)
    letters = await night.desk.letters.letters()
    [done] = await discarded(night.desk, letters, "a test exposure", dry_run=False)
    assert (done.is_done, night.store.depth().dead) == (True, 0)
    assert "discarded: a test exposure" in caplog.text
    [gone] = await discarded(night.desk, letters, "again", dry_run=False)
    assert not gone.is_done


async def test_selections_choose_what_has_all_that_they_say() -> None:
    night = _Night()
    for detector in (4, 5, 6):
        await night.fail(detector)
    letters = await night.desk.letters.letters()
    wanted = [
        Selection(detector=5),
        Selection(ids=frozenset({letters[1].id})),
        Selection(group=letters[1].group, detector=5, reason="NO apdb", since=letters[1].since),
    ]
    assert [[letter.detector for letter in letters if one.has(letter)] for one in wanted] == [[5]] * 3
    none = [Selection(reason="else"), Selection(visit=7), Selection(before=letters[0].since)]
    assert not any(one.has(letter) for one in none for letter in letters)


@frozen
class _Announced:
    """The fan-out's dead letters, and what each is read as."""

    box: Box
    contents: dict[str, Visit | Cancellation | Unreadable]
    whole: bool = True

    async def letters(self) -> list[DeadLetter]:
        return [
            DeadLetter(id=name, origin=name, reason="", since=self.box.clock.utc(), is_whole=self.whole)
            for name in self.contents
        ]

    async def discard(self, letter: DeadLetter, reason: str) -> bool:  # noqa: ARG002 - the port's
        return self.contents.pop(letter.id, None) is not None

    async def decode(self, letter: DeadLetter) -> Announcement:
        return Announcement(content=self.contents[letter.id], position=letter.id)

    def desk(self) -> AnnouncementDesk:
        return AnnouncementDesk(letters=self, fan_out=self.box.fan_out, decode=self.decode)


async def test_an_announcement_is_published_once_however_old_it_is() -> None:
    box = Box()
    visit = box.visit()
    old = evolve(visit, group="old", sent=TaiSeconds(visit.sent - 7200.0))
    place = _Announced(box, {"1": visit, "2": old, "3": Unreadable("no Avro"), "4": visit})
    done = await replayed(place.desk(), await place.letters(), dry_run=False)
    assert [one.is_done for one in done] == [True, True, False, True]
    assert "repeated, 0 copies" in done[3].said
    assert list(place.contents) == ["3"]
    assert box.queue.depth().waiting == 4
    # Its age runs from now, so no worker lets it expire.
    leases = [await MemoryWorkQueue(box.queue, "a").lease(0.0) for _ in range(4)]
    [of_old] = [
        each
        for each in leases
        if each and each.work and (each.work.visit.group, each.work.detector) == ("old", 1)
    ]
    assert of_old.work is not None
    record = await box.ledger.begin(of_old.work.identity, "a", of_old)
    assert record.requeued is not None


async def test_an_announcement_older_than_what_was_published_since_is_left() -> None:
    box = Box()
    visit = box.visit()
    later = evolve(visit, duration=visit.duration + 1.0, sent=TaiSeconds(visit.sent + 5.0))
    await box.publisher.publish(later, [1, 2])
    place = _Announced(box, {"1": visit})
    [done] = await replayed(place.desk(), await place.letters(), dry_run=False)
    assert (done.is_done, box.queue.depth().waiting) == (False, 2)
    assert "a later announcement" in done.said


async def test_half_an_announcement_is_left() -> None:
    box = Box()
    place = _Announced(box, {"1": box.visit()}, whole=False)
    [done] = await replayed(place.desk(), await place.letters(), dry_run=False)
    assert (done.is_done, box.queue.depth().waiting) == (False, 0)
