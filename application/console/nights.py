"""Which of the ledger's records are of a night."""

import datetime
from collections.abc import Sequence

from domain.times import UtcSeconds, begin_of_day_obs, day_obs_of
from domain.work.attempts import AttemptRecord
from ports.ledger import Ledger

__all__ = ["last_night", "of_night", "records_of_night"]


async def records_of_night(ledger: Ledger, instrument: str, night: datetime.date) -> list[AttemptRecord]:
    """List the last record of each visit-detector that was worked on in a night."""
    end = begin_of_day_obs(night + datetime.timedelta(days=1))
    begin = begin_of_day_obs(night)
    return [one for one in of_night(await ledger.latest(instrument, begin), begin) if one.begun < end]


async def last_night(ledger: Ledger, instrument: str) -> datetime.date | None:
    """Find the last night of which anything is known; None if nothing is."""
    begun = [record.begun for record in await ledger.latest(instrument)]
    return day_obs_of(max(begun)) if begun else None


def of_night(records: Sequence[AttemptRecord], begin: UtcSeconds) -> list[AttemptRecord]:
    """Leave out what ended before: the ledger tells of whole visits, of which some detectors may have."""
    return [one for one in records if not one.final or one.ended is None or one.ended >= begin]
