"""What becomes of announcements that nobody can work on, on adapters in memory."""

import asyncio
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.announcements import MemoryAnnouncements
from adapters.memory.history_store import MemoryHistoryStore
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.queue.control import MemoryControl
from adapters.memory.queue.dead_announcements import MemoryDeadAnnouncements
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_publisher import MemoryWorkPublisher
from application.fan_out import FanOut, FanOutPolicy
from application.ledger import StoredLedger
from domain.fan_out import FanOutConfig
from domain.times import TaiSeconds, tai_from_utc
from domain.visit import Cancellation, Visit
from ports.announcements import Announcement, NotForUs, Unreadable
from ports.metrics import Counter
from tests.contract_suites.samples import a_visit
from tests.ledger_records import final_records
from tests.strategies.visits import cancellations, visits
from tests.unit.application.night import LoopClock

KNOWN = ("Lowell", "NoStream", "NoDetectors")


class Box:
    """A fan-out that serves one instrument well, and two that are half configured."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.metrics = MemoryMetrics()
        self.announcements = MemoryAnnouncements()
        self.control = MemoryControl(self.clock)
        self.dead = MemoryDeadAnnouncements()
        self.histories = MemoryHistoryStore(self.clock)
        self.ledger = StoredLedger(self.histories, self.metrics)
        self.queue = MemoryQueueStore(self.clock)
        self.publisher = MemoryWorkPublisher({"Lowell": self.queue}, self.control)
        self.fan_out = FanOut(
            policy=FanOutPolicy(instruments=frozenset(KNOWN), message_expiration=3600.0, retry_delay=1.0),
            config=FanOutConfig(
                streams={"Lowell": "memory", "NoDetectors": "memory"},
                detectors={"Lowell": frozenset({1, 2}), "NoStream": frozenset({1})},
            ),
            announcements=self.announcements,
            publisher=self.publisher,
            control=self.control,
            dead=self.dead,
            ledger=self.ledger,
            clock=self.clock,
            metrics=self.metrics,
        )

    def visit(self, **changes: Any) -> Visit:
        return evolve(a_visit(), sent=tai_from_utc(self.clock.utc()), **changes)


def dropped(box: Box) -> int:
    return box.metrics.total(Counter.ANNOUNCEMENTS_DROPPED)


@pytest.mark.looptime
async def test_what_nobody_can_work_on_is_set_aside_with_its_reason() -> None:
    box = Box()
    contents: list[Visit | NotForUs | Unreadable] = [
        Unreadable("no schema"),
        NotForUs("no instrument"),
        box.visit(instrument="Elsewhere"),
        box.visit(instrument="NoStream"),
        box.visit(instrument="NoDetectors"),
        box.visit(),
    ]
    for number, content in enumerate(contents):
        await box.fan_out.handle(Announcement(content=content, position=str(number), body=b"as it came"))
    assert [(each.position, each.body, reason.partition(":")[0]) for each, reason in box.dead.kept] == [
        ("0", b"as it came", "unreadable"),
        ("2", b"as it came", "unsupported instrument"),
        ("3", b"as it came", "invalid"),
        ("4", b"as it came", "invalid"),
    ]
    assert dropped(box) == 5
    assert box.queue.depth().waiting == 2


@pytest.mark.looptime
async def test_nothing_is_settled_before_it_is_set_aside() -> None:
    box = Box()
    box.dead.outage = "cut off"
    await box.announcements.announce(Unreadable("no schema"))
    await box.announcements.announce(box.visit())
    running = asyncio.create_task(box.fan_out.run())
    await asyncio.sleep(10.0)
    assert (box.announcements.unsettled, dropped(box)) == (2, 0)
    box.dead.outage = ""
    await asyncio.sleep(5.0)
    assert (box.announcements.unsettled, dropped(box)) == (0, 1)
    assert box.queue.depth().waiting == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.looptime
async def test_what_fails_is_tried_less_and_less_often(caplog: pytest.LogCaptureFixture) -> None:
    box = Box()
    box.dead.outage = "cut off"
    await box.announcements.announce(Unreadable("no schema"))
    running = asyncio.create_task(box.fan_out.run())
    await asyncio.sleep(20.0)
    assert [record.getMessage().rpartition("retrying in ")[2] for record in caplog.records] == [
        "1 s",
        "2 s",
        "4 s",
        "5 s",
        "5 s",
        "5 s",
    ]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.looptime
async def test_a_visit_that_expired_can_be_found_again() -> None:
    box = Box()
    old = evolve(a_visit(), sent=TaiSeconds(box.visit().sent - 4000.0))
    await box.fan_out.handle(Announcement(content=old, position="0"))
    assert await box.publisher.announced("Lowell", old.group) == old
    finals = await final_records(box.ledger, "Lowell")
    assert sorted(record.attempt.identity.detector for record in finals) == [1, 2]
    assert box.queue.depth().waiting == 0


@given(st.lists(visits(instruments=st.sampled_from([*KNOWN, "Elsewhere"])) | cancellations(), max_size=5))
def test_no_legal_announcement_stops_it(contents: list[Visit | Cancellation]) -> None:
    async def play() -> tuple[int, int]:
        box = Box()
        for number, content in enumerate(contents):
            await box.fan_out.handle(Announcement(content=content, position=str(number)))
        good = box.visit(group="the last one")
        await box.fan_out.handle(Announcement(content=good, position="last"))
        finals = [record.attempt.identity for record in await final_records(box.ledger, "Lowell")]
        return box.queue.depth().waiting, len(finals)

    waiting, expired = asyncio.run(play())
    served = {one.group for one in contents if isinstance(one, Visit) and one.instrument == "Lowell"}
    assert waiting + expired >= 2 * len(served) + 2
    assert (waiting + expired) % 2 == 0
