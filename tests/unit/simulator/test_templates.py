"""Templates against the sky that they are made of."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from lsst.sphgeom import LonLat, UnitVector3d

from domain.times import TaiSeconds
from simulator.summit.night import PlannedVisit
from simulator.summit.templates import make_templates, patches_seen
from simulator.world.photometry import electrons_per_second
from simulator.world.sky import SkyDensity, make_sky
from simulator.world.skymap import make_skymap, skymap_records
from simulator.world.stars import Patch
from tests.unit.simulator.cameras import make_camera

PATCH = Patch(ra=149.9, dec=2.2, radius=0.06)
SKY = make_sky(
    PATCH,
    ("g", "r"),
    seed=3,
    epoch=TaiSeconds(1_795_000_000.0),
    density=SkyDensity(stars=4000, variables=1000, transients=3000, movers=3000),
)
SKYMAP = make_skymap(PATCH, scale=0.25)


@settings(max_examples=20)
@given(st.floats(0, 359), st.floats(-80, 80), st.floats(0.01, 0.3), st.floats(0.1, 1.0))
def test_a_skymap_covers_its_sky(ra: float, dec: float, radius: float, scale: float) -> None:
    skymap = make_skymap(Patch(ra=ra, dec=dec, radius=radius), scale=scale)
    regions = [record["region"] for record in skymap_records(skymap)["patch"]]
    assert len(regions) == skymap.across**2
    centre = SkyCoord(ra, dec, unit="deg")
    for angle in (0, 45, 90, 180, 270):
        edge = centre.directional_offset_by(angle * u.deg, 0.999 * radius * u.deg)
        point = UnitVector3d(LonLat.fromDegrees(edge.ra.deg, edge.dec.deg))
        assert any(region.contains(point) for region in regions)


def test_patches_reach_into_one_another_with_the_same_stars() -> None:
    templates = list(make_templates(SKY, SKYMAP, SKYMAP.patches(), ["r"], exposure_time=15.0, seed=1))
    assert [template.patch for template in templates] == list(SKYMAP.patches())
    assert SKYMAP.across == 2
    left, right = templates[0].image, templates[1].image
    shared = left.bbox.intersection(right.bbox)
    assert shared.x.size == 100
    difference = left.image[shared].array - right.image[shared].array
    assert difference.std() == pytest.approx(np.sqrt(2 * left.variance[shared].array.mean()), rel=0.05)


def test_patches_that_are_seen_are_those_below_detectors() -> None:
    camera = make_camera()
    sky = Patch(ra=10.0, dec=0.0, radius=0.3)
    skymap = make_skymap(sky, scale=0.2)
    visit = PlannedVisit(
        group="g",
        detectors=(0, 5),
        ra=10.0,
        dec=0.0,
        sky_angle=0.0,
        physical_filter="r_test",
        exposure_time=1,
    )
    # Detector 0 is at the centre; detector 5 is 40 mm (800 arcseconds) west and 25 mm south of it.
    seen = patches_seen(skymap, camera, [visit])
    assert skymap.across == 10
    boxes = [skymap.box(patch) for patch in seen]
    for x, y in ((0.0, 0.0), (800 / 0.2, -500 / 0.2)):
        column, row = skymap.centre + x, skymap.centre + y
        assert any(box.x.start <= column < box.x.stop and box.y.start <= row < box.y.stop for box in boxes)
    assert len(seen) <= 8
    assert patches_seen(skymap, camera, [evolve(visit, ra=None)]) == []


def test_stars_are_where_the_sky_has_them_and_nothing_else_is() -> None:
    (template,) = make_templates(SKY, make_skymap(PATCH, scale=0.5), [0], ["r"], exposure_time=15.0, seed=1)
    image = template.image
    assert image.sky_projection is not None
    sources = SKY.sources("r", TaiSeconds(1_795_000_000.0))
    pixels = image.sky_projection.sky_to_pixel(SkyCoord(sources.ra, sources.dec, unit="deg"))
    rows, columns = np.mgrid[: image.bbox.y.size, : image.bbox.x.size]
    together = np.hypot(pixels.x[:, None] - pixels.x, pixels.y[:, None] - pixels.y)
    alone = np.sort(together, axis=1)[:, 1] > 18
    checked = 0
    for index in np.flatnonzero(alone):
        near = np.hypot(columns - pixels.x[index], rows - pixels.y[index]) < 9
        light = image.image.array[near].sum()
        noise = np.sqrt(image.variance.array[near].sum())
        expected = sources.quiet[index]
        assert abs(light - expected) < 5 * noise + 0.002 * expected
        checked += 1
    assert checked > 20


def test_the_noise_is_that_of_the_variance_and_less_than_one_exposures() -> None:
    (template,) = make_templates(SKY, make_skymap(PATCH, scale=0.5), [0], ["g"], exposure_time=15.0, seed=1)
    empty = template.image.variance.array < 1.02 * template.image.variance.array.min()
    noise = template.image.image.array[empty].std()
    assert noise == pytest.approx(np.sqrt(template.image.variance.array[empty].mean()), rel=0.05)
    electrons = 15.0 * 0.5**2 * 10 ** (0.4 * (28 - 21))  # of the sky in one exposure's pixel
    one_exposure = np.sqrt(electrons) / 15.0 / float(electrons_per_second(1.0))
    assert noise == pytest.approx(one_exposure / np.sqrt(20), rel=0.05)
