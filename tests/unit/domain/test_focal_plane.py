import math
import re
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.cameras.camera import Camera, FocalPlane, UnknownDetectorError
from domain.cameras.focal_plane import InvalidPointingError, NoGeometryError, corners_on_sky
from tests.shared_data import shared_data
from tests.strategies.cameras import PLACED, SHIPPED, declinations, right_ascensions, sky_angles

CAMERAS = pytest.mark.parametrize("camera", PLACED, ids=[camera.instrument for camera in PLACED])
LSSTCAM, LATISS, SIMCAM = SHIPPED["LSSTCam"], SHIPPED["LATISS"], SHIPPED["SimCam"]
ARCSEC = 1 / 3600


def _vectors(positions: Any) -> Any:
    ra, dec = np.radians(np.moveaxis(np.asarray(positions), -1, 0))
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def _distances(one: Any, other: Any) -> Any:
    """Angles in degrees between positions, good for small ones too."""
    return np.degrees(2 * np.arcsin(np.linalg.norm(_vectors(one) - _vectors(other), axis=-1) / 2))


def _areas(corners: Any) -> Any:
    """Square degrees of spherical quadrilaterals, as two triangles each."""
    a, b, c, d = np.moveaxis(_vectors(corners), 1, 0)
    return sum(_triangle(a, *two) for two in ((b, c), (c, d))) * np.degrees(1) ** 2


def _triangle(a: Any, b: Any, c: Any) -> Any:
    # Van Oosterom and Strackee (1983).
    volume = np.sum(a * np.cross(b, c), axis=-1)
    angles = 1 + np.sum(a * b, axis=-1) + np.sum(b * c, axis=-1) + np.sum(c * a, axis=-1)
    return np.abs(2 * np.arctan2(volume, angles))


@CAMERAS
@given(right_ascensions, declinations, sky_angles)
def test_positions_are_on_the_sphere(camera: Camera, ra: float, dec: float, angle: float) -> None:
    corners = corners_on_sky(camera, ra, dec, angle, padding=30.0)
    assert corners.shape == (len(camera.detectors), 4, 2)
    assert np.all((corners[..., 0] >= 0) & (corners[..., 0] < 360))
    assert np.all(np.abs(corners[..., 1]) <= 90)


@CAMERAS
@given(right_ascensions, declinations, sky_angles)
def test_corners_lie_where_spherical_trigonometry_puts_them(
    camera: Camera, ra: float, dec: float, angle: float
) -> None:
    plane = camera.focal_plane
    assert plane is not None
    boresight = SkyCoord(ra * u.deg, dec * u.deg)
    found = corners_on_sky(camera, ra, dec, angle)
    for detector, corners in list(zip(camera.detectors, found, strict=True))[::37]:
        place, kind = detector.placement, detector.type
        assert place is not None
        assert kind is not None
        half = np.array([kind.nx, kind.ny]) * kind.pixel_size / 2000
        yaw = math.radians(place.yaw)
        for position, signs in zip(corners, [(-1, -1), (1, -1), (1, 1), (-1, 1)], strict=True):
            along, across = half * signs
            x = place.x + along * math.cos(yaw) - across * math.sin(yaw)
            y = place.y + along * math.sin(yaw) + across * math.cos(yaw)
            radius = math.hypot(x, y)
            distorted = sum(term * radius**power for power, term in enumerate(plane.radial_distortion))
            # Eastwards from +Y goes towards -X, but in a flipped camera.
            turn = math.atan2(x if plane.x_is_east else -x, y)
            expected = boresight.directional_offset_by(
                angle * u.deg + turn * u.rad,
                math.atan(distorted * plane.plate_scale / 3600 / 57.29577951308232) * u.rad,
            )
            assert _distances(position, [expected.ra.deg, expected.dec.deg]) < 1e-9


@CAMERAS
@given(right_ascensions, declinations, sky_angles, st.floats(-360, 360))
def test_a_turn_of_the_camera_changes_no_distance(
    camera: Camera, ra: float, dec: float, angle: float, turn: float
) -> None:
    before = corners_on_sky(camera, ra, dec, angle).reshape(-1, 2)
    after = corners_on_sky(camera, ra, dec, angle + turn).reshape(-1, 2)
    assert np.allclose(_distances(before, [ra, dec]), _distances(after, [ra, dec]), atol=1e-10)
    assert np.allclose(_distances(before, before[0]), _distances(after, after[0]), atol=1e-10)


@CAMERAS
@given(right_ascensions, st.floats(-89, 89), sky_angles, st.floats(-360, 360))
def test_a_shift_in_ra_shifts_every_corner_alike(
    camera: Camera, ra: float, dec: float, angle: float, shift: float
) -> None:
    before = corners_on_sky(camera, ra, dec, angle)
    after = corners_on_sky(camera, ra + shift, dec, angle)
    assert np.allclose(before[..., 1], after[..., 1], atol=1e-10)
    moved = (after[..., 0] - before[..., 0] - shift + 180) % 360 - 180
    assert np.allclose(moved, 0, atol=1e-7)


