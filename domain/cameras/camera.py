"""A camera: its detectors, their place on the focal plane, and how its raws are named and labelled.

A camera is data, read from one YAML file (``cameras/``); nothing in the
project knows a camera by name.
"""

import enum
import functools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from domain.cameras.detectors import (
    Amplifier,
    AmplifierCards,
    Box,
    Detector,
    DetectorType,
    Hdu,
    InvalidCameraError,
    Placement,
    Purpose,
)
from domain.cameras.header_rules import CardRule, HeaderRules, WcsRule
from domain.cameras.raw_parts import RawPart, parts_of
from domain.errors import PromptProcessingError

__all__ = [
    "CALIBRATIONS",
    "Amplifier",
    "AmplifierCards",
    "Box",
    "Camera",
    "CardRule",
    "Detector",
    "DetectorType",
    "FocalPlane",
    "HeaderRules",
    "InvalidCameraError",
    "ObservatoryPlace",
    "Placement",
    "Purpose",
    "RawKeyScheme",
    "RawKeys",
    "TimestampIds",
    "UnknownDetectorError",
    "WcsRule",
]


CALIBRATIONS: Final = ("bias", "dark", "flat", "defects", "linearity", "crosstalk")
"""What images can be calibrated with: names of dataset types."""

_LARGEST_POINTING_ERROR = 5.0  # degrees; the catalogue of so much sky is loaded for each image


class UnknownDetectorError(PromptProcessingError):
    """A camera has no detector of that number or name."""


class RawKeyScheme(enum.Enum):
    """How the object keys of a camera's raws are built (docs/contracts/raws.md)."""

    LSST = "lsst"
    IMSIM = "imsim"
    GROUPED = "grouped"
    MOSAIC = "mosaic"

    @property
    def has_sidecars(self) -> bool:
        """Whether only a sidecar tells the group and snap of a raw."""
        return self in {RawKeyScheme.LSST, RawKeyScheme.IMSIM}

    @property
    def names_detector(self) -> bool:
        """Whether a key is that of one detector; else a file holds several, or all of the camera."""
        return self is not RawKeyScheme.MOSAIC


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
class ObservatoryPlace:
    """Where the telescope stands: the sky of what is near is not the same everywhere."""

    longitude_deg: float
    """East is positive."""
    latitude_deg: float
    """Geodetic."""
    height_m: float
    """Above the ellipsoid; above the sea is good enough."""

    def __attrs_post_init__(self) -> None:
        limits = {"longitude_deg": 360.0, "latitude_deg": 90.0, "height_m": 10_000.0}
        for name, limit in limits.items():
            if not abs(getattr(self, name)) <= limit:
                raise InvalidCameraError(
                    f"observatory: {name}: {getattr(self, name):g} is not between -{limit:g} and {limit:g}"
                )


