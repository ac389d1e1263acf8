"""A camera: its detectors, their place on the focal plane, and how its raws are named and labelled.

A camera is data, read from one YAML file (``cameras/``); nothing in the
project knows a camera by name.
"""

import enum
import functools
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


class RawKeyScheme(enum.Enum):
    """How the object keys of a camera's raws are built (contract 3)."""

    LSST = "lsst"
    IMSIM = "imsim"
    GROUPED = "grouped"


@frozen
class Box:
    """Pixels ``x_min <= x < x_max``, ``y_min <= y < y_max`` of an array indexed ``[y, x]``, from 0."""

    x_min: int
    x_max: int
    y_min: int
    y_max: int

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


@frozen(kw_only=True)
class Placement:
    """Where a detector sits on the focal plane."""

    x: float
    """Millimetres, of the detector's centre."""
    y: float
    """Millimetres, of the detector's centre."""
    yaw: float = 0.0
    """Degrees from focal-plane x to detector x, anticlockwise."""


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
    """Coefficients in powers of the radius (mm), applied before the scale."""
    x_is_east: bool = False
    """At rotation 0 +Y points north and +X west; true for a flipped camera."""


@frozen(kw_only=True)
class RawKeys:
    """How the camera's raws are named in the object store."""

    scheme: RawKeyScheme
    abbreviation: str = ""
    """First part of an LSST observation id, such as ``MC``."""
    prefixes: tuple[str, ...] = ()
    """First folders that are read as this camera, beside its own name."""


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


@frozen(kw_only=True)
class WcsRule:
    """How to read the sky WCS of a raw whose header holds a usable one."""

    projection: str | None = None
    """Replaces the projection in CTYPE, for headers that name another than they use."""


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
    def _by_number(self) -> dict[int, Detector]:
        return {detector.number: detector for detector in self.detectors}

    @functools.cached_property
    def _by_name(self) -> dict[str, Detector]:
        return {detector.name: detector for detector in self.detectors}