@pytest.mark.parametrize("pole", [90.0, -90.0])
@given(right_ascensions, sky_angles)
def test_at_a_pole_ra_only_turns_the_camera(pole: float, ra: float, angle: float) -> None:
    turned = corners_on_sky(LSSTCAM, 0.0, pole, angle - math.copysign(ra, pole))
    assert np.max(_distances(corners_on_sky(LSSTCAM, ra, pole, angle), turned)) < 1e-9


def test_a_pointing_across_ra_zero_is_whole() -> None:
    found = corners_on_sky(LSSTCAM, 359.9, 0.0, 0.0)[..., 0]
    assert found.min() < 2
    assert found.max() > 358
    middle = (corners_on_sky(LSSTCAM, 180.0, 0.0, 0.0)[..., 0] - 180.0 + 359.9) % 360
    assert np.allclose(found, middle)


@CAMERAS
@given(right_ascensions, declinations, sky_angles)
def test_areas_are_those_of_the_pixels(camera: Camera, ra: float, dec: float, angle: float) -> None:
    plane = camera.focal_plane
    assert plane is not None
    expected = []
    for detector in camera.detectors:
        assert detector.type is not None
        assert detector.placement is not None
        scale = detector.type.pixel_size / 1000 * plane.plate_scale / 3600
        distortion = np.polynomial.Polynomial(plane.radial_distortion)
        radius = max(math.hypot(detector.placement.x, detector.placement.y), 1e-6)
        stretch = distortion(radius) / radius * distortion.deriv()(radius)
        expected.append(detector.type.nx * detector.type.ny * scale**2 * stretch)
    # At the edge of 1.7 degrees the projection takes 0.4 per cent.
    assert np.allclose(_areas(corners_on_sky(camera, ra, dec, angle)), expected, rtol=0.01)


def test_the_axes_at_rotation_zero() -> None:
    # R01_S00 has negative x and y, R43_S22 positive ones.
    for number, east, north in ((0, 1, -1), (188, -1, 1)):
        (corners,) = corners_on_sky(LSSTCAM, 10.0, 0.0, 0.0, detectors=[number])
        assert np.all(np.sign(corners - [10.0, 0.0]) == [east, north])


def test_a_flipped_camera_is_seen_in_a_mirror() -> None:
    corners = corners_on_sky(LATISS, 10.0, 0.0, 0.0)
    assert LATISS.focal_plane is not None
    unflipped = evolve(LATISS, focal_plane=evolve(LATISS.focal_plane, x_is_east=False))
    mirrored = corners_on_sky(unflipped, 10.0, 0.0, 0.0)
    assert np.allclose(corners[..., 0] - 10.0, 10.0 - mirrored[..., 0])
    assert np.allclose(corners[..., 1], mirrored[..., 1])
    first, second = corners[0, :2, 0]
    assert first < second


def test_corners_begin_at_the_first_pixel_and_turn_with_the_detector() -> None:
    # R00_SG0 is mounted at 90 degrees: its x runs along focal-plane +Y, north here.
    ((first, second, _, last),) = corners_on_sky(LSSTCAM, 0.0, 0.0, 0.0, detectors=[189])
    assert second[1] - first[1] == pytest.approx(4072 * 0.2 * ARCSEC, rel=0.01)
    # Its y runs along -X, east.
    assert last[0] - first[0] == pytest.approx(4000 * 0.2 * ARCSEC, rel=0.01)


@CAMERAS
@given(right_ascensions, declinations, sky_angles, st.floats(1, 300))
def test_padding_moves_every_edge_outwards_by_as_much(
    camera: Camera, ra: float, dec: float, angle: float, padding: float
) -> None:
    plain = _vectors(corners_on_sky(camera, ra, dec, angle))
    padded = _vectors(corners_on_sky(camera, ra, dec, angle, padding=padding))
    middles = plain.sum(axis=1)
    poles = np.cross(padded, np.roll(padded, -1, axis=1))
    poles /= np.linalg.norm(poles, axis=-1, keepdims=True)
    poles *= np.sign(np.sum(poles * middles[:, None, :], axis=-1, keepdims=True))
    for corner in (plain, np.roll(plain, -1, axis=1)):
        inside = np.degrees(np.arcsin(np.sum(poles * corner, axis=-1)))
        assert np.allclose(inside * 3600, padding, rtol=1e-3)


