import math
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import SimulatorError
from simulator.world.optics import Pointing, field_radius, pixel_scale, pixels_of
from tests.unit.simulator.cameras import NX, NY, make_camera

CAMERA = make_camera()
CENTRE = ((NX - 1) / 2, (NY - 1) / 2)

pointings = st.builds(Pointing, ra=st.floats(0, 360), dec=st.floats(-89, 89), sky_angle=st.floats(-360, 360))


def pixel(detector: int, pointing: Pointing, sky: SkyCoord) -> Any:
    x, y = pixels_of(
        CAMERA, CAMERA.detector(detector), pointing, np.atleast_1d(sky.ra.deg), np.atleast_1d(sky.dec.deg)
    )
    return float(x[0]), float(y[0])


@given(pointings)
def test_the_boresight_falls_on_the_middle_of_a_central_detector(pointing: Pointing) -> None:
    boresight = SkyCoord(pointing.ra, pointing.dec, unit="deg")
    assert pixel(0, pointing, boresight) == pytest.approx(CENTRE, abs=1e-6)


@given(pointings)
def test_up_is_at_the_sky_angle_and_across_is_west_of_it(pointing: Pointing) -> None:
    boresight = SkyCoord(pointing.ra, pointing.dec, unit="deg")
    for turn, expected in ((0, (0, 50)), (-90, (50, 0))):
        sky = boresight.directional_offset_by((pointing.sky_angle + turn) * u.deg, 10 / 3600 * u.deg)
        x, y = pixel(0, pointing, sky)
        assert (x - CENTRE[0], y - CENTRE[1]) == pytest.approx(expected, abs=1e-3)


def test_a_flipped_camera_has_east_across() -> None:
    plane = CAMERA.focal_plane
    assert plane is not None
    flipped = evolve(CAMERA, focal_plane=evolve(plane, x_is_east=True))
    pointing = Pointing(ra=10.0, dec=0.0, sky_angle=0.0)
    x, y = pixels_of(flipped, flipped.detector(0), pointing, np.array([10.0 + 10 / 3600]), np.array([0.0]))
    assert (x[0] - CENTRE[0], y[0] - CENTRE[1]) == pytest.approx((50, 0), abs=1e-3)


def test_a_turned_detector_off_axis_sees_the_field_turned_and_distorted() -> None:
    pointing = Pointing(ra=0.0, dec=0.0, sky_angle=0.0)
    # The sky at its centre: the distorted radius times the plate scale, as a tangent.
    radius = math.hypot(40, 25)
    seen = 20.0 * (radius - 1e-6 * radius**3)
    tangent = math.radians(seen / 3600)
    ra = -math.degrees(math.atan(tangent * 40 / radius))
    dec = math.degrees(math.atan(-tangent * 25 / radius * math.cos(math.radians(ra))))
    assert pixel(5, pointing, SkyCoord(ra, dec, unit="deg")) == pytest.approx(CENTRE, abs=1e-4)
    # North is along focal-plane +Y, which is the -x... +x of a detector turned by 90 degrees.
    x, y = pixel(5, pointing, SkyCoord(ra, dec + 2 / 3600, unit="deg"))
    assert x - CENTRE[0] == pytest.approx(10, abs=0.2)
    assert y - CENTRE[1] == pytest.approx(0, abs=0.2)


def test_what_is_behind_the_telescope_falls_nowhere() -> None:
    pointing = Pointing(ra=0.0, dec=0.0, sky_angle=0.0)
    assert np.isnan(pixel(0, pointing, SkyCoord(180.0, 0.0, unit="deg"))).all()


def test_the_field_reaches_to_the_farthest_corner() -> None:
    scale = pixel_scale(CAMERA, CAMERA.detector(0))
    assert scale == pytest.approx(0.2)
    radius = math.hypot(40, 25) + math.hypot(NX, NY) / 200
    assert field_radius(CAMERA) * 3600 == pytest.approx(20 * radius, rel=0.01)


def test_a_detector_without_place_is_an_error_that_names_it() -> None:
    lost = evolve(CAMERA.detector(5), placement=None)
    with pytest.raises(SimulatorError, match="detector 5"):
        pixel_scale(CAMERA, lost)
