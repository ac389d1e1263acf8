"""Frames at hand, reduced by the command."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from click.testing import CliRunner, Result
from lsst.daf.butler import Butler
from PIL import Image

from adapters.files.cameras import load_camera
from domain.times import TaiSeconds
from entrypoints.cli import main
from simulator.world.optics import field_radius
from simulator.world.sky import make_sky
from simulator.world.stars import Patch
from tests.unit.simulator.recorded import write_night
from workbench.night_repository import add_reference

pytestmark = pytest.mark.slow

CAMERA = "simulated"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night")
    write_night(folder, load_camera(CAMERA), lights=2, biases=3, darks=3, flats=3, dark_current=3.0)
    return folder


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={"COLUMNS": "200"})
    return lambda *arguments: runner.invoke(main, [str(one) for one in arguments])


def _reduced(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    reduced: list[dict[str, Any]] = json.loads(result.stdout)["reduced"]
    return reduced


def test_a_frame_alone_becomes_image_catalogue_and_picture(call: Callable[..., Result], night: Path) -> None:
    (one,) = _reduced(call("reduce", night / "light0.fits", "--camera", CAMERA, "--json"))
    assert one["calibrations"] == []
    assert one["calibrations_missing"] == ["bias", "flat"]
    assert one["seconds"] < 30
    with fits.open(one["image"]) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "VARIANCE", "MASK"]
        assert hdus[0].data.shape == hdus["MASK"].data.shape == (512, 512)
        assert hdus[0].header["BUNIT"] == "electron"
        assert hdus[0].header["CALIBRATIONS_MISSING"] == "bias flat"
        assert hdus["MASK"].header["MP_DETECTED"] >= 0
        wcs = WCS(hdus[0].header)
    sources = Table.read(one["catalogue"])
    assert len(sources) == one["sources"] > 10
    sky = wcs.pixel_to_world(sources["x"], sources["y"])
    np.testing.assert_allclose(sky.ra.deg, sources["ra"], atol=1e-6)
    with Image.open(one["picture"]) as picture:
        assert picture.size == (512, 512)


def test_a_processed_copy_is_left_out_and_named(
    call: Callable[..., Result], night: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "light.fits"
    raw.write_bytes((night / "light0.fits").read_bytes())
    with fits.open(raw) as hdus:
        fits.PrimaryHDU(hdus[0].data.astype(np.float32), hdus[0].header).writeto(tmp_path / "calibrated.fits")
    result = call("reduce", raw, tmp_path / "calibrated.fits", "--camera", CAMERA, "--json")
    assert [one["file"] for one in _reduced(result)] == [str(raw)]
    (failed,) = json.loads(result.stdout)["failed"]
    assert failed["file"] == str(tmp_path / "calibrated.fits")


def test_calibration_frames_beside_it_are_used(call: Callable[..., Result], night: Path) -> None:
    result = call("reduce", night, "--camera", CAMERA, "--into", "out", "--json")
    first, second = _reduced(result)
    assert first["calibrations"] == second["calibrations"] == ["bias", "dark", "flat", "defects"]
    assert first["calibrations_missing"] == []
    assert Path(first["image"]).parent == Path("out")
    assert first["bad_pixels"] >= 2 * 512  # two bad columns


def test_a_repository_gives_masters_and_reference_stars(call: Callable[..., Result], night: Path) -> None:
    kinds = [file for file in night.iterdir() if not file.name.startswith("light")]
    into = ("--camera", CAMERA, "--into", "repo", "--name", "a")
    assert call("calibrations", "build", *kinds, *into).exit_code == 0
    assert call("calibrations", "certify", "repo", "a").exit_code == 0
    camera = load_camera(CAMERA)
    sky = make_sky(
        Patch(ra=149.9, dec=2.2, radius=2 * field_radius(camera)),
        ("i",),
        seed=1,
        epoch=TaiSeconds(1_773_456_164.0),
    )
    with Butler.from_config("repo", writeable=True) as butler:
        add_reference(butler, camera.instrument, sky.stars)
    repo = ("--repo", "repo", "--json")
    (one,) = _reduced(call("reduce", night / "light0.fits", "--camera", CAMERA, *repo))
    assert one["calibrations"] == ["bias", "dark", "flat", "defects"]
    assert one["calibration_by_stars"]["photometric_stars"] > 10
    sources = Table.read(one["catalogue"])
    assert sources["flux_njy"].unit == "nJy"
    with fits.open(one["image"]) as hdus:
        corrected = WCS(hdus[0].header).pixel_to_world(sources["x"], sources["y"])
    np.testing.assert_allclose(corrected.ra.deg, sources["ra"], atol=2e-8)
    np.testing.assert_allclose(corrected.dec.deg, sources["dec"], atol=2e-8)


def test_one_bad_frame_costs_itself_alone(call: Callable[..., Result], night: Path, tmp_path: Path) -> None:
    bad = tmp_path / "zeros.fits"
    with fits.open(night / "light1.fits") as hdus:
        fits.PrimaryHDU(np.full_like(hdus[0].data, 65535), hdus[0].header).writeto(bad)
    result = call("reduce", bad, night / "light0.fits", "--camera", CAMERA)
    assert result.exit_code == 0
    assert "zeros.fits is not reduced: no amplifier of R22_S00 is of use" in result.output
    assert re.search(r"light0.fits +nothing +bias flat +[0-9]+ +[0-9.]+ pix, [0-9.]+ arcsec", result.stdout)
    alone = call("reduce", bad, "--camera", CAMERA, "--json")
    assert alone.exit_code == 1
    assert [Path(one["file"]) for one in json.loads(alone.stdout)["failed"]] == [bad]
    none = call("reduce", night / "bias0.fits", "--camera", CAMERA)
    assert (none.exit_code, type(none.exception)) == (1, SystemExit)
    assert "no science exposures" in none.output.splitlines()[-1]