def test_lowell_lies_where_its_headers_put_it() -> None:
    camera = SHIPPED["Lowell42"]
    linear = re.compile(r"CRVAL[12]|CRPIX[12]|CD[12]_[12]")
    for path in sorted((shared_data("lowell-2019-03-26") / "light").glob("*.fits.fz")):
        header = fits.getheader(path, 1)
        ra, dec, detector = float(header["CRVAL1"]), float(header["CRVAL2"]), int(header["XDET"])
        (found,) = corners_on_sky(camera, ra, dec, 2.28, detectors=[detector])
        kind = camera.detector(detector).type
        assert kind is not None
        # Trimming takes 17 columns.
        left, right, bottom, top = 17.5, kind.nx + 17.5, 0.5, kind.ny + 0.5
        pixels = [(left, bottom), (right, bottom), (right, top), (left, top)]
        cards = {name: float(card) for name, card in header.items() if linear.fullmatch(name)}
        wcs = WCS(fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"} | cards))
        assert np.max(_distances(found, wcs.all_pix2world(pixels, 1))) < 1.0 * ARCSEC


@pytest.mark.parametrize(
    ("millimetres", "arcseconds"), [(60.0, 670.73), (150.0, 1661.57), (220.0, 2404.53), (262.0, 2830.77)]
)
def test_hsc_is_distorted_as_lsst_obs_subaru_says(millimetres: float, arcseconds: float) -> None:
    # Means over all directions of its polynomial, to which 0.7 arcseconds more or less are some directions.
    plane = SHIPPED["HSC"].focal_plane
    assert plane is not None
    found = np.polynomial.Polynomial(plane.radial_distortion)(millimetres) * plane.plate_scale
    assert found == pytest.approx(arcseconds, abs=0.15)


def test_hsc_lies_where_its_headers_put_it() -> None:
    # Of HSCA04090107: "rough estimation", without distortion, in pixels of the raw with its overscan.
    header = fits.Header(
        {
            "CTYPE1": "RA---TAN",
            "CRVAL1": 21.1572375,
            "CRPIX1": -3220.833,
            "CTYPE2": "DEC--TAN",
            "CRVAL2": 1.25975833,
            "CRPIX2": 17801.167,
            "CD1_1": 0.0,
            "CD1_2": 4.7222222e-05,
            "CD2_1": -4.7222222e-05,
            "CD2_2": 0.0,
        }
    )
    # The raw is the image turned left to right: its first column is the image's last.
    raw = [(2144.5, 49.5), (0.5, 49.5), (0.5, 4225.5), (2144.5, 4225.5)]
    rough = WCS(header).all_pix2world(raw, 1)
    (found,) = corners_on_sky(SHIPPED["HSC"], 21.1572375, 1.25975833, 270.0, detectors=[37])
    # The same sides of the sky in the same order, 4 % nearer to the middle.
    assert np.all(_distances(found, rough) < 0.055 * _distances(rough, [21.1572375, 1.25975833]))
    middle, true_middle = found.mean(axis=0), rough.mean(axis=0)
    sides, true_sides = (np.diff(corners, axis=0) for corners in (found, rough))
    assert np.allclose(sides, true_sides, rtol=0.12, atol=0.004)
    out, true_out = (_distances(place, [21.1572375, 1.25975833]) for place in (middle, true_middle))
    assert out / true_out == pytest.approx(0.96, abs=0.02)


def test_a_camera_without_geometry_says_so() -> None:
    with pytest.raises(NoGeometryError, match="LSST-TS8"):
        corners_on_sky(SHIPPED["LSST-TS8"], 0, 0, 0)


def test_a_detector_without_a_place_is_named() -> None:
    lost = evolve(SIMCAM.detectors[0], placement=None)
    camera = evolve(SIMCAM, detectors=(lost, *SIMCAM.detectors[1:]))
    with pytest.raises(NoGeometryError, match="R22_S00"):
        corners_on_sky(camera, 0, 0, 0)
    assert corners_on_sky(camera, 0, 0, 0, detectors=[1]).shape == (1, 4, 2)


def test_asking_for_no_detectors_gives_none() -> None:
    assert corners_on_sky(SIMCAM, 0, 0, 0, detectors=[]).shape == (0, 4, 2)


def test_unknown_detectors_are_refused() -> None:
    with pytest.raises(UnknownDetectorError):
        corners_on_sky(SIMCAM, 0, 0, 0, detectors=[9])


@pytest.mark.parametrize(
    ("ra", "dec", "angle", "padding"),
    [
        (math.nan, 0, 0, 0),
        (math.inf, 0, 0, 0),
        (0, 90.001, 0, 0),
        (0, math.nan, 0, 0),
        (0, 0, math.inf, 0),
        (0, 0, 0, -1),
        (0, 0, 0, math.nan),
    ],
)
def test_what_is_no_pointing_is_refused(ra: float, dec: float, angle: float, padding: float) -> None:
    with pytest.raises(InvalidPointingError):
        corners_on_sky(SIMCAM, ra, dec, angle, padding=padding)


def test_an_undistorted_focal_plane_is_the_default() -> None:
    assert FocalPlane(plate_scale=20.0).radial_distortion == (0.0, 1.0)
