"""Nights beside one another, read from the ledger now and then."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from adapters.console.night import ConsoleNight
from application.console.history import LedgerTrends
from domain.results.night_view import Trend

__all__ = ["Trends"]

_OLD: Final = 60.0
"""Seconds after which the ledger is read anew; all of it is read for the trends."""


class Trends:
    """Sums up the nights, and remembers that for a while.

    Parameters
    ----------
    night
        Whose ledger is looked back into.
    """

    def __init__(self, night: ConsoleNight) -> None:
        self._night = night
        self._read: tuple[float, Sequence[Trend]] = 0.0, ()
        self._lock = asyncio.Lock()

    async def all(self) -> Sequence[Trend]:
        """Sum up each night, the newest first."""
        async with self._lock:
            if time.monotonic() - self._read[0] > _OLD or not self._read[1]:
                instrument = self._night.board.view().summary.instrument
                history = LedgerTrends(instrument, self._night.ledger, self._night.clock)
                self._read = time.monotonic(), await history.trends()
            return self._read[1]
