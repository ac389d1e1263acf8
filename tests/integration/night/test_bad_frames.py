"""A folder of frames of which some are of no use, observed again: each costs itself and nothing else."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from adapters.files.cameras import load_camera
from tests.integration.night.conftest import Commands
from tests.integration.night.results import datasets
from tests.unit.simulator.recorded import spoil, write_night

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.long]


def _with_cards(cards: Mapping[str, str], header: fits.Header, pixels: np.ndarray) -> np.ndarray:
    header.update(cards)
    return pixels


def write_odd_frames(folder: Path) -> dict[str, str]:
    """Spoil frames of a night and put odd files beside them; returns what must be said of each."""
    light, bias = folder / "light1.fits", folder / "bias1.fits"
    for name, cards in (("unlisted", {"FILTER": "H_alpha"}), ("card", {"EXPTIME": "thirty"})):
        (folder / f"{name}.fits").write_bytes(light.read_bytes())
        spoil(folder / f"{name}.fits", partial(_with_cards, cards))
    spoil(light, lambda _, pixels: np.zeros_like(pixels))
    bias.write_bytes(bias.read_bytes()[:-9000])
    (folder / "flat9.fits").write_bytes((folder / "flat0.fits").read_bytes())
    spoil(folder / "flat9.fits", lambda _, pixels: 1000 + pixels % 7)
    chips = [fits.ImageHDU(np.zeros((512, 576), np.uint16), name=f"CHIP{number}") for number in (1, 2)]
    fits.HDUList([fits.PrimaryHDU(), *chips]).writeto(folder / "chips.fits")
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(3))])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(folder / "table.fits")
    return {
        "unlisted.fits is left out": "'H_alpha' is no filter of SimCam",
        "card.fits is left out": "EXPTIME",
        "light1.fits is no part of a template": "",
        "bias1.fits is left out": "truncated",
        "flat9.fits is left out": "it has no light",
        "chips.fits is left out": "HDU 1 CHIP1",
        "table.fits is left out": "none of its HDUs is an image",
    }


def test_frames_of_no_use_are_named_and_the_others_observed(
    commands: Commands, small_camera: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    write_night(folder, load_camera(small_camera), lights=7)
    said = write_odd_frames(folder)
    results = tmp_path / "results"
    replay = commands.start(
        "replay", str(folder), "--camera", str(small_camera), "--speed", "60", "--results", str(results)
    ).finish(580)
    assert replay.code == 0, replay.output
    assert "Traceback" not in replay.output
    for what, why in said.items():
        assert [line for line in replay.output.splitlines() if what in line and why in line], what
    assert "made 2 templates from the night itself" in replay.output
    assert "SimCam: 7 visits, 7 visit-detectors" in replay.output
    assert replay.output.count("completed (ApPipe)") == 6
    assert datasets(results)["difference_image"] == 6


def test_nothing_that_can_be_played_is_one_line(
    commands: Commands, small_camera: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    write_night(folder, load_camera(small_camera), lights=2)
    for number in range(2):
        spoil(folder / f"flat{number}.fits", lambda _, pixels: np.full_like(pixels, 1000))
    replay = commands.start("replay", str(folder), "--camera", str(small_camera)).finish(200)
    assert replay.code == 1
    assert "Traceback" not in replay.output
    last = replay.output.splitlines()[-1]
    # Of two files that are the same byte for byte, one counts.
    why = "for detector 0: no amplifier of R22_S00 is of use: C00, C01: each of its pixels is 1000"
    assert f"nothing of the night can be calibrated: no usable flat fields among 1 {why}" in last
    assert replay.left_behind == []
