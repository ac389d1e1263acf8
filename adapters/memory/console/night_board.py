"""A night that a test or a generator tells, and what was logged in it."""

import datetime
from collections.abc import Sequence

from attrs import evolve

from application.console.night_state import BoardState, no_work_yet
from domain.results.night_view import NeighbourHealth, QueueCounts
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import AttemptRecord
from ports.night_board import LogLine

__all__ = ["MemoryLogArchive", "MemoryNightBoard"]


class MemoryNightBoard(BoardState):
    """`ports.night_board.NightBoard`, by what it is told.

    Parameters
    ----------
    instrument
        Whose night.
    night
        Its day_obs.
    at
        When it was last looked at.
    """

    def __init__(self, instrument: str, night: datetime.date, at: UtcSeconds) -> None:
        super().__init__(no_work_yet(instrument, night, at))

    def tell(self, *records: AttemptRecord, at: UtcSeconds | None = None) -> None:
        """Take records as a reader of the ledger finds them."""
        self.told(records, evolve(self.summary, at=self.summary.at if at is None else at))

    def tell_of(self, queue: QueueCounts | None, *neighbours: NeighbourHealth) -> None:
        """Take what queue and neighbours say."""
        self.told((), evolve(self.summary, queue=queue, neighbours=neighbours))

    def end(self) -> None:
        """Let nothing change any more, as in a night that was kept."""
        self.told((), evolve(self.summary, is_live=False))


class MemoryLogArchive:
    """`ports.night_board.LogArchive`, of lines that are put into `logged`."""

    place = "in memory"

    def __init__(self) -> None:
        self.logged: dict[Identity, list[LogLine]] = {}

    async def lines(self, identity: Identity, limit: int = 500) -> Sequence[LogLine]:
        """List the last lines about a visit-detector."""
        found = sorted(self.logged.get(identity, ()), key=lambda line: line.at)
        return found[-limit:]
