"""How a night stands: outcomes so far, what is being done, and what was not completed."""

import datetime
from collections import Counter as Tally
from collections.abc import Mapping

from attrs import frozen

from application.console.nights import records_of_night
from domain.times import UtcSeconds, day_obs_of
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import RULES, Completed, Ignored, Outcome
from ports.clock import Clock
from ports.ledger import Ledger
from ports.work_queue import QueueDepth, QueueUpkeep

__all__ = ["InstrumentStatus", "night_status"]


@frozen(kw_only=True)
class InstrumentStatus:
    """What ledger and queue say of one instrument since a day_obs began."""

    instrument: str
    night: datetime.date
    at: UtcSeconds
    depth: QueueDepth | None
    """Dead letters are those of earlier nights too; None of a night that is over."""
    outcomes: Mapping[str, int]
    """From the name of an outcome to the number of visit-detectors that ended so."""
    promptness: Mapping[str, int]
    """From `domain.work.promptness.Promptness` to visit-detectors."""
    running: tuple[AttemptRecord, ...]
    """Attempts under way, oldest first."""
    to_follow: tuple[AttemptRecord, ...]
    """Last attempts of visit-detectors that another one follows."""
    not_completed: tuple[AttemptRecord, ...]
    """Visit-detectors that ended otherwise, but for those that nobody wanted processed."""
    held: tuple[AttemptRecord, ...]
    """Visit-detectors whose alerts wait for a person."""
    records: tuple[AttemptRecord, ...]
    """Of all visit-detectors, in their order."""
    unreadable: Mapping[str, Outcome]
    """Deliveries that nobody can read, by entry, as long as the ledger keeps them."""

    def age(self, record: AttemptRecord) -> float:
        """Seconds since an attempt began; never negative, though clocks may differ."""
        return max(self.at - record.begun, 0.0)


async def night_status(
    instrument: str,
    stream: str,
    *,
    ledger: Ledger,
    queue: QueueUpkeep | None,
    clock: Clock,
    night: datetime.date | None = None,
) -> InstrumentStatus:
    """Look at a night.

    Parameters
    ----------
    instrument
        Whose.
    stream
        Name of its queue, under which the ledger has unreadable deliveries.
    ledger, queue, clock
        Where to look; of a night that is over there is no queue.
    night
        Which; None is the one that goes on.

    Raises
    ------
    PromptProcessingError
        Raised if ledger or queue cannot be reached.
    """
    now = clock.utc()
    night = night or day_obs_of(now)
    latest = await records_of_night(ledger, instrument, night)
    finals = [record for record in latest if record.final]
    left = sorted(
        (record for record in latest if not record.final), key=lambda record: (record.begun, record.attempt)
    )
    return InstrumentStatus(
        instrument=instrument,
        night=night,
        at=now,
        depth=None if queue is None else await queue.depth(),
        outcomes=Tally(RULES[type(record.outcome)].name for record in finals),
        promptness=Tally(one.promptness.value for one in finals if one.promptness is not None),
        running=tuple(record for record in left if record.outcome is None),
        to_follow=tuple(record for record in left if record.outcome is not None),
        not_completed=tuple(
            sorted(
                (record for record in finals if not isinstance(record.outcome, Completed | Ignored)),
                key=lambda record: record.attempt,
            )
        ),
        held=tuple(sorted((one for one in finals if one.held), key=lambda record: record.attempt)),
        records=tuple(sorted(latest, key=lambda record: record.attempt)),
        unreadable=await ledger.unreadable(stream),
    )
