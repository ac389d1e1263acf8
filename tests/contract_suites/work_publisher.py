"""What every producing end of the queue must hold, in memory and for real."""

import abc
import asyncio

import pytest
from attrs import evolve

from domain.times import TaiSeconds
from domain.visit import Identity, VisitDetector
from ports.control import ControlNotes, Superseded
from ports.work_publisher import NoQueueError, Novelty, Published, WorkPublisher
from ports.work_queue import Lease, WorkQueue
from tests.contract_suites.samples import INSTRUMENT, a_visit, some_work

__all__ = ["PublisherBench", "WorkPublisherContract"]


class PublisherBench(abc.ABC):
    """A publisher, and the eyes with which its consumers look."""

    publisher: WorkPublisher
    queue: WorkQueue
    notes: ControlNotes


async def _drain(queue: WorkQueue) -> list[Lease]:
    leases = []
    while (lease := await queue.lease(0.0)) is not None:
        leases.append(lease)
    return leases


def _later(visit_sent: float) -> TaiSeconds:
    return TaiSeconds(visit_sent + 5.0)


class WorkPublisherContract:
    """Tests of `ports.work_publisher.WorkPublisher`."""

    async def test_a_new_visit_is_copied_to_each_detector(self, bench: PublisherBench) -> None:
        published = await bench.publisher.publish(a_visit(), [5, 0, 204])
        assert published == Published(novelty=Novelty.NEW, revision=1, copies=3)
        leases = await _drain(bench.queue)
        assert [lease.work for lease in leases] == [some_work(5), some_work(0), some_work(204)]
        assert {(lease.revision, lease.latest_revision) for lease in leases} == {(1, 1)}

    async def test_a_repeated_visit_adds_nothing(self, bench: PublisherBench) -> None:
        visit = a_visit()
        await bench.publisher.publish(visit, [1, 2])
        again = await bench.publisher.publish(visit, [1, 2])
        sent_again = await bench.publisher.publish(evolve(visit, sent=_later(visit.sent)), [1, 2])
        assert again == sent_again == Published(novelty=Novelty.REPEATED, revision=1, copies=0)
        assert len(await _drain(bench.queue)) == 2

    async def test_a_changed_visit_is_a_new_revision_after_a_note(self, bench: PublisherBench) -> None:
        visit = a_visit()
        changed = evolve(visit, filters="i_06", sent=_later(visit.sent))
        await bench.publisher.publish(visit, [1, 2])
        published = await bench.publisher.publish(changed, [1, 2])
        assert published == Published(novelty=Novelty.CHANGED, revision=2, copies=2)
        leases = await _drain(bench.queue)
        assert [lease.work and lease.work.visit for lease in leases] == [visit, visit, changed, changed]
        assert [(lease.revision, lease.latest_revision) for lease in leases] == [(1, 2)] * 2 + [(2, 2)] * 2
        notes = bench.notes.follow()
        async with asyncio.timeout(5.0):
            found = {await anext(notes), await anext(notes)}
        expected = (Identity(INSTRUMENT, visit.group, detector) for detector in (1, 2))
        assert found == {Superseded(identity=identity, revision=2) for identity in expected}

    async def test_an_older_revision_read_again_is_repeated(self, bench: PublisherBench) -> None:
        first = a_visit()
        second = evolve(first, filters="i_06", sent=_later(first.sent))
        await bench.publisher.publish(first, [1])
        await bench.publisher.publish(second, [1])
        again = await bench.publisher.publish(first, [1])
        assert again == Published(novelty=Novelty.REPEATED, revision=2, copies=0)
        back = await bench.publisher.publish(evolve(first, sent=_later(second.sent)), [1])
        assert back == Published(novelty=Novelty.CHANGED, revision=3, copies=1)

    async def test_groups_are_told_apart(self, bench: PublisherBench) -> None:
        await bench.publisher.publish(a_visit("one"), [1])
        other = await bench.publisher.publish(a_visit("two"), [1])
        assert other.novelty is Novelty.NEW

    async def test_of_two_publishers_at_once_one_wins(self, bench: PublisherBench) -> None:
        found = await asyncio.gather(*[bench.publisher.publish(a_visit(), [1, 2, 3]) for _ in range(5)])
        assert sorted(published.copies for published in found) == [0, 0, 0, 0, 3]
        assert len(await _drain(bench.queue)) == 3

    async def test_a_visit_for_no_detector_is_remembered(self, bench: PublisherBench) -> None:
        assert (await bench.publisher.publish(a_visit(), [])).novelty is Novelty.NEW
        assert (await bench.publisher.publish(a_visit(), [])).novelty is Novelty.REPEATED
        assert await _drain(bench.queue) == []

    async def test_work_is_put_again_whatever_was_published(self, bench: PublisherBench) -> None:
        await bench.publisher.publish(a_visit(), [4])
        await bench.publisher.put_again(some_work(4))
        leases = await _drain(bench.queue)
        assert [lease.work for lease in leases] == [some_work(4)] * 2
        assert leases[0].origin != leases[1].origin

    async def test_the_newest_revision_is_remembered(self, bench: PublisherBench) -> None:
        visit = a_visit(survey='BLOCK-407 \u00e9 \\ "')
        changed = evolve(visit, filters="")
        assert await bench.publisher.announced(INSTRUMENT, visit.group) is None
        await bench.publisher.publish(visit, [1])
        assert await bench.publisher.announced(INSTRUMENT, visit.group) == visit
        await bench.publisher.publish(changed, [1])
        assert await bench.publisher.announced(INSTRUMENT, visit.group) == changed

    async def test_what_was_not_published_can_be_remembered(self, bench: PublisherBench) -> None:
        visit = a_visit(survey='BLOCK-407 \u00e9 \\ "')
        await bench.publisher.remember(evolve(visit, filters=""))
        await bench.publisher.remember(visit)
        assert await bench.publisher.announced(INSTRUMENT, visit.group) == visit
        assert await _drain(bench.queue) == []
        await bench.publisher.put_again(VisitDetector(visit, 4))
        (lease,) = await _drain(bench.queue)
        assert (lease.work, lease.revision, lease.latest_revision) == (VisitDetector(visit, 4), 1, 1)
        assert (await bench.publisher.publish(visit, [4])).novelty is Novelty.NEW

    async def test_what_was_published_is_not_forgotten_for_what_is_remembered(
        self, bench: PublisherBench
    ) -> None:
        await bench.publisher.publish(a_visit(), [1])
        await bench.publisher.remember(a_visit(filters=""))
        assert await bench.publisher.announced(INSTRUMENT, a_visit().group) == a_visit()

    async def test_an_instrument_without_a_queue_is_refused(self, bench: PublisherBench) -> None:
        with pytest.raises(NoQueueError, match="Elsewhere"):
            await bench.publisher.publish(a_visit(instrument="Elsewhere"), [1])
        with pytest.raises(NoQueueError, match="Elsewhere"):
            await bench.publisher.put_again(some_work(1, instrument="Elsewhere"))
        assert await _drain(bench.queue) == []
