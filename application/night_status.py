"""How a night stands: outcomes so far, what is being done, and what was not completed."""

import datetime
from collections import Counter as Tally
from collections.abc import Mapping

from attrs import frozen

from domain.times import UtcSeconds, begin_of_day_obs, day_obs_of
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import RULES, Completed, Ignored, Outcome
from ports.clock import Clock
from ports.ledger import Ledger
from ports.work_queue import QueueDepth, QueueUpkeep

__all__ = ["NightStatus", "night_status"]


@frozen(kw_only=True)
class NightStatus:
    """What ledger and queue say of one instrument since a day_obs began."""

    instrument: str
    night: datetime.date
    at: UtcSeconds
    depth: QueueDepth
    """Dead letters are those of earlier nights too."""
    outcomes: Mapping[str, int]
    """From the name of an outcome to the number of visit-detectors that ended so."""
    running: tuple[AttemptRecord, ...]
    """Attempts under way, oldest first."""
    to_follow: tuple[AttemptRecord, ...]
    """Last attempts of visit-detectors that another one follows."""
    not_completed: tuple[AttemptRecord, ...]
    """Visit-detectors that ended otherwise, but for those that nobody wanted processed."""
    unreadable: Mapping[str, Outcome]
    """Deliveries that nobody can read, by entry, as long as the ledger keeps them."""

    def age(self, record: AttemptRecord) -> float:
        """Seconds since an attempt began; never negative, though clocks may differ."""
        return max(self.at - record.begun, 0.0)


async def night_status(
    instrument: str, stream: str, *, ledger: Ledger, queue: QueueUpkeep, clock: Clock
) -> NightStatus:
    """Look at the night that goes on.

    Parameters
    ----------
    instrument
        Whose.
    stream
        Name of its queue, under which the ledger has unreadable deliveries.
    ledger, queue, clock
        Where to look.

    Raises
    ------
    PromptProcessingError
        Raised if ledger or queue cannot be reached.
    """
    now = clock.utc()
    night = day_obs_of(now)
    begin = begin_of_day_obs(night)
    latest = await ledger.latest(instrument, begin)
    # The ledger tells of whole visits, of which some detectors may have ended the day before.
    finals = [
        record for record in latest if record.final and record.ended is not None and record.ended >= begin
    ]
    left = sorted(
        (record for record in latest if not record.final), key=lambda record: (record.begun, record.attempt)
    )
    return NightStatus(
        instrument=instrument,
        night=night,
        at=now,
        depth=await queue.depth(),
        outcomes=Tally(RULES[type(record.outcome)].name for record in finals),
        running=tuple(record for record in left if record.outcome is None),
        to_follow=tuple(record for record in left if record.outcome is not None),
        not_completed=tuple(
            sorted(
                (record for record in finals if not isinstance(record.outcome, Completed | Ignored)),
                key=lambda record: record.attempt,
            )
        ),
        unreadable=await ledger.unreadable(stream),
    )
