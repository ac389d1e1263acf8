"""The nights of which the ledger knows, one beside the other."""

import datetime
import statistics
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from application.console.night_board import KeptNightBoard
from domain.results.night_view import NightView, Trend
from domain.times import day_obs_of
from domain.work.attempts import AttemptRecord
from domain.work.budget import against_budget
from domain.work.outcomes import RULES
from ports.clock import Clock
from ports.ledger import Ledger

__all__ = ["LedgerTrends"]

_MOST: Final = 0.98  # The share of visit-detectors that is to be in time.


class LedgerTrends:
    """Looks back at nights, as far as the ledger goes.

    Parameters
    ----------
    instrument
        Whose.
    ledger, clock
        Where to look.
    """

    def __init__(self, instrument: str, ledger: Ledger, clock: Clock) -> None:
        self._instrument = instrument
        self._ledger = ledger
        self._clock = clock

    async def trends(self) -> Sequence[Trend]:
        """Sum up each night, the newest first; reads all of the ledger.

        Raises
        ------
        ports.ledger.LedgerUnavailableError
            Raised if it cannot be reached.
        """
        nights: defaultdict[datetime.date, list[AttemptRecord]] = defaultdict(list)
        for record in await self._ledger.latest(self._instrument):
            nights[day_obs_of(record.begun)].append(record)
        return [_trend(night, nights[night]) for night in sorted(nights, reverse=True)]

    async def night(self, night: datetime.date) -> NightView:
        """Give all of one night, as it is now.

        Raises
        ------
        ports.ledger.LedgerUnavailableError
            Raised if the ledger cannot be reached.
        """
        board = KeptNightBoard(
            instrument=self._instrument, ledger=self._ledger, clock=self._clock, night=night
        )
        await board.run()
        return board.view()


def _trend(night: datetime.date, records: Sequence[AttemptRecord]) -> Trend:
    finals = [(one, one.outcome) for one in records if one.final and one.outcome is not None]
    fared = [one.promptness for one, _ in finals]
    times = sorted(one.seconds_to_alerts for one, _ in finals if one.seconds_to_alerts is not None)
    return Trend(
        night=night,
        visits=len({one.attempt.identity.group for one in records}),
        outcomes=Tally(RULES[type(outcome)].name for _, outcome in finals),
        promptness=Tally(one.value for one in fared if one is not None),
        median=statistics.median(times) if times else None,
        slowest=times[min(int(_MOST * len(times)), len(times) - 1)] if times else None,
        observed_on=tuple(sorted({one.observed_on for one in records if one.observed_on is not None})),
        parts=_parts(one for one, _ in finals if one.seconds_to_alerts is not None),
    )


def _parts(records: Iterable[AttemptRecord]) -> dict[str, float]:
    spent: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        for row in against_budget(record.seconds, record.since_shutter):
            spent[row.part].append(row.spent)
    return {part: statistics.median(seconds) for part, seconds in spent.items()}
