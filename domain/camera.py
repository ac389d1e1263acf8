"""A camera: its detectors, their place on the focal plane, and how its raws are named and labelled.

A camera is data, read from one YAML file (``cameras/``); nothing in the
project knows a camera by name.
"""

import enum
import functools
import math
import re
from collections.abc import Mapping

from attrs import field, frozen

from domain.errors import PromptProcessingError

__all__ = [
    "Amplifier",
    "Box",
    "Camera",
    "CardRule",
    "Detector",
    "DetectorType",
    "FocalPlane",
    "HeaderRules",
    "InvalidCameraError",
    "Placement",
    "Purpose",
    "RawKeyScheme",
    "RawKeys",
    "TimestampIds",
    "UnknownDetectorError",
    "WcsRule",
]


class InvalidCameraError(PromptProcessingError):
    """A camera's description contradicts itself."""


class UnknownDetectorError(PromptProcessingError):
    """A camera has no detector of that number or name."""


class Purpose(enum.Enum):
    """What a detector is there for."""

    SCIENCE = "science"
    GUIDE = "guide"
    WAVEFRONT = "wavefront"
    FOCUS = "focus"


class RawKeyScheme(enum.Enum):
    """How the object keys of a camera's raws are built (contract 3)."""

    LSST = "lsst"
    IMSIM = "imsim"
    GROUPED = "grouped"

    @property
    def has_sidecars(self) -> bool:
        """Whether only a sidecar tells the group and snap of a raw."""
        return self is not RawKeyScheme.GROUPED


@frozen
class Box:
    """Pixels ``x_min <= x < x_max``, ``y_min <= y < y_max`` of an array indexed ``[y, x]``, from 0."""

    x_min: int
    x_max: int
    y_min: int
    y_max: int

    def __attrs_post_init__(self) -> None:
        if not (0 <= self.x_min < self.x_max and 0 <= self.y_min < self.y_max):
            raise InvalidCameraError(
                f"box x {self.x_min}:{self.x_max}, y {self.y_min}:{self.y_max} is empty or begins below 0"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y_max - self.y_min, self.x_max - self.x_min


@frozen(kw_only=True)
class Amplifier:
    """One readout of a detector type."""

    name: str
    data: Box
    """Light-sensitive pixels, in the raw frame."""
    overscan: Box
    """Serial overscan, in the raw frame."""
    image: Box
    """Where `data` goes in the trimmed frame."""
    gain: float
    """Electrons per ADU."""
    read_noise: float
    """Electrons."""
    saturation: float
    """ADU, before overscan subtraction."""

    def __attrs_post_init__(self) -> None:
        if self.data.shape != self.image.shape:
            raise InvalidCameraError(
                f"amplifier {self.name}: data of {self.data.shape} pixels do not fill {self.image.shape}"
            )
        if not (self.gain > 0 and self.read_noise >= 0 and self.saturation > 0):
            raise InvalidCameraError(
                f"amplifier {self.name}: gain and saturation are positive, read noise not negative"
            )


@frozen(kw_only=True)
class DetectorType:
    """What detectors of one make share."""

    nx: int
    """Columns after trimming."""
    ny: int
    """Rows after trimming."""
    pixel_size: float
    """Micrometres, binning included."""
    amplifiers: tuple[Amplifier, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.nx < 1 or self.ny < 1 or not self.pixel_size > 0 or math.isinf(self.pixel_size):
            raise InvalidCameraError(
                f"a detector of {self.nx} x {self.ny} pixels of {self.pixel_size} um is none"
            )
        for amplifier in self.amplifiers:
            if amplifier.image.x_max > self.nx or amplifier.image.y_max > self.ny:
                raise InvalidCameraError(
                    f"amplifier {amplifier.name}: its image leaves the {self.nx} x {self.ny} pixels"
                )


@frozen(kw_only=True)
class Placement:
    """Where a detector sits on the focal plane."""

    x: float
    """Millimetres, of the detector's centre."""
    y: float
    """Millimetres, of the detector's centre."""
    yaw: float = 0.0
    """Degrees from focal-plane x to detector x, anticlockwise."""

    def __attrs_post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.x, self.y, self.yaw)):
            raise InvalidCameraError(f"a detector cannot sit at ({self.x}, {self.y}), yaw {self.yaw}")


