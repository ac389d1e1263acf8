"""The visit as the observatory announces it, and the unit of work made from it."""

import enum
import math

from attrs import Attribute, field, frozen

from domain.errors import PromptProcessingError
from domain.times import TaiSeconds, UtcSeconds, utc_from_tai

__all__ = [
    "Cancellation",
    "CoordinateSystem",
    "Dome",
    "Identity",
    "InvalidVisitError",
    "RotationSystem",
    "Visit",
    "VisitDetector",
]


_MOST = 1000
"""Snaps: each is looked for, by name."""
_LONGEST = 1000
"""Characters: names stand in keys, entries of the queue and log lines of each detector."""


class InvalidVisitError(PromptProcessingError):
    """A field of a visit holds what no visit can have."""


class CoordinateSystem(enum.IntEnum):
    """Frame of `Visit.position`."""

    NONE = 1
    ICRS = 2
    OBSERVED = 3
    MOUNT = 4


class RotationSystem(enum.IntEnum):
    """Frame of `Visit.camera_angle`."""

    NONE = 1
    SKY = 2
    HORIZON = 3
    MOUNT = 4


class Dome(enum.IntEnum):
    """Where the dome must be for the visit."""

    CLOSED = 1
    OPEN = 2
    EITHER = 3


def _finite[T: float](_: object, attribute: "Attribute[T]", value: T) -> None:
    if not math.isfinite(value):
        raise InvalidVisitError(f"{attribute.name}: {value!r} is not a finite number")


def _not_negative[T: float](_: object, attribute: "Attribute[T]", value: T) -> None:
    if value < 0:
        raise InvalidVisitError(f"{attribute.name}: {value!r} is negative")


def _countable[T: float](_: object, attribute: "Attribute[T]", value: T) -> None:
    if value > _MOST:
        raise InvalidVisitError(f"{attribute.name}: {value!r:.40} is more than {_MOST}")


def _short(_: object, attribute: "Attribute[str]", value: str) -> None:
    if len(value) > _LONGEST:
        raise InvalidVisitError(f"{attribute.name}: has {len(value)} characters, more than {_LONGEST}")


def _not_blank(_: object, attribute: "Attribute[str]", value: str) -> None:
    if not value.strip():
        raise InvalidVisitError(f"{attribute.name}: is blank")


def _pair(_: object, attribute: "Attribute[tuple[float, float]]", value: tuple[float, ...]) -> None:
    if len(value) != 2 or not all(math.isfinite(v) for v in value):
        raise InvalidVisitError(f"{attribute.name}: {value!r} is not two finite numbers")


@frozen(kw_only=True)
class Visit:
    """One nextVisit: what the telescope is about to observe, all detectors together."""

    instrument: str = field(validator=[_not_blank, _short])
    """Short name of the instrument."""
    group: str = field(validator=[_not_blank, _short])
    """Joins the snaps of the visit; the Butler's ``group``, any text."""
    sal_index: int
    """Which script queue announced it."""
    script_sal_index: int
    """Which script of that queue will observe it."""
    coordinate_system: CoordinateSystem
    position: tuple[float, float] = field(validator=_pair)
    """Degrees: (ra, dec) if ICRS, (az, alt) if OBSERVED."""
    start_time: TaiSeconds = field(validator=_finite)
    """Expected start of the script."""
    rotation_system: RotationSystem
    camera_angle: float = field(validator=_finite)
    """Degrees; if SKY, of focal-plane +Y, east of north."""
    filters: str = field(validator=_short)
    """Physical filter as the Butler names it, or several joined by commas; blank is any."""
    dome: Dome
    duration: float = field(validator=[_finite, _not_negative])
    """Seconds the script is expected to take, slew excluded."""
    nimages: int = field(validator=[_not_negative, _countable])
    """Snaps to expect, a thousand at most; 0 is not known in advance."""
    survey: str = field(validator=_short)
    total_checkpoints: int
    sent: TaiSeconds = field(validator=_finite)
    """When the announcement was published."""

    def age(self, now: UtcSeconds) -> float:
        """Seconds since the announcement was published; negative if clocks disagree."""
        return now - utc_from_tai(self.sent)


@frozen(order=True)
class Identity:
    """What makes two pieces of work the same piece of work."""

    instrument: str
    group: str
    detector: int

    def __str__(self) -> str:
        return f"{self.instrument} {self.group} detector {self.detector}"


@frozen
class VisitDetector:
    """The unit of work: one visit as one detector sees it. Rubin's is ``FannedOutVisit``."""

    visit: Visit
    detector: int = field(validator=_not_negative)

    @property
    def identity(self) -> Identity:
        """The key under which the ledger knows this work."""
        return Identity(self.visit.instrument, self.visit.group, self.detector)


@frozen(kw_only=True)
class Cancellation:
    """The observatory's word that a visit will not happen."""

    sal_index: int
    script_sal_index: int
    group: str = field(validator=_not_blank)
