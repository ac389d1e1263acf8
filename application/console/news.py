"""What is new in a night, judged once for all who look."""

import asyncio
import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen

from domain.evidence import Finding, findings_of
from domain.movers.tracklet import Tracklet
from domain.results.sources import DiaSource, SourceOrder, SourceQuery
from ports.night_board import NightBoard
from ports.source_archive import NoSuchSourceError, SourceArchive

__all__ = ["News", "NightNews"]

_MOST: Final = 10_000
"""DiaSources that are judged; of more, the strongest."""
_BEFORE: Final = 30.0
"""Days in which an object may have been seen before."""
_PAUSE: Final = 30.0
"""Seconds between two judgements of a night that goes on."""
_BESIDE: Final = 5.0
"""Arcseconds within which something else adds its light to what is measured at a place."""
_MJD_BEGINS: Final = datetime.date(1858, 11, 17)
_OUT_OF_DATE: Final = -1


@frozen(kw_only=True)
class NightNews:
    """What was found, the most telling first."""

    findings: Sequence[Finding]
    judged: int
    """DiaSources, of earlier nights too."""
    count: int
    """DiaSources there are; of more than were judged, the strongest were."""
    since: float = -math.inf
    """Days TAI; what was seen before is not new."""
    of_source: Mapping[int, Finding] = field(init=False, eq=False, repr=False)
    """From DiaSources to what they were judged to be, as far as they were judged."""

    @of_source.default
    def _by_source(self) -> Mapping[int, Finding]:
        return {one.source_id: found for found in self.findings for one in found.sightings}

    def is_new(self, finding: Finding) -> bool:
        """Tell whether this night saw it first."""
        return finding.sightings[0].mjd >= self.since

    def nearest(self, at: tuple[float, float], visit: int, detector: int) -> tuple[DiaSource, float] | None:
        """Find the DiaSource of an image next to a place, and how many arcseconds away; None: none is."""
        shrink = math.cos(math.radians(at[1]))
        found = [
            (one, 3600.0 * math.hypot((one.ra - at[0]) * shrink, one.dec - at[1]))
            for finding in self.findings
            for one in finding.sightings
            if (one.visit, one.detector) == (visit, detector)
        ]
        return min((one for one in found if one[1] <= _BESIDE), key=lambda one: one[1], default=None)

    def tracklet(self, identifier: int) -> Tracklet:
        """Find a tracklet.

        Raises
        ------
        NoSuchSourceError
            Raised if there is none.
        """
        found = (one.tracklet for one in self.findings if one.tracklet is not None)
        for one in found:
            if one.identifier == identifier:
                return one
        raise NoSuchSourceError(f"there is no tracklet {identifier} in this night")


class News:
    """Judges what a night's archive has.

    Parameters
    ----------
    archive
        Its sources.
    board
        Says which night it is.
    day_begins
        Hours TAI at which an observing day begins.
    """

    def __init__(self, archive: SourceArchive, board: NightBoard, day_begins: float = 12.0) -> None:
        self._archive = archive
        self._board = board
        self._day_begins = day_begins
        self._turn = asyncio.Lock()
        self._known = NightNews(findings=(), judged=0, count=_OUT_OF_DATE)
        self._judged_at = 0.0

    async def read(self) -> NightNews:
        """Give what is known, judged anew if there is more.

        Raises
        ------
        ports.source_archive.SourceArchiveUnavailableError
            Raised if the archive cannot be reached.
        """
        # Whoever comes meanwhile waits for the same judgement.
        async with self._turn:
            since, until = self._night()
            query = SourceQuery(since=since - _BEFORE, until=until)
            count, now = await self._archive.count(query), asyncio.get_running_loop().time()
            is_first = self._known.count == _OUT_OF_DATE
            if count != self._known.count and (is_first or now - self._judged_at >= _PAUSE):
                found = await self._archive.sources(query, _MOST, order=SourceOrder.SNR)
                judged = await asyncio.to_thread(findings_of, found, since=since)
                self._known = NightNews(findings=judged, judged=len(found), count=count, since=since)
                self._judged_at = now
        return self._known

    def _night(self) -> tuple[float, float]:
        summary = self._board.view().summary
        days = summary.observed_on or (summary.night,)
        first, last = ((day - _MJD_BEGINS).days + self._day_begins / 24.0 for day in (min(days), max(days)))
        return first, last + 1.0
