"""Exposures and visits as the registry is told of them."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from lsst.daf.butler import DimensionRecord, DimensionUniverse
from lsst.sphgeom import LonLat, UnitVector3d, Vector3d

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.files.cameras import find_camera
from domain.cameras.camera import Box
from domain.cameras.focal_plane import corners_on_sky
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage, parse_raw_key
from ports.workspace import RawUnreadableError
from simulator.world.cards import header_cards
from tests.contracts.test_writer import exposure
from tests.strategies.cameras import right_ascensions, sky_angles

UNIVERSE = DimensionUniverse()
CAMERA = find_camera("SimCam")
STACK = OurCameraStack(CAMERA)
KIND = CAMERA.detector(4).type
assert KIND is not None
AMPLIFIER = KIND.amplifiers[0]


def records(observed: Exposure) -> dict[str, DimensionRecord]:
    return {record.definition.name: record for record in STACK.records(UNIVERSE, observed)}


@given(ra=right_ascensions, dec=st.floats(-89, 89), angle=sky_angles)
def test_regions_hold_their_detectors(ra: float, dec: float, angle: float) -> None:
    observed = evolve(exposure("g", ra), dec=dec, sky_angle=angle)
    made = records(observed)
    for detector, corners in zip(CAMERA.detectors, corners_on_sky(CAMERA, ra, dec, angle), strict=True):
        first, _, opposite, _ = (Vector3d(UnitVector3d(LonLat.fromDegrees(x, y))) for x, y in corners)
        point = UnitVector3d(first + opposite)
        assert made["visit"].region.contains(point)
        own = made["visit_detector_region"].region
        assert own.contains(point) == (detector.number == observed.detector)


def test_without_a_pointing_there_is_no_region() -> None:
    made = records(exposure("g", None))
    assert made["visit"].region is None
    assert "visit_detector_region" not in made


def test_a_visit_is_its_exposure() -> None:
    made = records(exposure("g", 1.0))
    assert made["visit"].id == made["exposure"].id == made["visit_definition"].visit
    assert made["visit"].name == made["exposure"].obs_id
    assert made["visit"].timespan == made["exposure"].timespan
    assert made["day_obs"].timespan.contains(made["exposure"].timespan)


@given(ra=right_ascensions, dec=st.floats(-80, 80), angle=sky_angles, padding=st.floats(1, 600))
def test_padding_widens_the_footprint(ra: float, dec: float, angle: float, padding: float) -> None:
    plain = STACK.footprint(4, ra, dec, angle, 0.0)
    padded = STACK.footprint(4, ra, dec, angle, padding)
    assert plain is not None
    assert padded is not None
    assert padded.contains(plain)
    wider = padded.getBoundingCircle().getOpeningAngle() - plain.getBoundingCircle().getOpeningAngle()
    assert padding * 0.9 < wider.asDegrees() * 3600 < padding * 1.5


@given(ra=right_ascensions, dec=st.floats(-80, 80))
def test_regions_reach_as_far_as_the_pointing_may_be_off(ra: float, dec: float) -> None:
    stack = OurCameraStack(evolve(CAMERA, pointing_error=1.0))
    observed = exposure("g", ra)
    observed = evolve(observed, dec=dec)
    true_place = LonLat.fromDegrees(ra, dec + 1.0)
    made = {record.definition.name: record for record in stack.records(UNIVERSE, observed)}
    for name in ("visit", "visit_detector_region"):
        assert made[name].region.contains(UnitVector3d(true_place))
        assert not records(observed)[name].region.contains(UnitVector3d(true_place))
    footprint = stack.footprint(4, ra, dec, 0.0, 30.0)
    assert footprint is not None
    assert footprint.contains(UnitVector3d(true_place))


PLACE = "SimCam/20260313/SC_O_20260313_000001/SC_O_20260313_000001_R22_S11.fits"


def raw_of(path: Path, *hdus: fits.ImageHDU, stack: OurCameraStack = STACK) -> Exposure:
    """Read a file that holds these images, as the raw of the middle detector."""
    key = parse_raw_key(CAMERA, PLACE)
    assert key is not None
    observed = exposure("g", 10.0)
    primary = fits.PrimaryHDU(header=fits.Header(header_cards(CAMERA, observed)))
    fits.HDUList([primary, *hdus]).writeto(path)
    image = RawImage(key=key, uri=path.as_uri(), exposure=observed.exposure, group="g", snap=observed.snap)
    return stack.read(path, image)


def test_the_frame_is_the_image_of_the_detectors_size(tmp_path: Path) -> None:
    frame = fits.ImageHDU(np.zeros((512, 576), np.uint16))
    preview = fits.ImageHDU(np.zeros((64, 72)), fits.Header({"GROUPID": "another"}))
    assert raw_of(tmp_path / "raw.fits", preview, frame).detector == 4


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(256, 288)], "288 x 256 pixels, where at least 576 x 512 belong"),
        ([(512, 576), (512, 576)], r"HDU 1 \(576 x 512\), HDU 2 \(576 x 512\)"),
    ],
    ids=["binned", "two"],
)
def test_a_file_without_one_such_image_is_refused(
    shapes: list[tuple[int, int]], said: str, tmp_path: Path
) -> None:
    images = [fits.ImageHDU(np.zeros(shape, np.uint16)) for shape in shapes]
    with pytest.raises(RawUnreadableError, match=rf"raw\.fits: .*{said}"):
        raw_of(tmp_path / "raw.fits", *images)


SEGMENTS = [f"Segment{number:02d}" for number in range(16)]


@pytest.mark.parametrize("there", [16, 15, 1])
@pytest.mark.parametrize("described", ["in their HDUs", "as one image", "not at all"])
def test_of_sixteen_amplifier_hdus_all_are_read_or_the_raw_is_refused_by_name(
    there: int, described: str, tmp_path: Path
) -> None:
    assert KIND is not None
    amplifiers = tuple(
        evolve(
            AMPLIFIER,
            name=name,
            hdu=name,
            data=Box(0, 64, 0, 256),
            overscan=Box(64, 72, 0, 256),
            image=Box(64 * column, 64 * column + 64, 256 * row, 256 * row + 256),
        )
        for name, (row, column) in zip(SEGMENTS, itertools.product(range(2), range(8)), strict=True)
    )
    kind = {
        "in their HDUs": evolve(KIND, amplifiers=amplifiers),
        "as one image": evolve(KIND, nx=64, ny=256, amplifiers=(evolve(amplifiers[0], hdu=None),)),
        "not at all": evolve(KIND, amplifiers=()),
    }[described]
    camera = evolve(CAMERA, detectors=tuple(evolve(one, type=kind) for one in CAMERA.detectors))
    images = [fits.CompImageHDU(np.zeros((256, 72), np.int32), name=name) for name in SEGMENTS[:there]]
    stack = OurCameraStack(camera)
    if described == "in their HDUs" and there == 16:
        assert raw_of(tmp_path / "raw.fits.fz", *images, stack=stack).detector == 4
    elif there > 1 or described == "in their HDUs":
        said = "in HDU Segment" if described == "in their HDUs" else "several of its images may be the frame"
        with pytest.raises(RawUnreadableError, match=rf"raw\.fits\.fz: .*{said}"):
            raw_of(tmp_path / "raw.fits.fz", *images, stack=stack)