@frozen(kw_only=True)
class Detector:
    """One sensor of a camera."""

    number: int
    name: str
    purpose: Purpose = Purpose.SCIENCE
    type: DetectorType | None = None
    placement: Placement | None = None


@frozen(kw_only=True)
class FocalPlane:
    """How millimetres on the focal plane become angles on the sky."""

    plate_scale: float
    """Arcseconds per millimetre at the centre."""
    radial_distortion: tuple[float, ...] = (0.0, 1.0)
    """Coefficients in powers of the radius (mm), applied before the scale; the first is 0."""
    x_is_east: bool = False
    """At rotation 0 +Y points north and +X west; true for a flipped camera."""

    def __attrs_post_init__(self) -> None:
        if not (math.isfinite(self.plate_scale) and self.plate_scale > 0):
            raise InvalidCameraError(f"plate scale {self.plate_scale} is not a positive number")
        terms = self.radial_distortion
        if len(terms) < 2 or terms[0] != 0 or not all(map(math.isfinite, terms)):
            raise InvalidCameraError(
                f"radial distortion {list(terms)} does not begin with 0 and a coefficient of the radius"
            )


@frozen(kw_only=True)
class TimestampIds:
    """Which exposures have their time as id instead of day and number (contract 3)."""

    before: int
    """All of an earlier day_obs have."""
    unless: str
    """Later ones have, unless their observation id begins so."""
    card: str
    """Whose digits, to a tenth of a second, are the id."""

    def apply_to(self, observation_id: str, day_obs: int) -> bool:
        """Tell whether this exposure's id is a time stamp."""
        return day_obs < self.before or not observation_id.startswith(self.unless)


@frozen(kw_only=True)
class RawKeys:
    """How the camera's raws are named in the object store."""

    scheme: RawKeyScheme
    abbreviation: str = ""
    """First part of an LSST observation id, such as ``MC``."""
    prefixes: tuple[str, ...] = ()
    """First folders (and names in headers) that are read as this camera, beside its own name."""
    timestamp_ids: TimestampIds | None = None
    """None: every exposure id follows from the observation id."""

    def __attrs_post_init__(self) -> None:
        if self.scheme is RawKeyScheme.LSST and not re.fullmatch("[A-Z]+", self.abbreviation):
            raise InvalidCameraError("raw keys of scheme lsst need an abbreviation in capitals")


@frozen(kw_only=True)
class CardRule:
    """Where one fact stands in a raw's header.

    `value` if there is one, else the text of `cards` joined by `join`, else
    nothing is known. A number is multiplied by `factor`, then `offset` is
    added.
    """

    cards: tuple[str, ...] = ()
    join: str = ""
    value: str | float | int | None = None
    unit: str | None = None
    """Of an angle: ``deg`` or ``hourangle``; sexagesimal text is understood."""
    format: str | None = None
    """Of an instant: ``isot``, ``mjd`` or ``jd``."""
    time_scale: str | None = None
    """Of an instant: ``utc`` or ``tai``."""
    factor: float = 1.0
    offset: float = 0.0
    pattern: str | None = None
    """Regular expression; its first group is the part of the text that counts."""

    def __attrs_post_init__(self) -> None:
        if (self.value is None) == (not self.cards):
            raise InvalidCameraError("a header rule names either cards or a value")
        for name, allowed in _ALLOWED_WORDS.items():
            if getattr(self, name) not in allowed:
                raise InvalidCameraError(
                    f"{name} {getattr(self, name)!r} of a header rule is none of {allowed}"
                )
        if (self.format is None) != (self.time_scale is None):
            raise InvalidCameraError("an instant in a header has both a format and a time_scale")
        if self.pattern is not None and _groups(self.pattern) != 1:
            raise InvalidCameraError(f"pattern {self.pattern!r} is not an expression with one group")


