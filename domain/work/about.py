"""What a worker knew of a visit-detector, for those who look at it later."""

from attrs import frozen

from domain.times import TaiSeconds, UtcSeconds
from domain.visit import CoordinateSystem, Visit

__all__ = ["AboutVisit", "FoundRaw"]


@frozen
class FoundRaw:
    """When and how the raw of an exposure was found."""

    exposure: int
    at: UtcSeconds
    way: str


@frozen(kw_only=True)
class AboutVisit:
    """The announcement in short, and what was chosen for it."""

    filters: str = ""
    """As in `domain.visit.Visit`."""
    coordinate_system: CoordinateSystem = CoordinateSystem.NONE
    """Frame of `position`."""
    position: tuple[float, float] = (0.0, 0.0)
    """Degrees, in the order of its frame."""
    nimages: int = 0
    """Snaps announced; 0 is not known in advance."""
    survey: str = ""
    sent: TaiSeconds | None = None
    """When the announcement was published."""
    pipelines: tuple[str, ...] = ()
    """Names of main pipelines in falling order of preference."""
    preprocessing: tuple[str, ...] = ()
    """Pipelines for the preload, likewise."""
    rule: str = ""
    """Which node of the configuration of main pipelines matched, and why."""

    @classmethod
    def of(cls, visit: Visit) -> "AboutVisit":
        """Shorten an announcement; what is chosen for it is not known yet."""
        ra, dec = visit.position
        return cls(
            filters=visit.filters,
            coordinate_system=visit.coordinate_system,
            position=(round(ra, 5), round(dec, 5)),
            nimages=visit.nimages,
            survey=visit.survey,
            sent=visit.sent,
        )
