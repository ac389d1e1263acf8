"""A small telescope: no overscan, no flats, no WCS, wrong pointings, a cloud, a meridian flip, odd files."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table, vstack
from lsst.daf.butler import Butler
from scipy.ndimage import binary_dilation

import prompt_processing
from adapters.files.cameras import load_camera
from domain.cameras.camera import Camera
from simulator.world.sky import SkyDensity
from tests.integration.night.conftest import Commands
from tests.integration.night.results import datasets
from tests.unit.simulator.recorded import sky_of_night, spoil, write_night
from workbench.night.recovery import measure_recovery

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.long]

LIGHTS, CLOUDED, FLIPPED_FROM, DARK = 10, 2, 5, 9
OFF = {0: 0.5, 1: 20 / 3600, 3: 0.1, 6: 0.3, 7: 60 / 3600}
"""Degrees by which headers point wrong, by the light's number."""

DENSITY = SkyDensity(movers=20_000.0)
"""Twenty times as many as usual: the detector is to show several that are bright enough."""

SPACING = 300.0
"""Seconds: what moves is to be elsewhere in the half of the night that templates are made of."""


@pytest.fixture
def plain_camera(small_camera: Path, tmp_path: Path) -> Path:
    """One detector on the axis, without overscan; headers tell no rotation and may point a degree off."""
    content = yaml.safe_load(small_camera.read_text())
    content["detectors"] = [content["detectors"][0] | {"x_mm": 0.0, "y_mm": 0.0}]
    for amplifier in content["detector_types"]["ccd"]["amplifiers"]:
        del amplifier["overscan"]
    del content["header"]["facts"]["sky_angle"]
    content["pointing_error_deg"] = 1.0
    file = tmp_path / "plain.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def off_by(degrees: float) -> Callable[[fits.Header, np.ndarray], np.ndarray]:
    def spoilt(header: fits.Header, pixels: np.ndarray) -> np.ndarray:
        header["DEC"] -= degrees
        return pixels

    return spoilt


def clouded(header: fits.Header, pixels: np.ndarray) -> np.ndarray:  # noqa: ARG001 - as `spoil` calls it
    """Leave the sky and its noise, and no star."""
    level, noise = np.median(pixels), 1.4826 * np.median(np.abs(pixels - np.median(pixels)))
    return np.random.default_rng(5).normal(level, noise, pixels.shape).round().astype(pixels.dtype)


def _with_cards(cards: Mapping[str, str], header: fits.Header, pixels: np.ndarray) -> np.ndarray:
    header.update(cards)
    return pixels


def write_odd_frames(folder: Path) -> dict[str, str]:
    """Spoil frames of a night and put odd files beside them; returns what must be said of each."""
    light, bias = folder / f"light{DARK}.fits", folder / "bias1.fits"
    for name, cards in (("unlisted", {"FILTER": "H_alpha"}), ("card", {"EXPTIME": "thirty"})):
        (folder / f"{name}.fits").write_bytes(light.read_bytes())
        spoil(folder / f"{name}.fits", partial(_with_cards, cards))
    spoil(light, lambda _, pixels: np.zeros_like(pixels))
    bias.write_bytes(bias.read_bytes()[:-9000])
    chips = [fits.ImageHDU(np.zeros((512, 576), np.uint16), name=f"CHIP{number}") for number in (1, 2)]
    fits.HDUList([fits.PrimaryHDU(), *chips]).writeto(folder / "chips.fits")
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(3))])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(folder / "table.fits")
    return {
        "unlisted.fits is left out": "'H_alpha' is no filter of SimCam",
        "card.fits is left out": "EXPTIME",
        f"light{DARK}.fits is no part of a template": "",
        "bias1.fits is left out": "truncated",
        "chips.fits is left out": "HDU 1 CHIP1",
        "table.fits is left out": "none of its HDUs is an image",
    }


def catalogue(camera: Camera, folder: Path) -> list[str]:
    """Write the sky's stars as a catalogue with columns of its own; returns the options."""
    stars = sky_of_night(camera, density=DENSITY).stars
    ((band, flux),) = stars.flux.items()
    Table({"n": stars.number, "ra": stars.ra, "dec": stars.dec, "flux": flux}).write(folder / "stars.fits")
    (folder / "mine.yaml").write_text(f"{{id: n, ra: ra, dec: dec, fluxes: {{{band}: {{flux: flux}}}}}}")
    return ["--reference-catalogue", str(folder / "stars.fits"), "--columns", str(folder / "mine.yaml")]


