"""DiaSources as pages show them: with their visit's group, and where their cutouts are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import frozen

from adapters.console.view.digest import Digests
from domain.results.images import ImageKind
from domain.results.sources import DiaSource, ForcedSource
from domain.times import TaiSeconds, UtcSeconds, utc_from_tai
from ports.night_board import NightBoard

__all__ = ["TRIPLET", "Sighting", "Sightings", "utc_of", "utc_of_mjd"]

TRIPLET: Final = (ImageKind.CALIBRATED, ImageKind.TEMPLATE, ImageKind.DIFFERENCE)
"""The images of a cutout triplet, from left to right."""

_MJD_OF_EPOCH: Final = 40_587
_DAY: Final = 86_400.0


@frozen(kw_only=True)
class Sighting:
    """A DiaSource of a visit."""

    source: DiaSource
    group: str
    """Blank of a visit that is not of this night."""
    at: UtcSeconds

    @property
    def spot(self) -> Mapping[str, object]:
        """What an address of its pictures says: the images, and the pixel that cutouts have in the middle."""
        return {
            "group": self.group,
            "visit": self.source.visit,
            "detector": self.source.detector,
            "x": max(round(self.source.x), 0),
            "y": max(round(self.source.y), 0),
        }


class Sightings:
    """Knows of which visit each exposure is.

    Parameters
    ----------
    board
        The night.
    digests
        Its visits in short.
    """

    def __init__(self, board: NightBoard, digests: Digests) -> None:
        self._board = board
        self._digests = digests
        self._known: tuple[int, Mapping[int, str]] = -1, {}

    def of(self, sources: Iterable[DiaSource]) -> Sequence[Sighting]:
        """Find the visits of sources."""
        groups = self._groups()
        return [
            Sighting(source=source, group=groups.get(source.visit, ""), at=utc_of(source))
            for source in sources
        ]

    def group_of(self, exposure: int) -> str:
        """Find the visit of an exposure; blank if it is not of this night."""
        return self._groups().get(exposure, "")

    def exposures(self, group: str) -> Sequence[int]:
        """List the exposures of a visit, as far as they are known."""
        return [exposure for exposure, of in self._groups().items() if of == group]

    def _groups(self) -> Mapping[int, str]:
        view = self._board.view()
        if self._known[0] != view.version:
            found = {
                exposure: digest.view.group
                for digest in self._digests.of(view.visits)
                for exposure in digest.exposures
            }
            self._known = view.version, found
        return self._known[1]


def utc_of(source: DiaSource | ForcedSource) -> UtcSeconds:
    """Tell when the exposure of a source was at its middle."""
    return utc_of_mjd(source.mjd)


def utc_of_mjd(days: float) -> UtcSeconds:
    """Convert days TAI."""
    return utc_from_tai(TaiSeconds((days - _MJD_OF_EPOCH) * _DAY))
