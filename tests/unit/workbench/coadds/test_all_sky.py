"""Tracts and patches of all the sky: nothing of it is left out."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lsst.sphgeom import LonLat, UnitVector3d

from prompt_pipelines.tangent_plane import TangentPlane
from workbench.coadds.all_sky import AllSky

MAPS = {
    "small": AllSky.for_detector("small", scale=1.6, pixels=400),
    "rubin": AllSky.for_detector("rubin", scale=0.2, pixels=4072),
    "wide": AllSky.for_detector("wide", scale=60.0, pixels=6000),
}

positions = st.tuples(st.floats(0.0, 360.0), st.floats(-90.0, 90.0))
maps = st.sampled_from(sorted(MAPS))


@given(maps, positions)
@example("small", (0.0, 0.0))
@example("small", (360.0, 41.8103148957786))  # where four tracts of the base meet
@example("rubin", (45.0, 90.0))
@example("rubin", (0.0, -90.0))
@example("wide", (359.999999, 89.9999))
def test_every_position_lies_in_a_patch_away_from_its_edge(name: str, place: tuple[float, float]) -> None:
    sky = MAPS[name]
    (home,) = sky.patches_of(*(np.array([angle]) for angle in place))
    box = sky.box(home.patch)
    x, y = (float(axis[0]) for axis in sky.pixels_of(home.tract, *(np.array([one]) for one in place)))
    assert box.x.start + sky.border - 0.51 <= x <= box.x.stop - sky.border - 0.49
    assert box.y.start + sky.border - 0.51 <= y <= box.y.stop - sky.border - 0.49
    assert 0 <= home.patch < sky.across**2
    assert 0 <= home.tract < sky.record["tract_max"]
    assert sky.region(home).contains(UnitVector3d(LonLat.fromDegrees(*place)))


@given(maps, positions, st.floats(0.0, 360.0), st.data())
@example("small", (0.0, 90.0), 10.0, None)
def test_a_look_has_no_gap_between_its_patches(
    name: str, centre: tuple[float, float], turned: float, data: st.DataObject | None
) -> None:
    """What a detector sees between the places that are looked at lies on one of their patches."""
    sky = MAPS[name]
    step = 0.9 * sky.border  # of the places, in pixels
    angle = np.radians(turned)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * sky.scale
    places = np.stack(np.meshgrid(np.arange(-15, 16), np.arange(-15, 16)), axis=-1).reshape(-1, 2) * step
    plane = TangentPlane(*centre)
    patches = sky.patches_of(*plane.to_sky(places @ turn))
    far = 15.0 * step
    offset = (0.3, 0.4) if data is None else data.draw(st.tuples(st.floats(-far, far), st.floats(-far, far)))
    ra, dec = plane.to_sky(np.array([offset]) @ turn)
    margins = []
    for patch in patches:
        x, y = (float(axis[0]) for axis in sky.pixels_of(patch.tract, ra, dec))
        box = sky.box(patch.patch)
        margins.append(min(x - box.x.start, box.x.stop - x, y - box.y.start, box.y.stop - y))
    # More than an interpolation looks around.
    assert np.nanmax(margins) > 5.0


@given(maps, positions)
def test_a_projection_says_the_same_as_the_numbers(name: str, place: tuple[float, float]) -> None:
    sky = MAPS[name]
    (home,) = sky.patches_of(*(np.array([angle]) for angle in place))
    box = sky.box(home.patch)
    x, y = np.array([box.x.start, box.x.stop - 1.0]), np.array([box.y.stop - 1.0, box.y.start])
    ra, dec = sky.positions(home.tract, x, y)
    there = sky.projection(home.tract).pixel_to_sky(x=x, y=y)
    apart = np.hypot((there.ra.deg - ra + 180.0) % 360.0 - 180.0, 0.0) * np.cos(np.radians(dec))
    assert np.abs(apart).max() * 3600 < 1e-3 * sky.scale
    assert np.abs(there.dec.deg - dec).max() * 3600 < 1e-3 * sky.scale


@pytest.mark.parametrize(
    ("name", "degrees"), [("small", (0.17, 0.19)), ("rubin", (0.07, 0.08)), ("wide", (2.9, 4.5))]
)
def test_patches_are_of_a_detectors_size_or_a_part_of_it(name: str, degrees: tuple[float, float]) -> None:
    sky = MAPS[name]
    assert degrees[0] < sky.inner * sky.scale / 3600 < degrees[1]
    assert sky.across < 30


def test_what_was_written_down_is_the_same_sky() -> None:
    sky = MAPS["rubin"]
    assert AllSky.from_dict(sky.as_dict()) == sky
    assert sky.record["hash"] != AllSky.from_dict({**sky.as_dict(), "name": "other"}).record["hash"]
