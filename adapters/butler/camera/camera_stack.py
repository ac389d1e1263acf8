"""What the Butler must know of a camera's raws and visits.

There are two ways to know it: this project's own, from the camera's file, and
Rubin's ``lsst.obs.base``, where that imports. `CameraStack` is what both offer.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from lsst.daf.butler import DimensionRecord, DimensionUniverse, Timespan
from lsst.sphgeom import ConvexPolygon, Region

from adapters.butler.camera.raw_file import fetch, fetch_part, read_cards
from adapters.butler.camera.sky import hull, timespan
from adapters.butler.shared.records import make_record
from domain.cameras.camera import Camera
from domain.cameras.focal_plane import NoGeometryError, corners_on_sky
from domain.cameras.raw_parts import part_of
from domain.headers.cards import InvalidHeaderError
from domain.headers.header import read_exposure
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from ports.workspace import RawUnreadableError
from raw_files.mosaics.reader import MosaicReader

__all__ = ["ONE_TO_ONE", "CameraStack", "OurCameraStack", "define_visit", "margin_of"]

ONE_TO_ONE = 0
"""Id of the visit system in which each exposure is a visit."""


class CameraStack(Protocol):
    """Reads raws of one camera and defines its visits."""

    def fetch(self, raw: RawImage, folder: Path) -> Path:
        """Download a raw, or what of its object is its detector's.

        Raises
        ------
        RawUnavailableError
            Raised if the object is not there or cannot be fetched.
        RawUnreadableError
            Raised if it lacks what is its detector's.
        DiskFullError
            Raised if the local disk does not take it.
        """
        ...

    def read(self, path: Path, raw: RawImage) -> Exposure:
        """Read the header of a raw.

        Raises
        ------
        RawUnreadableError
            Raised if the file is damaged or contradicts its key.
        """
        ...

    def records(self, universe: DimensionUniverse, exposure: Exposure) -> Sequence[DimensionRecord]:
        """Define the exposure and its visit, as far as the detector is concerned."""
        ...

    def footprint(
        self, detector: int, ra: float, dec: float, sky_angle: float, padding: float
    ) -> ConvexPolygon | None:
        """Find where a detector is on the sky.

        Parameters
        ----------
        detector
            Its number.
        ra, dec
            Boresight, degrees ICRS.
        sky_angle
            Degrees, of focal-plane +Y, east of north.
        padding
            Arcseconds to add on all sides.

        Returns
        -------
        region
            None if the camera's geometry is not known.
        """
        ...

    def raw_formatter(self, exposure: Exposure) -> str | None:
        """Name the class that reads its raws; None: the one that repositories are configured with."""
        ...


class OurCameraStack:
    """Knows a camera by its file: for all cameras without a package of Rubin's.

    Parameters
    ----------
    camera
        The camera.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._mosaics = MosaicReader([hdu for part in camera.raw_parts for hdu in part.hdus])

    def fetch(self, raw: RawImage, folder: Path) -> Path:
        """See `CameraStack.fetch`."""
        if self._camera.raw_keys.scheme.names_detector:
            return fetch(raw.uri, folder)
        part = part_of([self._camera.detector(raw.key.detector)])
        return fetch_part(raw.uri, folder, self._mosaics, part)

    def read(self, path: Path, raw: RawImage) -> Exposure:
        """See `CameraStack.read`."""
        part = part_of([self._camera.detector(raw.key.detector)])
        cards = read_cards(path, raw.uri, part)
        try:
            exposure = read_exposure(self._camera, cards, raw.key)
        except InvalidHeaderError as error:
            raise RawUnreadableError(f"{raw.uri}: {error}") from error
        self._check(exposure, raw)
        return exposure

    def _check(self, exposure: Exposure, raw: RawImage) -> None:
        for name in ("exposure", "group", "snap"):
            said, told = getattr(exposure, name), getattr(raw, name)
            if said != told:
                raise RawUnreadableError(f"{raw.uri}: the header says {name} {said!r}, it came as {told!r}")
        if exposure.physical_filter not in self._camera.filters:
            raise RawUnreadableError(
                f"{raw.uri}: {exposure.physical_filter!r} is no filter of {self._camera.instrument}"
            )

    def footprint(
        self, detector: int, ra: float, dec: float, sky_angle: float, padding: float
    ) -> ConvexPolygon | None:
        """See `CameraStack.footprint`."""
        return self._hull([detector], ra, dec, sky_angle, padding)

    def records(self, universe: DimensionUniverse, exposure: Exposure) -> Sequence[DimensionRecord]:
        """See `CameraStack.records`.

        Visits are one-to-one: each exposure is a visit of the same number.
        """
        return define_visit(
            universe,
            exposure,
            whole=self._region(exposure, None),
            own=self._region(exposure, [exposure.detector]),
            day_begins=self._camera.header.day_begins,
        )

    def raw_formatter(self, exposure: Exposure) -> None:
        """See `CameraStack.raw_formatter`."""

    def _region(self, exposure: Exposure, detectors: Sequence[int] | None) -> ConvexPolygon | None:
        ra, dec, angle = exposure.ra, exposure.dec, exposure.sky_angle
        if ra is None or dec is None or angle is None:
            return None
        return self._hull(detectors, ra, dec, angle, 0.0)

    def _hull(
        self, detectors: Sequence[int] | None, ra: float, dec: float, sky_angle: float, padding: float
    ) -> ConvexPolygon | None:
        padding += margin_of(self._camera.pointing_error)
        try:
            return hull(
                corners_on_sky(self._camera, ra, dec, sky_angle, detectors=detectors, padding=padding)
            )
        except NoGeometryError:
            return None


