"""A night as the observatory plans it: what will be announced, and where the images come from."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from attrs import frozen

from domain.cameras.camera import Camera
from domain.cameras.corrections import DetectorCorrections
from domain.times import TaiSeconds
from prompt_pipelines.raw import RawFrame

__all__ = ["CalibrationFrames", "NightPlan", "PlanPart", "PlannedVisit", "RawObject", "RawSource"]


@frozen(kw_only=True)
class PlannedVisit:
    """One visit to come."""

    group: str
    detectors: tuple[int, ...]
    """Which will deliver images."""
    ra: float | None
    """Boresight, degrees ICRS; None is unknown."""
    dec: float | None
    """Boresight, degrees ICRS; None is unknown."""
    sky_angle: float | None
    """Degrees, of focal-plane +Y, east of north; None is unknown."""
    physical_filter: str
    exposure_time: float
    """Seconds, of each snap."""
    snaps: int = 1
    survey: str = ""


@frozen(kw_only=True)
class RawObject:
    """One file as the camera puts it into the object store."""

    detectors: tuple[int, ...]
    """Whose raws it holds: one, unless the camera writes several into a file."""
    key: str
    body: bytes
    sidecar_key: str | None = None
    """None if the camera has no sidecars."""
    sidecar: bytes = b""

    @property
    def detector(self) -> int:
        """The first, or only, detector."""
        return self.detectors[0]


@frozen(kw_only=True)
class PlanPart:
    """A stretch of a night that is processed with the same templates."""

    visits: tuple[PlannedVisit, ...]
    skymap: str
    """Of the templates; one that is in no registry if there are none."""


class RawSource(Protocol):
    """Where the raws of a night come from: a simulated camera, or files of the past."""

    def take(
        self, visit: PlannedVisit, snap: int, opened: TaiSeconds, closed: TaiSeconds
    ) -> Iterator[RawObject]:
        """Take one exposure with all the visit's detectors.

        Parameters
        ----------
        visit, snap
            Which visit, and which of its snaps, from 0.
        opened, closed
            When the shutter does so tonight.
        """


class CalibrationFrames(Protocol):
    """Raw frames of which master calibrations can be made."""

    def biases(self, detector: int) -> Sequence[RawFrame]:
        """Return a detector's bias frames; none if nobody took any.

        Raises
        ------
        SimulatorError
            Raised if there are some and none can be read.
        """

    def darks(self, detector: int) -> Sequence[RawFrame]:
        """Return a detector's dark frames with their exposure times; none if nobody took any.

        Raises
        ------
        SimulatorError
            Raised if there are some and none can be read.
        """

    def flats(self, detector: int, physical_filter: str) -> Sequence[RawFrame]:
        """Return a detector's flat fields in a filter; none if nobody took any.

        Raises
        ------
        SimulatorError
            Raised if there are some and none can be read.
        """

    def corrections(self, detector: int) -> DetectorCorrections:
        """Return what else is known of a detector."""


@frozen(kw_only=True)
class NightPlan:
    """What the summit plays."""

    camera: Camera
    visits: tuple[PlannedVisit, ...]
    raws: RawSource
    calibrations: CalibrationFrames

    @property
    def filters(self) -> tuple[str, ...]:
        """Physical filters that the night uses."""
        return tuple(dict.fromkeys(visit.physical_filter for visit in self.visits))

    def filters_of(self, detector: int) -> tuple[str, ...]:
        """List the physical filters that the night uses with a detector."""
        return tuple(
            dict.fromkeys(visit.physical_filter for visit in self.visits if detector in visit.detectors)
        )

    @property
    def detectors(self) -> tuple[int, ...]:
        """Detectors that the night uses."""
        return tuple(sorted({number for visit in self.visits for number in visit.detectors}))
