"""Projections from headers and from geometry."""

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from lsst.images import Box, DetectorFrame, SkyProjection

from prompt_pipelines.camera import CameraDict, find_detector
from prompt_pipelines.errors import WcsError
from prompt_pipelines.wcs import Pointing, geometry_header, make_projection, sky_header
from tests.unit.prompt_pipelines.tiny_camera import NX, NY, tiny_camera

CENTRE = ((NX - 1) / 2, (NY - 1) / 2)
LSST_DISTORTION = [0.0, 1.0, 0.0, -8.33713991e-09, 0.0, -1.41389858e-15]


def _project(camera: CameraDict, pointing: Pointing, detector: int = 0) -> SkyProjection[Any]:
    frame = DetectorFrame(instrument="TinyCam", detector=detector, bbox=Box.from_shape((NY, NX)))
    return make_projection(geometry_header(camera, find_detector(camera, detector), pointing), frame)


@settings(max_examples=20, deadline=None)
@given(
    ra=st.floats(1e-5, 359.9),  # AST takes a millionth of a degree for 0
    dec=st.floats(-80, 80),
    angle=st.floats(0, 360),
    place=st.tuples(st.floats(1, 310), st.floats(0, 360)),
    east=st.booleans(),
)
def test_a_detector_lies_where_its_millimetres_say(
    ra: float, dec: float, angle: float, place: tuple[float, float], east: bool
) -> None:
    radius, direction = place
    camera = tiny_camera()
    plane = camera["focal_plane"]
    assert plane is not None
    plane["radial_distortion"], plane["x_is_east"] = LSST_DISTORTION, east
    detector = find_detector(camera, 0)
    x, y = radius * np.cos(np.radians(direction)), radius * np.sin(np.radians(direction))
    detector["x_mm"], detector["y_mm"] = x, y
    sky = _project(camera, Pointing(ra, dec, angle)).pixel_to_sky(x=CENTRE[0], y=CENTRE[1])
    boresight = SkyCoord(ra, dec, unit="deg")
    distorted = sum(c * radius**power for power, c in enumerate(LSST_DISTORTION))
    # On the tangent plane the distance is the tangent of the angle.
    separation = np.degrees(np.arctan(np.radians(20.0 * distorted / 3600.0)))
    # +Y stands at the sky angle, east of north; +X a quarter turn from it, westward unless flipped.
    from_y = np.degrees(np.arctan2(x, y)) * (1 if east else -1)
    wanted = boresight.directional_offset_by((angle + from_y) * u.deg, separation * u.deg)
    assert wanted.separation(sky).arcsec < 0.001


def test_yaw_turns_the_pixels_and_not_the_place() -> None:
    camera = tiny_camera()
    straight = _project(camera, Pointing(10.0, 20.0, 0.0))
    find_detector(camera, 0)["yaw_deg"] = 90.0
    turned = _project(camera, Pointing(10.0, 20.0, 0.0))
    same = straight.pixel_to_sky(x=CENTRE[0], y=CENTRE[1])
    assert same.separation(turned.pixel_to_sky(x=CENTRE[0], y=CENTRE[1])).arcsec < 1e-6
    # Detector x has become focal-plane y: what was 50 pixels up is now 50 pixels to the right.
    up = straight.pixel_to_sky(x=CENTRE[0], y=CENTRE[1] + 50)
    right = turned.pixel_to_sky(x=CENTRE[0] + 50, y=CENTRE[1])
    assert up.separation(right).arcsec < 1e-6


@pytest.mark.parametrize("distortion", [[0.0, 1.0, 1e-6], [0.1, 1.0], [0.0, 1.0, 0.0, 0.0, 1e-9]])
def test_an_even_distortion_is_refused(distortion: list[float]) -> None:
    camera = tiny_camera()
    assert camera["focal_plane"] is not None
    camera["focal_plane"]["radial_distortion"] = distortion
    with pytest.raises(WcsError, match="cannot be written as a TPV projection"):
        _project(camera, Pointing(10.0, 20.0, 0.0))


def _raw_header() -> fits.Header:
    header = fits.Header()
    for name, value in {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": "124.5", "CRVAL2": "25.25",
        "CRPIX1": "60.0", "CRPIX2": "50.0", "CD1_1": "-0.0003", "CD1_2": "0.0", "CD2_1": "0.0",
        "CD2_2": "0.0003", "CUNIT1": "deg", "CUNIT2": "deg", "RADESYS": "ICRS", "PV1_1": "1.01",
        "PV2_1": "1.0", "OBJECT": "none",
    }.items():  # fmt: skip
        header[name] = value
    return header


def test_text_becomes_numbers_and_trimming_moves_the_reference_pixel() -> None:
    detector = find_detector(tiny_camera(), 0)
    for amplifier in detector["amplifiers"]:
        amplifier["data"] = [amplifier["data"][0] + 17, amplifier["data"][1] + 17, *amplifier["data"][2:]]
    header = sky_header(_raw_header(), detector, "TPV")
    assert (header["CRPIX1"], header["CRPIX2"]) == (43.0, 50.0)
    assert header["CTYPE1"] == "RA---TPV"
    assert "OBJECT" not in header
    frame = DetectorFrame(instrument="TinyCam", detector=0, bbox=Box.from_shape((NY, NX)))
    projection = make_projection(header, frame)
    sky = projection.pixel_to_sky(x=42.0, y=49.0)
    assert (sky.ra.deg, sky.dec.deg) == pytest.approx((124.5, 25.25))
    # A degree along the first axis is 1.01 degrees by the distortion.
    away = projection.pixel_to_sky(x=142.0, y=49.0)
    assert sky.separation(away).deg == pytest.approx(100 * 0.0003 * 1.01, rel=1e-6)


@pytest.mark.parametrize(
    ("card", "value", "message"),
    [
        ("CRVAL1", "none", "is no number"),
        ("CD1_1", "nan", "is not finite"),
        ("CTYPE2", None, "CTYPE2 missing"),
    ],
)
def test_a_header_without_a_wcs_is_named(card: str, value: str | None, message: str) -> None:
    header = _raw_header()
    if value is None:
        del header[card]
    else:
        header[card] = value
    with pytest.raises(WcsError, match=message):
        sky_header(header, find_detector(tiny_camera(), 0), None)


@pytest.mark.parametrize("card", ["CRVAL1", "CTYPE2"])
def test_a_wcs_that_cannot_be_read_is_named(card: str) -> None:
    header = _raw_header()
    del header[card]
    header.append(fits.Card.fromstring(f"{card:8s}= NaN"))
    with pytest.raises(WcsError, match=f"{card} cannot be read"):
        sky_header(header, find_detector(tiny_camera(), 0), None)


def test_amplifiers_that_are_trimmed_differently_have_no_common_wcs() -> None:
    detector = find_detector(tiny_camera(), 0)
    detector["amplifiers"][1]["data"] = [110, 210, 0, NY]
    with pytest.raises(WcsError, match="trimmed by different amounts"):
        sky_header(_raw_header(), detector, None)
