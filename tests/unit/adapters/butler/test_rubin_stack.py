"""Rubin's packages, played by stand-ins, against this project's own geometry."""

# ruff: noqa: N802 - the names are Rubin's

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Angle, SkyCoord
from astropy.io import fits
from astropy.time import Time
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from lsst.daf.butler import DimensionUniverse
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.camera.rubin_packages import ObservationInfo, RubinPackages, rubin_instrument
from adapters.butler.camera.rubin_stack import RubinCameraStack
from adapters.files.cameras import find_camera
from domain.cameras.focal_plane import corners_on_sky
from domain.raws.raws import RawImage, parse_raw_key
from ports.workspace import RawUnreadableError
from tests.strategies.cameras import sky_angles

CAMERA = find_camera("SimCam")
UNIVERSE = DimensionUniverse()
INFO = SimpleNamespace(
    instrument="SimCam",
    detector_num=4,
    exposure_id=2026031300001,
    observation_id="SC_O_20260313_000001",
    exposure_group="g",
    observing_day=20260313,
    observation_counter=1,
    physical_filter="r_sim",
    exposure_time=15 * u.s,
    datetime_begin=Time(1773454540.0, format="unix_tai"),
    datetime_end=Time(1773454555.0, format="unix_tai"),
    tracking_radec=SkyCoord(150.0, 2.0, unit="deg"),
    boresight_rotation_angle=Angle(12.0, unit="deg"),
    observation_type="science",
)


class StandIn:
    """A detector, and its projection: the corners are those of this project, linear between them."""

    def __init__(self, number: int) -> None:
        self.number = number

    def getId(self) -> int:
        return self.number

    def getBBox(self) -> Any:
        return SimpleNamespace(getMinX=lambda: 0, getMaxX=lambda: 511, getMinY=lambda: 0, getMaxY=lambda: 511)


class LinearWcs:
    def __init__(self, corners: Any) -> None:
        self.corners = corners

    def pixelToSky(self, x: float, y: float) -> Any:
        first, across, _, up = self.corners
        right, top = (x + 0.5) / 512, (y + 0.5) / 512
        ra, dec = first + right * (across - first) + top * (up - first)
        return SimpleNamespace(getLongitude=lambda: _degrees(ra), getLatitude=lambda: _degrees(dec))

    def getPixelScale(self) -> Any:
        return _degrees(0.2 / 3600)


def _degrees(value: float) -> Any:
    return SimpleNamespace(asDegrees=lambda: value)


def packages(info: object = INFO) -> RubinPackages:
    def wcs(ra: float, dec: float, angle: float, detector: Any) -> Any:
        return LinearWcs(corners_on_sky(CAMERA, ra, dec, angle, detectors=[detector.getId()])[0])

    def translate(*_: object) -> ObservationInfo:
        if isinstance(info, Exception):
            raise info
        return cast(ObservationInfo, info)

    return RubinPackages(
        read_header=lambda _: {},
        translate=translate,
        detectors=[StandIn(detector.number) for detector in CAMERA.detectors],
        initial_wcs=wcs,
        raw_formatter=lambda detector: f"lsst.obs.lsst.Formatter{detector}",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "raw.fits"
    fits.PrimaryHDU(np.ones((40, 50))).writeto(path)
    return path


def raw(detector: int = 4) -> RawImage:
    name = CAMERA.detector(detector).name
    key = parse_raw_key(CAMERA, f"SimCam/20260313/SC_O_20260313_000001/SC_O_20260313_000001_{name}.fits")
    assert key is not None
    return RawImage(key=key, uri="file:///raw", exposure=2026031300001, group="g", snap=0)


def nearly_same(one: ConvexPolygon, other: ConvexPolygon) -> bool:
    apart = one.getCentroid().dot(other.getCentroid())
    sizes = [region.getBoundingCircle().getOpeningAngle().asRadians() for region in (one, other)]
    return math.acos(min(apart, 1.0)) < 0.01 * sizes[0] and math.isclose(*sizes, rel_tol=0.01)


# Away from the poles and from the seam in ra, which the stand-in's projection does not know.
@given(ra=st.floats(10, 350), dec=st.floats(-60, 60), angle=sky_angles)
def test_regions_are_those_of_the_geometry(ra: float, dec: float, angle: float) -> None:
    ours, rubins = OurCameraStack(CAMERA), RubinCameraStack(packages)
    for padding in (0.0, 5.0):
        mine = ours.footprint(4, ra, dec, angle, padding)
        theirs = rubins.footprint(4, ra, dec, angle, padding)
        assert mine is not None
        assert theirs is not None
        assert nearly_same(mine, theirs)


@pytest.mark.parametrize(("ra", "dec"), [(10.0, -10.0), (200.0, 0.0), (350.0, 10.0)])
def test_regions_reach_as_far_as_the_pointing_may_be_off(ra: float, dec: float, path: Path) -> None:
    ours = OurCameraStack(evolve(CAMERA, pointing_error=1.0))
    plain, rubins = RubinCameraStack(packages), RubinCameraStack(packages, pointing_error=1.0)
    exposure = evolve(rubins.read(path, raw()), ra=ra, dec=dec, sky_angle=0.0)
    true_place = UnitVector3d(LonLat.fromDegrees(ra, dec + 1.0))
    made, narrow, mine = (
        {record.definition.name: record for record in stack.records(UNIVERSE, exposure)}
        for stack in (rubins, plain, ours)
    )
    for name in ("visit", "visit_detector_region"):
        assert made[name].region.contains(true_place)
        assert not narrow[name].region.contains(true_place)
        assert nearly_same(made[name].region, mine[name].region)
    footprint, other = (stack.footprint(4, ra, dec, 0.0, 30.0) for stack in (rubins, ours))
    assert footprint is not None
    assert other is not None
    assert nearly_same(footprint, other)


def test_both_stacks_define_the_same_visit(path: Path) -> None:
    stack = RubinCameraStack(packages)
    exposure = stack.read(path, raw())
    made = {record.definition.name: record for record in stack.records(UNIVERSE, exposure)}
    ours = {record.definition.name: record for record in OurCameraStack(CAMERA).records(UNIVERSE, exposure)}
    assert made.keys() == ours.keys()
    assert made["exposure"] == ours["exposure"]
    assert nearly_same(made["visit"].region, ours["visit"].region)
    assert stack.raw_formatter(exposure) == "lsst.obs.lsst.Formatter4"


@pytest.mark.parametrize(
    ("info", "expected", "reason"),
    [
        (SimpleNamespace(**{**vars(INFO), "exposure_group": "h"}), raw(), "group"),
        (SimpleNamespace(**{**vars(INFO), "exposure_id": 1}), raw(), "exposure"),
        (INFO, raw(5), "detector 4"),
        (KeyError("DATE-BEG"), raw(), "DATE-BEG"),
    ],
)
def test_what_contradicts_or_cannot_be_read_is_named(
    info: object, expected: RawImage, reason: str, path: Path
) -> None:
    with pytest.raises(RawUnreadableError, match=reason):
        RubinCameraStack(lambda: packages(info)).read(path, expected)


def test_a_truncated_file_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(RawUnreadableError, match=r"file:///raw: .*truncated"):
        RubinCameraStack(packages).read(path, raw())


def test_without_the_packages_our_own_stack_is_taken() -> None:
    assert rubin_instrument("LSSTCam") is None