def margin_of(pointing_error: float) -> float:
    """Say by how many arcseconds regions are wider for pointings that may be off by so many degrees.

    They are where a camera may look, so that catalogue and templates reach as far as the search for the
    right place.
    """
    return 3600.0 * pointing_error


def define_visit(
    universe: DimensionUniverse,
    exposure: Exposure,
    *,
    whole: Region | None,
    own: Region | None,
    day_begins: float = 12.0,
) -> Sequence[DimensionRecord]:
    """Make the records of an exposure and of the visit that it is.

    Parameters
    ----------
    universe
        The dimensions.
    exposure
        The exposure.
    whole, own
        What all detectors see, and what the exposure's own does; None is unknown.
    day_begins
        Hours after midnight TAI at which day_obs changes.
    """
    records = [
        make_record(universe, element, instrument=exposure.instrument, **facts)
        for element, facts in _facts(exposure, day_begins).items()
    ]
    records.append(
        make_record(universe, "visit", instrument=exposure.instrument, region=whole, **_visit(exposure))
    )
    if own is not None:
        place = {"visit": exposure.exposure, "detector": exposure.detector, "region": own}
        records.append(
            make_record(universe, "visit_detector_region", instrument=exposure.instrument, **place)
        )
    return records


def _facts(exposure: Exposure, day_begins: float) -> dict[str, dict[str, Any]]:
    number = exposure.exposure
    return {
        "group": {"name": exposure.group},
        "day_obs": {
            "id": exposure.day_obs,
            "timespan": Timespan.from_day_obs(exposure.day_obs, offset=round(day_begins * 3600)),
        },
        "exposure": _exposure(exposure),
        "visit_system_membership": {"visit_system": ONE_TO_ONE, "visit": number},
        "visit_definition": {"exposure": number, "visit": number},
    }


def _exposure(exposure: Exposure) -> dict[str, Any]:
    return {
        "id": exposure.exposure,
        "day_obs": exposure.day_obs,
        "group": exposure.group,
        "physical_filter": exposure.physical_filter,
        "obs_id": exposure.obs_id,
        "exposure_time": exposure.exposure_time,
        "dark_time": exposure.dark_time,
        "observation_type": exposure.observation_type,
        "seq_num": exposure.seqnum,
        "seq_start": exposure.seqnum,
        "seq_end": exposure.seqnum,
        "tracking_ra": exposure.ra,
        "tracking_dec": exposure.dec,
        "sky_angle": exposure.sky_angle,
        "has_simulated": False,
        "can_see_sky": exposure.observation_type not in {"bias", "dark"},
        "timespan": timespan(exposure.begin, exposure.end),
    }


def _visit(exposure: Exposure) -> dict[str, Any]:
    return {
        "id": exposure.exposure,
        "day_obs": exposure.day_obs,
        "physical_filter": exposure.physical_filter,
        "name": exposure.obs_id,
        "seq_num": exposure.seqnum,
        "exposure_time": exposure.exposure_time,
        "timespan": timespan(exposure.begin, exposure.end),
    }
