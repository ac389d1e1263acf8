"""The producing end of the queue in memory."""

from collections.abc import Collection, Iterable, Mapping

from attrs import evolve, frozen

from adapters.memory.queue.control import MemoryControl
from adapters.memory.queue.queue_store import MemoryQueueStore
from domain.times import TaiSeconds
from domain.visit import Identity, Visit, VisitDetector
from ports.control import Superseded
from ports.work_publisher import NoQueueError, Novelty, Published

__all__ = ["MemoryWorkPublisher"]


@frozen
class _Mark:
    """What was published of one visit."""

    newest: Visit
    revision: int
    sent: dict[Visit, TaiSeconds]
    """When each revision was sent, by its contents."""


class MemoryWorkPublisher:
    """`ports.work_publisher.WorkPublisher` on shared stores.

    Parameters
    ----------
    stores
        From instrument to the store of its queue.
    control
        Where notes go.
    """

    def __init__(self, stores: Mapping[str, MemoryQueueStore], control: MemoryControl) -> None:
        self._stores = stores
        self._control = control
        self._marks: dict[tuple[str, str], _Mark] = {}
        self._remembered: dict[tuple[str, str], Visit] = {}

    async def publish(self, visit: Visit, detectors: Iterable[int]) -> Published:
        """Add the copies of a visit, all in one step."""
        store = self._store(visit.instrument)
        key = (visit.instrument, visit.group)
        # What the store has lost, the mark is lost with it.
        mark = self._marks.get(key) if key in store.revisions else None
        copies = list(detectors)
        if mark is not None and _is_repeated(visit, mark):
            return Published(novelty=Novelty.REPEATED, revision=mark.revision, copies=0)
        revision = 1 if mark is None else mark.revision + 1
        sent = {_contents(visit): visit.sent}
        self._marks[key] = _Mark(visit, revision, sent if mark is None else mark.sent | sent)
        store.revisions[key] = revision
        store.steps += 1
        if mark is not None:
            for detector in copies:
                identity = Identity(visit.instrument, visit.group, detector)
                self._control.put_now(Superseded(identity=identity, revision=revision))
        for detector in copies:
            store.add(VisitDetector(visit, detector), revision=revision)
        novelty = Novelty.NEW if mark is None else Novelty.CHANGED
        return Published(novelty=novelty, revision=revision, copies=len(copies))

    async def restore(self, visit: Visit, detectors: Collection[int]) -> int:
        """Add what the queue has lost, and the mark if that is lost."""
        store, key = self._store(visit.instrument), (visit.instrument, visit.group)
        if key not in store.revisions:
            self._marks[key] = _Mark(visit, 1, {_contents(visit): visit.sent})
            store.revisions[key] = 1
        for detector in detectors:
            store.add(VisitDetector(visit, detector), revision=store.revisions[key])
        store.steps += bool(detectors)
        return len(detectors)

    async def put_again(self, work: VisitDetector) -> None:
        """Add one visit-detector, whatever was published before."""
        store = self._store(work.visit.instrument)
        revision = store.revisions.get((work.visit.instrument, work.visit.group), 1)
        store.add(work, revision=revision)

    async def remember(self, visit: Visit) -> None:
        """Note a visit that is not published."""
        self._store(visit.instrument)
        self._remembered[visit.instrument, visit.group] = visit

    async def announced(self, instrument: str, group: str) -> Visit | None:
        """Find the newest revision of a visit."""
        mark = self._marks.get((instrument, group))
        return self._remembered.get((instrument, group)) if mark is None else mark.newest

    def _store(self, instrument: str) -> MemoryQueueStore:
        if instrument not in self._stores:
            raise NoQueueError(f"no queue is configured for instrument {instrument}")
        return self._stores[instrument]


def _contents(visit: Visit) -> Visit:
    return evolve(visit, sent=TaiSeconds(0.0))


def _is_repeated(visit: Visit, mark: _Mark) -> bool:
    contents = _contents(visit)
    if contents == _contents(mark.newest):
        return True
    return contents in mark.sent and visit.sent <= mark.sent[contents]
