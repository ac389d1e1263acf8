"""Rubin's own cameras by Rubin's own packages, where they import.

Unproven: they cannot run where this project is tested, only stand-ins with
the same methods can. It is kept thin for that reason.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from lsst.daf.butler import DimensionRecord, DimensionUniverse
from lsst.sphgeom import ConvexPolygon

from adapters.butler.camera.camera_stack import define_visit, margin_of
from adapters.butler.camera.raw_file import check_whole, fetch
from adapters.butler.camera.rubin_packages import Detector, ObservationInfo, RubinPackages
from adapters.butler.camera.sky import hull
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from domain.times import TaiSeconds
from ports.workspace import RawUnreadableError

__all__ = ["RubinCameraStack"]

_HALF_PIXEL = 0.5


class RubinCameraStack:
    """An `adapters.butler.camera.camera_stack.CameraStack` on ``lsst.obs.base`` and ``lsst.obs.lsst``.

    Parameters
    ----------
    load
        Binds the packages when they are first needed: importing them takes seconds.
    pointing_error
        Degrees, of the camera's file.
    """

    def __init__(self, load: Callable[[], RubinPackages], pointing_error: float = 0.0) -> None:
        self._load = load
        self._margin = margin_of(pointing_error)

    @cached_property
    def _rubin(self) -> RubinPackages:
        return self._load()

    @cached_property
    def _detectors(self) -> dict[int, Detector]:
        return {detector.getId(): detector for detector in self._rubin.detectors}

    def fetch(self, raw: RawImage, folder: Path) -> Path:
        """See `CameraStack.fetch`."""
        return fetch(raw.uri, folder)

    def read(self, path: Path, raw: RawImage) -> Exposure:
        """See `CameraStack.read`."""
        # Its readers would take a truncated file.
        check_whole(path, raw.uri)
        try:
            info = self._rubin.translate(self._rubin.read_header(path), path)
            exposure = _exposure(info, raw.snap)
        # Readers and translators raise whatever a damaged file leads them to.
        except Exception as error:
            raise RawUnreadableError(f"{raw.uri}: {type(error).__name__}: {error}") from error
        for name in ("exposure", "group"):
            said, told = getattr(exposure, name), getattr(raw, name)
            if said != told:
                raise RawUnreadableError(f"{raw.uri}: the header says {name} {said!r}, it came as {told!r}")
        if exposure.detector != raw.key.detector:
            raise RawUnreadableError(
                f"{raw.uri}: the header says detector {exposure.detector}, the key {raw.key.detector}"
            )
        return exposure

    def records(self, universe: DimensionUniverse, exposure: Exposure) -> Sequence[DimensionRecord]:
        """See `CameraStack.records`."""
        whole = own = None
        if exposure.ra is not None and exposure.dec is not None and exposure.sky_angle is not None:
            pointing = exposure.ra, exposure.dec, exposure.sky_angle
            whole = self._hull(self._detectors.values(), *pointing, 0.0)
            own = self._hull([self._detectors[exposure.detector]], *pointing, 0.0)
        return define_visit(universe, exposure, whole=whole, own=own)

    def footprint(
        self, detector: int, ra: float, dec: float, sky_angle: float, padding: float
    ) -> ConvexPolygon | None:
        """See `CameraStack.footprint`."""
        return self._hull([self._detectors[detector]], ra, dec, sky_angle, padding)

    def raw_formatter(self, exposure: Exposure) -> str:
        """See `CameraStack.raw_formatter`."""
        return self._rubin.raw_formatter(exposure.detector)

    def _hull(
        self, detectors: Iterable[Detector], ra: float, dec: float, sky_angle: float, padding: float
    ) -> ConvexPolygon:
        padding += self._margin
        corners = [self._corners(detector, ra, dec, sky_angle, padding) for detector in detectors]
        return hull(np.array(corners))

    def _corners(
        self, detector: Detector, ra: float, dec: float, sky_angle: float, padding: float
    ) -> list[tuple[float, float]]:
        """Give ra and dec of the corners of a detector, in degrees."""
        wcs, box = self._rubin.initial_wcs(ra, dec, sky_angle, detector), detector.getBBox()
        more = _HALF_PIXEL + padding / (wcs.getPixelScale().asDegrees() * 3600)
        columns = box.getMinX() - more, box.getMaxX() + more
        rows = box.getMinY() - more, box.getMaxY() + more
        points = [wcs.pixelToSky(x, y) for x, y in itertools.product(columns, rows)]
        return [(point.getLongitude().asDegrees(), point.getLatitude().asDegrees()) for point in points]


def _exposure(info: ObservationInfo, snap: int) -> Exposure:
    """Bring what the translator says into this project's terms; it does not number snaps."""
    where, angle = info.tracking_radec, info.boresight_rotation_angle
    return Exposure(
        instrument=info.instrument,
        detector=info.detector_num,
        exposure=info.exposure_id,
        obs_id=info.observation_id,
        group=info.exposure_group,
        snap=snap,
        day_obs=info.observing_day,
        seqnum=info.observation_counter,
        physical_filter=info.physical_filter,
        exposure_time=float(info.exposure_time.to_value("s")),
        begin=TaiSeconds(info.datetime_begin.tai.unix_tai),
        end=TaiSeconds(info.datetime_end.tai.unix_tai),
        ra=None if where is None else float(where.icrs.ra.to_value("deg")),
        dec=None if where is None else float(where.icrs.dec.to_value("deg")),
        sky_angle=None if angle is None else float(angle.to_value("deg")),
        observation_type=info.observation_type,
    )