def test_all_good_frames_of_a_small_telescope_s_night_are_processed_and_what_moves_is_found(
    commands: Commands, plain_camera: Path, tmp_path: Path
) -> None:
    camera = load_camera(plain_camera)
    folder, truth = tmp_path / "night", tmp_path / "truth.ecsv"
    folder.mkdir()
    lights = write_night(
        folder,
        camera,
        density=DENSITY,
        spacing=SPACING,
        lights=LIGHTS,
        flats=0,
        darks=3,
        dark_current=3.0,
        flipped_from=FLIPPED_FROM,
        truth=truth,
    )
    for number, degrees in OFF.items():
        spoil(lights[number], off_by(degrees))
    spoil(lights[CLOUDED], clouded)
    odd = write_odd_frames(folder)
    results = tmp_path / "results"
    options = ["--camera", str(plain_camera), "--speed", "60", "--workers", "1", "--no-console"]
    options += ["--results", str(results), *catalogue(camera, tmp_path)]
    replay = commands.start("replay", str(folder), *options).finish(580)
    assert replay.code == 0, replay.output
    assert "no flat fields of detector 0 in r_sim: " in replay.output
    assert f"{lights[CLOUDED].name} is no part of a template: " in replay.output
    for what, why in odd.items():
        assert [line for line in replay.output.splitlines() if what in line and why in line], what
    assert "Traceback" not in replay.output
    assert "made 2 templates from the night itself" in replay.output
    assert f"SimCam: {LIGHTS} visits, {LIGHTS} visit-detectors" in replay.output
    assert replay.output.count("completed (ApPipe)") == LIGHTS - 2, replay.output
    assert datasets(results)["difference_image"] == LIGHTS - 2
    with Butler.from_config(str(results)) as butler:
        movers = with_data(butler, Table.read(truth))
        check_that_what_moves_is_found(results, movers)
        (ref, *_) = butler.query_datasets("preliminary_visit_image", "*", find_first=False)
        image = butler.get(ref)
    assert image.metadata["calibrations"] == "bias dark defects"
    assert image.metadata["calibrations_missing"] == "flat"


def with_data(butler: Butler, truth: Table) -> Table:
    """Choose movers all around which the difference has data: defects and the template's edges take some."""
    chosen = []
    for ref in butler.query_datasets("difference_image", "*", find_first=False):
        empty = binary_dilation(butler.get(ref).mask.get("NO_DATA"), iterations=4)
        movers = truth[(truth["exposure"] == ref.dataId["visit"]) & (truth["kind"] == "mover")]
        x, y = (np.asarray(movers[axis]).round().astype(int) for axis in ("x", "y"))
        inside = (x >= 0) & (y >= 0) & (x < empty.shape[1]) & (y < empty.shape[0])
        movers = movers[inside]
        chosen.append(movers[~empty[y[inside], x[inside]]])
    return vstack(chosen)


def check_that_what_moves_is_found(results: Path, movers: Table) -> None:
    with prompt_processing.open(results) as night:
        sources = night.dia_sources
        differenced = {(int(row["visit"]), int(row["detector"])) for row in sources}
    found = measure_recovery(movers, sources, differenced, limit=10.0)
    assert len(differenced) == LIGHTS - 2
    assert found.injected >= 50, found
    assert found.recovered >= 0.9 * found.injected, found


def test_nothing_that_can_be_played_is_one_line(
    commands: Commands, small_camera: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    write_night(folder, load_camera(small_camera), lights=2)
    for number in range(2):
        spoil(folder / f"flat{number}.fits", lambda _, pixels: np.full_like(pixels, 1000))
    replay = commands.start("replay", str(folder), "--camera", str(small_camera), "--no-console").finish(200)
    assert replay.code == 1
    assert "Traceback" not in replay.output
    last = replay.output.splitlines()[-1]
    why = "for detector 0: no amplifier of R22_S00 is of use: C00, C01: each of its pixels is 1000"
    assert f"nothing of the night can be calibrated: no usable flat fields among 2 {why}" in last
    assert replay.left_behind == []
