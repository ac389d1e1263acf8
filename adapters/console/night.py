"""What the console looks at."""

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from application.console.news import News
from domain.cameras.camera import Camera
from domain.results.sources import DiaSource, true_kind_of
from ports.alert_archive import AlertArchive
from ports.clock import Clock
from ports.image_archive import ImageArchive
from ports.ledger import Ledger
from ports.night_board import LogArchive, NightBoard
from ports.source_archive import SourceArchive

__all__ = ["ConsoleNight"]


@frozen(kw_only=True)
class ConsoleNight:
    """A night and its archives; what is None is not within reach, and its pages say so."""

    board: NightBoard
    ledger: Ledger
    clock: Clock
    logs: LogArchive
    camera: Camera | None = None
    images: ImageArchive | None = None
    sources: SourceArchive | None = None
    alerts: AlertArchive | None = None
    place: str = ""
    """Where it comes from, for people."""
    true_kinds: Mapping[int, str] = field(factory=dict)
    """What DiaSources of a simulated night truly are, by number; empty of any other."""
    note: str = ""
    """What else they have to know on each page."""

    def truth_of(self, sources: Iterable[DiaSource]) -> str:
        """Say what most of some sightings truly are; blank unless the night was simulated."""
        return true_kind_of(sources, self.true_kinds)

    def news(self) -> News | None:
        """Make who judges what is new; None without sources."""
        if self.sources is None:
            return None
        begins = 12.0 if self.camera is None else self.camera.header.day_begins
        return News(self.sources, self.board, begins)