@frozen(kw_only=True)
class TimestampIds:
    """Which exposures have their time as id instead of day and number (docs/contracts/raws.md)."""

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
class Camera:
    """Everything the service knows of one instrument."""

    instrument: str
    detectors: tuple[Detector, ...]
    raw_keys: RawKeys
    header: HeaderRules
    filters: Mapping[str, str]
    """From physical filter to band."""
    focal_plane: FocalPlane | None = None
    calibrations: tuple[str, ...] | None = None
    """Masters that its images are calibrated with: others are not used, and of these the
    absent ones are missed. None: whatever is there, and bias and flat are missed."""
    pointing_error: float = 0.0
    """Degrees that the pointing in headers and announcements may be off; 0: some arcseconds at most."""
    observatory: ObservatoryPlace | None = None
    """None: not known. Known bodies are predicted for the centre of the Earth then."""

    def __attrs_post_init__(self) -> None:
        if unknown := sorted(set(self.calibrations or ()) - set(CALIBRATIONS)):
            raise InvalidCameraError(
                f"{self.instrument}: calibrations: {', '.join(unknown)} is not among"
                f" {', '.join(CALIBRATIONS)}"
            )
        if not 0.0 <= self.pointing_error <= _LARGEST_POINTING_ERROR:
            raise InvalidCameraError(
                f"{self.instrument}: pointing_error_deg: {self.pointing_error:g} is not between 0 and "
                f"{_LARGEST_POINTING_ERROR:g}"
            )
        if not self.instrument.strip() or "/" in self.instrument:
            raise InvalidCameraError(f"{self.instrument!r} is no name for an instrument")
        if not self.detectors:
            raise InvalidCameraError(f"{self.instrument}: has no detectors")
        for what in ("number", "name", "serial"):
            values = [getattr(detector, what) for detector in self.detectors]
            values = [value for value in values if value is not None]
            if len(set(values)) != len(values):
                raise InvalidCameraError(f"{self.instrument}: two detectors have the same {what}")
        if not self.raw_keys.scheme.names_detector:
            self._check_told_apart()

    def _check_told_apart(self) -> None:
        """See that in a file of several detectors each has HDUs of its own."""
        places: dict[tuple[str, frozenset[Hdu | None]], str] = {}
        for one in self.detectors:
            place = one.file, frozenset(one.raw_parts or {None: None})
            if (other := places.setdefault(place, one.name)) != one.name:
                raise InvalidCameraError(
                    f"{self.instrument}: detectors {other} and {one.name} are in the same HDU of one file"
                )

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
        """Find a detector by its name, or by its name in keys; letter case does not matter.

        Raises
        ------
        UnknownDetectorError
            Raised if the camera has none such.
        """
        found = self._by_name.get(name) or self._by_casefold.get(name.casefold())
        if found is None:
            raise UnknownDetectorError(f"{self.instrument} has no detector named {name!r}")
        return found

    def detector_of_serial(self, serial: str) -> Detector:
        """Find a detector by its serial number.

        Raises
        ------
        UnknownDetectorError
            Raised if the camera has none such.
        """
        for detector in self.detectors:
            if detector.serial == serial:
                return detector
        raise UnknownDetectorError(f"{self.instrument} has no detector of serial number {serial!r}")

    def filter_called(self, name: str) -> str:
        """Spell a filter as the camera does, where only letter case or blanks around it differ."""
        if name in self.filters:
            return name
        wanted = name.strip().casefold()
        return next((known for known in self.filters if known.strip().casefold() == wanted), name)

    @functools.cached_property
    def names(self) -> frozenset[str]:
        """The instrument's name and those that are read as it."""
        return frozenset((self.instrument, *self.raw_keys.prefixes))

    def is_called(self, name: str) -> bool:
        """Tell whether a header's name of an instrument is this camera's; letter case does not matter."""
        return name.strip().casefold() in self._called

    @functools.cached_property
    def _called(self) -> frozenset[str]:
        return frozenset(name.casefold() for name in (*self.names, *self.header.instruments))

    @functools.cached_property
    def raw_parts(self) -> Sequence[RawPart]:
        """What its raws have of one detector or another, each of which a file may hold or not."""
        return parts_of(self.detectors)

    @functools.cached_property
    def numbers(self) -> Mapping[str, int]:
        """The detectors' numbers by their names in keys; where several have one, the first's."""
        return {one.in_keys: one.number for one in reversed(self.detectors)}

    def has_detector(self, number: int) -> bool:
        """Tell whether there is a detector of that number."""
        return number in self._by_number

    @functools.cached_property
    def _by_number(self) -> dict[int, Detector]:
        return {detector.number: detector for detector in self.detectors}

    @functools.cached_property
    def _by_name(self) -> dict[str, Detector]:
        by_key = {one.in_keys: one for one in reversed(self.detectors)}
        return {**by_key, **{detector.name: detector for detector in self.detectors}}

    @functools.cached_property
    def _by_casefold(self) -> dict[str, Detector]:
        return {name.casefold(): detector for name, detector in self._by_name.items()}
