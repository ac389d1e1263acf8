"""How a night stands, for any number of viewers."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from attrs import frozen

from domain.results.night_view import NightView
from domain.times import UtcSeconds
from domain.visit import Identity

__all__ = ["LogArchive", "LogLine", "NightBoard"]


class NightBoard(Protocol):
    """A night as it is known now.

    One reader follows the ledger, however many look; nothing asks the workers.
    What cannot be reached is said in the summary, and the last that was known stays.
    """

    def view(self) -> NightView:
        """Give all of the night; cheap, for it is in memory."""
        ...

    def changes(self, since: int) -> AsyncIterator[NightView]:
        """Give what changes after a version, as it happens; what changed already comes at once.

        Of a night that was kept it ends after that. A version that this board never gave
        (its process was started anew) brings all of the night.
        """
        ...


@frozen(kw_only=True)
class LogLine:
    """One line that a process logged about a visit-detector."""

    at: UtcSeconds
    level: str
    process: str
    logger: str
    text: str
    stage: str = ""


class LogArchive(Protocol):
    """What the processes of a night logged, where this is kept within reach."""

    async def lines(self, identity: Identity, limit: int = 500) -> Sequence[LogLine]:
        """List the last lines about a visit-detector in the order of time; nothing if no logs are kept."""
        ...

    @property
    def place(self) -> str:
        """Say where the logs are, for people."""
        ...