_ALLOWED_WORDS: Mapping[str, tuple[str | None, ...]] = {
    "unit": (None, "deg", "hourangle"),
    "format": (None, "isot", "mjd", "jd"),
    "time_scale": (None, "utc", "tai"),
}


def _groups(pattern: str) -> int | None:
    try:
        return re.compile(pattern).groups
    except re.error:
        return None


@frozen(kw_only=True)
class WcsRule:
    """How to read the sky WCS of a raw whose header holds a usable one."""

    projection: str | None = None
    """Replaces the projection in CTYPE, for headers that name another than they use."""


FACTS = frozenset(
    {
        "begin", "day_obs", "dec", "detector", "detector_name", "end", "exposure", "exposure_time",
        "group", "instrument", "obs_id", "observation_type", "physical_filter", "ra", "seqnum",
        "sky_angle", "snap",
    }
)  # fmt: skip
"""What `HeaderRules` can tell of an exposure."""


@frozen(kw_only=True)
class HeaderRules:
    """Which cards of a raw (or of its sidecar) hold what the service needs."""

    facts: Mapping[str, CardRule]
    """By the field names of `domain.exposure.Exposure`; ``detector`` may be given by
    number, or by name as ``detector_name``."""
    wcs: WcsRule | None = None
    """None: the WCS follows from pointing, rotation and geometry."""
    observation_types: Mapping[str, str] = field(factory=dict)
    """From the camera's word for a frame's kind to ``bias``, ``flat``, ``science``, ..."""

    def __attrs_post_init__(self) -> None:
        if unknown := sorted(set(self.facts) - FACTS):
            raise InvalidCameraError(f"header rules for unknown facts: {', '.join(unknown)}")
        for name in ("begin", "end"):
            if name in self.facts and self.facts[name].format is None:
                raise InvalidCameraError(f"the header rule for {name} states no format and time_scale")


@frozen(kw_only=True)
class Camera:
    """Everything the service knows of one instrument."""

    instrument: str
    detectors: tuple[Detector, ...]
    raw_keys: RawKeys
    header: HeaderRules
    filters: Mapping[str, str]
    """From physical filter to band."""
    focal_plane: FocalPlane | None = None

    def __attrs_post_init__(self) -> None:
        if not self.instrument.strip() or "/" in self.instrument:
            raise InvalidCameraError(f"{self.instrument!r} is no name for an instrument")
        if not self.detectors:
            raise InvalidCameraError(f"{self.instrument}: has no detectors")
        for what in ("number", "name"):
            values = [getattr(detector, what) for detector in self.detectors]
            if len(set(values)) != len(values):
                raise InvalidCameraError(f"{self.instrument}: two detectors have the same {what}")

    def detector(self, number: int) -> Detector:
        """Find a detector by its number.

        Raises
        ------
        UnknownDetectorError
            Raised if the camera has none such.
        """
        try:
            return self._by_number[number]
        except KeyError:
            raise UnknownDetectorError(f"{self.instrument} has no detector number {number}") from None

    def detector_named(self, name: str) -> Detector:
        """Find a detector by its name.

        Raises
        ------
        UnknownDetectorError
            Raised if the camera has none such.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownDetectorError(f"{self.instrument} has no detector named {name!r}") from None

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The instrument's name and those that are read as it."""
        return frozenset((self.instrument, *self.raw_keys.prefixes))

    @functools.cached_property
    def numbers(self) -> Mapping[str, int]:
        """The detectors' numbers by their names."""
        return {detector.name: detector.number for detector in self.detectors}

    def has_detector(self, number: int) -> bool:
        """Tell whether there is a detector of that number."""
        return number in self._by_number

    @functools.cached_property
    def _by_number(self) -> dict[int, Detector]:
        return {detector.number: detector for detector in self.detectors}

    @functools.cached_property
    def _by_name(self) -> dict[str, Detector]:
        return {detector.name: detector for detector in self.detectors}
