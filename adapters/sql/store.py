"""Histories and claims in the tables of a database."""

from collections.abc import Callable, Collection, Iterable, Sequence

import sqlalchemy as sa

from adapters.common.history import (
    history_from_json,
    history_to_json,
    outcome_from_json,
    outcome_to_json,
    read_or_fault,
)
from adapters.sql.database import Database, lock, now
from adapters.sql.tables import CLAIM, HISTORY, TURN, UNREAD, insert, is_postgresql
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt
from domain.work.history import WorkHistory
from domain.work.outcomes import Outcome
from ports.ledger import ClaimedElsewhereError, LedgerRecordError

__all__ = ["SqlStore"]

_KEPT_SECONDS = 7 * 86_400.0


class SqlStore(Database):
    """What both ends use, synchronously.

    Parameters
    ----------
    address, timeout
        As for `Database`.
    """

    def change[T](
        self,
        identity: Identity,
        change: Callable[[WorkHistory, UtcSeconds], tuple[WorkHistory, T]],
        owned: Iterable[tuple[int, Attempt]] = (),
    ) -> T:
        """Replace a history, and take claims on exposures with it."""
        with self.transaction() as connection:
            return _change(connection, identity, change, owned)

    def change_each(
        self,
        instrument: str,
        group: str,
        detectors: Collection[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> Sequence[LedgerRecordError]:
        """Replace the histories of a visit's detectors, all of them or none."""
        faults = []
        with self.transaction() as connection:
            # In one order, or two who do so at once might wait for each other.
            for detector in sorted(detectors):
                try:
                    _change(
                        connection,
                        Identity(instrument, group, detector),
                        lambda history, time: (change(history, time), None),
                    )
                except LedgerRecordError as error:
                    faults.append(error)
        return faults

    def history(self, identity: Identity) -> WorkHistory:
        """Read one history."""
        with self.reading() as connection:
            return _read(connection, identity)

    def histories(
        self, instrument: str, since: UtcSeconds | None
    ) -> Sequence[WorkHistory | LedgerRecordError]:
        """Read all histories of the visits on which something was recorded since then."""
        of = HISTORY.c
        recent = sa.select(of.visit_group).where(of.instrument == instrument, of.stored >= (since or 0.0))
        query = sa.select(of.visit_group, of.detector, of.record).where(
            of.instrument == instrument, of.visit_group.in_(recent)
        )
        with self.reading() as connection:
            return [
                read_or_fault(Identity(instrument, group, detector), record)
                for group, detector, record in connection.execute(query)
            ]

    def put_unreadable(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Record a delivery that has no identity."""
        with self.transaction() as connection:
            row = insert(connection, UNREAD).values(
                queue=queue, entry=entry, outcome=outcome_to_json(outcome), stored=now(connection)
            )
            new = {"outcome": row.excluded.outcome, "stored": row.excluded.stored}
            connection.execute(row.on_conflict_do_update(index_elements=["queue", "entry"], set_=new))

    def unreadable(self, queue: str) -> dict[str, Outcome]:
        """List the deliveries that have no identity."""
        query = sa.select(UNREAD.c.entry, UNREAD.c.outcome).where(UNREAD.c.queue == queue)
        with self.reading() as connection:
            return {entry: outcome_from_json(outcome) for entry, outcome in connection.execute(query)}

    def take_turn(self, what: str, holder: str, seconds: float) -> bool:
        """Take a turn at something that one process does at a time, or keep it."""
        with self.transaction() as connection:
            time = now(connection)
            row = insert(connection, TURN).values(what=what, holder=holder, until=time + seconds)
            taken = row.on_conflict_do_update(
                index_elements=["what"],
                set_={"holder": row.excluded.holder, "until": row.excluded.until},
                where=(TURN.c.holder == row.excluded.holder) | (TURN.c.until <= time),
            )
            return bool(connection.execute(taken).rowcount)

    def forget(self) -> int:
        """Delete the histories and claims of visits on which nothing was recorded for a week.

        A file of SQLite is never too large for its machine, and keeps them.
        """
        with self.transaction() as connection:
            if not is_postgresql(connection):
                return 0
            oldest = now(connection) - _KEPT_SECONDS
            of, other = HISTORY.c, HISTORY.alias().c
            newer = sa.exists().where(
                other.instrument == of.instrument, other.visit_group == of.visit_group, other.stored >= oldest
            )
            gone = connection.execute(HISTORY.delete().where(of.stored < oldest, ~newer)).rowcount
            # A claim is made with a record of its work, and goes with it.
            known = sa.exists().where(
                of.instrument == CLAIM.c.instrument, of.visit_group == CLAIM.c.visit_group
            )
            connection.execute(CLAIM.delete().where(~known))
            connection.execute(UNREAD.delete().where(UNREAD.c.stored < oldest))
            return gone

    def check_durable(self) -> Sequence[str]:
        """Say which settings of PostgreSQL keep it from outliving a crash; SQLite has none."""
        with self.reading() as connection:
            if not is_postgresql(connection):
                return []
            wrong = {"fsync": {"off"}, "synchronous_commit": {"off"}, "full_page_writes": {"off"}}
            found = {name: str(connection.execute(sa.text(f"SHOW {name}")).scalar()) for name in wrong}
            return [f"PostgreSQL has {name} = {found[name]}" for name in wrong if found[name] in wrong[name]]


def _change[T](
    connection: sa.Connection,
    identity: Identity,
    change: Callable[[WorkHistory, UtcSeconds], tuple[WorkHistory, T]],
    owned: Iterable[tuple[int, Attempt]] = (),
) -> T:
    lock(connection, identity)
    before, time = _read(connection, identity), now(connection)
    after, answer = change(before, time)
    for exposure, attempt in sorted(owned):
        _own(connection, exposure, attempt)
    if after != before:
        row = insert(connection, HISTORY).values(**_key(identity), record=history_to_json(after), stored=time)
        new = {"record": row.excluded.record, "stored": row.excluded.stored}
        connection.execute(row.on_conflict_do_update(index_elements=[*_key(identity)], set_=new))
    return answer


def _key(identity: Identity) -> dict[str, str | int]:
    return {
        "instrument": identity.instrument,
        "visit_group": identity.group,
        "detector": identity.detector,
    }


def _read(connection: sa.Connection, identity: Identity) -> WorkHistory:
    query = sa.select(HISTORY.c.record).filter_by(**_key(identity))
    return history_from_json(identity, connection.execute(query).scalar())


def _own(connection: sa.Connection, exposure: int, attempt: Attempt) -> None:
    identity = attempt.identity
    place = {"instrument": identity.instrument, "exposure": exposure, "detector": identity.detector}
    row = insert(connection, CLAIM).values(**place, visit_group=identity.group, attempt=attempt.number)
    mine = row.on_conflict_do_update(
        index_elements=[*place],
        set_={"attempt": row.excluded.attempt},
        where=CLAIM.c.visit_group == row.excluded.visit_group,
    )
    connection.execute(mine)
    holder = connection.execute(sa.select(CLAIM.c.visit_group).filter_by(**place)).scalar_one()
    if holder != identity.group:
        raise ClaimedElsewhereError(f"exposure {exposure} belongs to group {holder}")
