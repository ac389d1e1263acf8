"""Templates of a real night, made from its own exposures."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from attrs import evolve
from lsst.daf.butler import Butler

from adapters.files.cameras import load_camera
from adapters.files.catalogue_columns import load_columns
from domain.cameras.camera import Camera
from prompt_pipelines.positions import pixel_positions
from tests.shared_data import shared_data
from tests.unit.simulator.recorded import sky_of_night, spoil, write_night
from workbench.catalogues.given_catalogue import night_catalogue, placed_by_catalogue
from workbench.night_repository import make_repository
from workbench.replay import recorded_night
from workbench.templates.night_templates import SKYMAPS, add_night_templates

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.long]


def test_too_few_visits_make_no_templates(tmp_path: Path) -> None:
    plan, night = recorded_night(shared_data("lowell-2019-03-26"), load_camera("lowell"))
    plan = evolve(plan, visits=plan.visits[:5])
    make_repository(tmp_path, plan)
    parts, text = add_night_templates(tmp_path, plan, night)
    assert text == (
        "no templates, so no differences but SingleFrame:"
        " half of the night has 2 visits in VR, a template takes 3"
    )
    assert [part.visits for part in parts] == [plan.visits]
    with Butler.from_config(str(tmp_path)) as butler:
        found = butler.query_datasets("template_coadd", "Lowell42/templates", explain=False)
    assert not found


def clouded(_: fits.Header, pixels: np.ndarray) -> np.ndarray:
    """See no star: the sky's brightness with its noise, wherever it was."""
    noise = np.random.default_rng(7).normal(0.0, 5.0, pixels.shape)
    return np.asarray(np.median(pixels[:, :512]) + noise, dtype=np.uint16)


def elsewhere(header: fits.Header, pixels: np.ndarray) -> np.ndarray:
    header["RA"] += 0.5
    return pixels


def nowhere(header: fits.Header, pixels: np.ndarray) -> np.ndarray:
    del header["RA"]
    return pixels


SPOILT: dict[str, Callable[[fits.Header, np.ndarray], np.ndarray]] = {
    "cloud": clouded,
    "zeros": lambda _, pixels: np.zeros_like(pixels),
    "NaN": lambda _, pixels: np.full(pixels.shape, np.nan, np.float32),
    "saturated": lambda _, pixels: np.full_like(pixels, 65535),
    "elsewhere": elsewhere,
    "nowhere": nowhere,
}


@pytest.fixture(scope="module")
def camera() -> Camera:
    shipped = load_camera("simulated")
    return evolve(shipped, detectors=shipped.detectors[:1])


@pytest.fixture(scope="module")
def good_night(tmp_path_factory: pytest.TempPathFactory, camera: Camera) -> Path:
    folder = tmp_path_factory.mktemp("night")
    write_night(folder, camera, lights=7)
    return folder


