"""The producing end of the queue in an SQLite file: one transaction for each visit."""

import json
import math
import sqlite3
from collections.abc import Collection, Iterable

from adapters.common.visit_record import record_of_visit, visit_from_record
from adapters.sqlite.adapter import now, row_of
from adapters.sqlite.control import put_note
from adapters.sqlite.deliveries import add, exhume, newest_revision
from adapters.sqlite.queue_file import QueueAdapter
from domain.visit import Identity, Visit, VisitDetector
from ports.control import Superseded
from ports.work_publisher import NoQueueError, Novelty, Published
from ports.work_queue import QueueUnavailableError

__all__ = ["SqliteWorkPublisher"]

_SENT = "private_sndStamp"


class SqliteWorkPublisher(QueueAdapter):
    """`ports.work_publisher.WorkPublisher`; each instrument's queue is called like it.

    Parameters
    ----------
    address, timeout
        As for `adapters.sqlite.file.SqliteFile`.
    instruments
        Those that have a queue.
    old_after
        Seconds after its start from when on a visit is old when it is put into the queue: it is leased
        once nothing newer waits.
    is_first_final
        Whether a visit stays as it was published first, other contents being the same again: headers of
        several detectors, of which visits are made, differ in what concerns no visit.
    """

    def __init__(
        self,
        address: str,
        *,
        instruments: Collection[str],
        old_after: float = math.inf,
        is_first_final: bool = False,
        timeout: float = 5.0,
    ) -> None:
        super().__init__(address, unavailable=QueueUnavailableError, timeout=timeout)
        self._instruments = frozenset(instruments)
        self._old_after = old_after
        self._is_first_final = is_first_final

    async def publish(self, visit: Visit, detectors: Iterable[int]) -> Published:
        """Add the copies of a visit and its mark."""
        self._check(visit.instrument)
        copies = list(detectors)

        def publish(connection: sqlite3.Connection) -> Published:
            newest = newest_revision(connection, visit.instrument, visit.group)
            if newest and self._is_first_final:
                return Published(novelty=Novelty.REPEATED, revision=newest, copies=0)
            return _publish(connection, visit, copies, newest, self._old_after)

        return await self._change(publish)

    async def put_again(self, work: VisitDetector) -> None:
        """Add one visit-detector, whatever was published before."""
        self._check(work.visit.instrument)
        await self._change(lambda connection: _put_again(connection, work, self._old_after))

    async def remember(self, visit: Visit) -> None:
        """Note a visit that is not published."""
        self._check(visit.instrument)
        values = (visit.instrument, visit.group, json.dumps(record_of_visit(visit)), now())
        await self._change(
            lambda connection: connection.execute("REPLACE INTO remembered VALUES (?, ?, ?, ?)", values)
        )

    async def announced(self, instrument: str, group: str) -> Visit | None:
        """Find the newest revision of a visit."""
        return await self._read(lambda connection: _announced(connection, instrument, group))

    def _check(self, instrument: str) -> None:
        if instrument not in self._instruments:
            raise NoQueueError(f"no queue is configured for instrument {instrument}")


def _publish(
    connection: sqlite3.Connection, visit: Visit, copies: Collection[int], newest: int, old_after: float
) -> Published:
    contents = _contents(visit)
    known = row_of(
        connection,
        "SELECT revision, sent FROM published WHERE instrument = ? AND visit_group = ? AND contents = ?",
        visit.instrument,
        visit.group,
        contents,
    )
    # An older revision counts as read again unless it was sent again.
    if known is not None and (known[0] == newest or visit.sent <= known[1]):
        return Published(novelty=Novelty.REPEATED, revision=newest, copies=0)
    revision, time = newest + 1, now()
    connection.execute(
        "REPLACE INTO published VALUES (?, ?, ?, ?, ?, ?)",
        (visit.instrument, visit.group, contents, revision, visit.sent, time),
    )
    for detector in copies:
        if newest:
            identity = Identity(visit.instrument, visit.group, detector)
            put_note(connection, Superseded(identity=identity, revision=revision))
        work = VisitDetector(visit, detector)
        add(connection, visit.instrument, work, revision=revision, enqueued=time, old_after=old_after)
    novelty = Novelty.CHANGED if newest else Novelty.NEW
    return Published(novelty=novelty, revision=revision, copies=len(copies))


def _put_again(connection: sqlite3.Connection, work: VisitDetector, old_after: float) -> None:
    queue = work.visit.instrument
    revision = newest_revision(connection, queue, work.visit.group) or 1
    add(connection, queue, work, revision=revision, enqueued=now(), old_after=old_after)
    exhume(connection, queue, work)


def _announced(connection: sqlite3.Connection, instrument: str, group: str) -> Visit | None:
    published = row_of(
        connection,
        "SELECT contents, sent FROM published WHERE instrument = ? AND visit_group = ?"
        " ORDER BY revision DESC LIMIT 1",
        instrument,
        group,
    )
    if published is not None:
        return visit_from_record({**json.loads(published[0]), _SENT: published[1]})
    remembered = row_of(
        connection,
        "SELECT visit FROM remembered WHERE instrument = ? AND visit_group = ?",
        instrument,
        group,
    )
    return None if remembered is None else visit_from_record(json.loads(remembered[0]))


def _contents(visit: Visit) -> str:
    """Write what tells a changed visit from a repeated one: all but when it was sent."""
    record = record_of_visit(visit)
    del record[_SENT]
    return json.dumps(record, sort_keys=True)
