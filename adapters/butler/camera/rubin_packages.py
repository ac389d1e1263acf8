"""The little of Rubin's own packages that is used where they import, and its types.

``lsst.afw``, ``lsst.geom``, ``lsst.obs.base`` and ``lsst.obs.lsst`` cannot be installed from PyPI, so what is
used of them is written down here as protocols, and type-checked against these alone.
"""

# ruff: noqa: D102, N802 - names and meanings are Rubin's

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from astropy.coordinates import Angle, SkyCoord
from astropy.time import Time
from astropy.units import Quantity
from attrs import frozen

__all__ = ["Detector", "ObservationInfo", "RubinPackages", "SkyWcs", "load_rubin", "rubin_instrument"]

_INSTRUMENTS: Final = {
    "LATISS": "Latiss",
    "LSST-TS8": "LsstTS8",
    "LSSTCam": "LsstCam",
    "LSSTCam-imSim": "LsstCamImSim",
    "LSSTComCam": "LsstComCam",
    "LSSTComCamSim": "LsstComCamSim",
}
"""Classes of ``lsst.obs.lsst``, by the instruments' short names."""


class ObservationInfo(Protocol):
    """``astro_metadata_translator.ObservationInfo``: a header in common terms."""

    instrument: str
    detector_num: int
    exposure_id: int
    observation_id: str
    exposure_group: str
    observing_day: int
    observation_counter: int
    physical_filter: str
    exposure_time: Quantity
    datetime_begin: Time
    datetime_end: Time
    tracking_radec: SkyCoord | None
    boresight_rotation_angle: Angle | None
    observation_type: str


class SkyAngle(Protocol):
    """``lsst.geom.Angle``."""

    def asDegrees(self) -> float: ...


class SkyPoint(Protocol):
    """``lsst.geom.SpherePoint``."""

    def getLongitude(self) -> SkyAngle: ...

    def getLatitude(self) -> SkyAngle: ...


class SkyWcs(Protocol):
    """``lsst.afw.geom.SkyWcs``."""

    def pixelToSky(self, x: float, y: float) -> SkyPoint: ...

    def getPixelScale(self) -> SkyAngle: ...


class PixelBox(Protocol):
    """``lsst.geom.Box2I``."""

    def getMinX(self) -> int: ...

    def getMaxX(self) -> int: ...

    def getMinY(self) -> int: ...

    def getMaxY(self) -> int: ...


class Detector(Protocol):
    """``lsst.afw.cameraGeom.Detector``."""

    def getId(self) -> int: ...

    def getBBox(self) -> PixelBox: ...


@frozen(kw_only=True)
class RubinPackages:
    """What is used of them, for one instrument."""

    read_header: Callable[[Path], Mapping[str, Any]]
    """Primary header, and the first extension's where it inherits."""
    translate: Callable[[Mapping[str, Any], Path], ObservationInfo]
    detectors: Sequence[Detector]
    initial_wcs: Callable[[float, float, float, Detector], SkyWcs]
    """From boresight (degrees ICRS), sky angle (degrees) and detector."""
    raw_formatter: Callable[[int], str]
    """Full name of the class that reads a detector's raws."""


def rubin_instrument(instrument: str) -> str | None:
    """Name the class that ``lsst.obs.lsst`` has for an instrument; None if there is none to be had."""
    try:
        there = all(importlib.util.find_spec(name) for name in ("lsst.obs.base", "lsst.obs.lsst"))
    except ModuleNotFoundError:  # not even lsst.obs
        there = False
    return _INSTRUMENTS.get(instrument) if there else None


def load_rubin(class_name: str) -> RubinPackages:
    """Import the packages (seconds) and bind what is used of them.

    Parameters
    ----------
    class_name
        Of the instrument, in ``lsst.obs.lsst``.
    """
    helpers = importlib.import_module("astro_metadata_translator.file_helpers")
    translator = importlib.import_module("astro_metadata_translator")
    geom = importlib.import_module("lsst.geom")
    base = importlib.import_module("lsst.obs.base")
    introspection = importlib.import_module("lsst.utils.introspection")
    instrument = getattr(importlib.import_module("lsst.obs.lsst"), class_name)()

    def initial_wcs(ra: float, dec: float, angle: float, detector: Detector) -> SkyWcs:
        boresight = geom.SpherePoint(ra, dec, geom.degrees)
        wcs: SkyWcs = base.createInitialSkyWcsFromBoresight(boresight, angle * geom.degrees, detector)
        return wcs

    def raw_formatter(detector: int) -> str:
        formatter = instrument.getRawFormatter({"instrument": instrument.getName(), "detector": detector})
        name: str = introspection.get_full_type_name(formatter)
        return name

    return RubinPackages(
        read_header=lambda path: helpers.read_basic_metadata_from_file(str(path), -1, can_raise=True),
        translate=lambda header, path: translator.ObservationInfo(header, filename=str(path)),
        detectors=list(instrument.getCamera()),
        initial_wcs=initial_wcs,
        raw_formatter=raw_formatter,
    )