@pytest.fixture(scope="module")
def calibrated(good_night: Path, camera: Camera, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the night's calibrations, whatever becomes of its lights."""
    root = tmp_path_factory.mktemp("calibrated") / "repo"
    make_repository(root, recorded_night(good_night, camera)[0])
    return root


@pytest.fixture
def repository(calibrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(calibrated, tmp_path / "repo"))


# The middle one is the first that is tried as the one with which the others are compared.
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_light_of_no_use_costs_itself_alone(
    spoilt: str,
    number: int,
    *,
    good_night: Path,
    repository: Path,
    camera: Camera,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "night"
    shutil.copytree(good_night, folder)
    spoil(folder / f"light{number}.fits", SPOILT[spoilt])
    plan, night = recorded_night(folder, camera)
    parts, text = add_night_templates(repository, plan, night)
    assert text == "made 2 templates from the night itself, each half for the other"
    # Three good ones in each half, wherever the seventh is.
    assert [part.skymap for part in parts] == list(SKYMAPS)
    assert (*parts[0].visits, *parts[1].visits) == plan.visits
    bad = f"night-{number}"
    assert [sum(visit.group != bad for visit in part.visits) for part in parts] == [3, 3]
    assert [line for line in caplog.messages if f"light{number}.fits is no part of a template: " in line]
    others = {one for one in range(7) if one != number}
    assert not [line for line in caplog.messages for one in others if f"light{one}.fits is" in line]


def test_a_night_of_clouds_has_no_templates_and_says_so(
    good_night: Path, repository: Path, camera: Camera, tmp_path: Path
) -> None:
    folder = tmp_path / "night"
    shutil.copytree(good_night, folder)
    for number in range(7):
        spoil(folder / f"light{number}.fits", clouded)
    plan, night = recorded_night(folder, camera)
    parts, text = add_night_templates(repository, plan, night)
    assert [part.visits for part in parts] == [plan.visits]
    assert text == (
        "no templates, so no differences but SingleFrame:"
        " half of the night has 0 visits in i_sim, a template takes 3"
    )


def test_a_filter_with_too_few_visits_costs_no_other_its_templates(
    good_night: Path, camera: Camera, tmp_path: Path
) -> None:
    folder = tmp_path / "night"
    shutil.copytree(good_night, folder)
    shutil.copy(folder / "flat0.fits", folder / "other.fits")
    for name in ("light0", "other"):
        spoil(folder / f"{name}.fits", in_other_filter)
    plan, night = recorded_night(folder, camera)
    make_repository(tmp_path / "repo", plan)
    _, text = add_night_templates(tmp_path / "repo", plan, night)
    assert text == (
        "made 2 templates from the night itself, each half for the other;"
        " half of the night has 0 visits in g_sim, a template takes 3"
    )


def in_other_filter(header: fits.Header, pixels: np.ndarray) -> np.ndarray:
    header["FILTER"] = "g_sim"
    return pixels


def off_by(degrees: float) -> Callable[[fits.Header, np.ndarray], np.ndarray]:
    """Let a header point so far south of where the frame looks, and a turn of 50 degrees off."""

    def spoilt(header: fits.Header, pixels: np.ndarray) -> np.ndarray:
        header["DEC"] -= degrees
        header["ROTPA"] += 50.0
        return pixels

    return spoilt


OFF = {0: 0.5, 2: 0.006, 4: 0.1, 5: 0.5}
"""Degrees, by the light's number; the middle one, with which others are compared, is right."""


@pytest.fixture
def far_off(good_night: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "night"
    shutil.copytree(good_night, folder)
    for number, degrees in OFF.items():
        spoil(folder / f"light{number}.fits", off_by(degrees))
    return folder


def test_lights_with_wrong_pointings_have_a_part_in_templates(
    far_off: Path, camera: Camera, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan, night = recorded_night(far_off, evolve(camera, pointing_error=1.0))
    make_repository(tmp_path / "repo", plan)
    _, text = add_night_templates(tmp_path / "repo", plan, night)
    assert text == "made 2 templates from the night itself, each half for the other"
    assert not [line for line in caplog.messages if "is no part of a template" in line]


def test_a_catalogue_that_is_given_puts_templates_where_the_sky_is(
    far_off: Path, camera: Camera, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(far_off / "light3.fits", off_by(0.3))
    spoil(far_off / "light6.fits", nowhere)
    stars = sky_of_night(camera).stars
    true_stars = Table({"n": stars.number, "ra": stars.ra, "dec": stars.dec, "flux": stars.flux["i"]})
    true_stars.write(tmp_path / "stars.fits")
    (tmp_path / "mine.yaml").write_text("{id: n, ra: ra, dec: dec, fluxes: {i: {flux: flux}}}")
    plan, night = recorded_night(far_off, evolve(camera, pointing_error=1.0))
    files, columns = [str(tmp_path / "stars.fits")], load_columns(str(tmp_path / "mine.yaml"))
    catalogue = night_catalogue(plan, files, columns, lambda *_: None)
    plan = make_repository(tmp_path / "repo", placed_by_catalogue(plan, catalogue))
    _, text = add_night_templates(tmp_path / "repo", plan, night, catalogue)
    assert text == "made 2 templates from the night itself, each half for the other"
    assert not [line for line in caplog.messages if "is no part of a template" in line]
    with Butler.from_config(str(tmp_path / "repo"), collections="SimCam/defaults") as butler:
        template = butler.get("template_coadd", skymap=SKYMAPS[0], tract=0, patch=0, band="i")
        stored = [butler.get(ref) for ref in butler.query_datasets("reference_catalogue", "refcats")]
    assert sum(map(len, stored)) == len(true_stars)
    x, y = pixel_positions(template.sky_projection, stars.ra, stars.dec)
    here = (np.abs(x - 255.5) < 200) & (np.abs(y - 255.5) < 200)
    brightest = int(np.argmax(np.where(here, stars.flux["i"], 0.0)))
    box = template.image.array[
        round(y[brightest]) - 2 : round(y[brightest]) + 3, round(x[brightest]) - 2 : round(x[brightest]) + 3
    ]
    assert box.max() == template.image.array[56:456, 56:456].max()


@pytest.mark.parametrize("mirrored", [True, False])
def test_a_mirrored_camera_is_told_by_the_exposures(
    *, mirrored: bool, camera: Camera, tmp_path: Path
) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    write_night(folder, camera, lights=8, north=3 / 3600)
    plane = camera.focal_plane
    assert plane is not None
    said = evolve(camera, focal_plane=evolve(plane, x_is_east=mirrored != plane.x_is_east))
    plan, night = recorded_night(folder, said)
    make_repository(tmp_path / "repo", plan)
    _, text = add_night_templates(tmp_path / "repo", plan, night)
    assert text.startswith("made 2 templates from the night itself, each half for the other")
    assert ("stars move as if the camera were the other way round, as in a mirror" in text) == mirrored
