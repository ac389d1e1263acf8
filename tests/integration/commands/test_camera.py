"""A camera file is drafted from a folder of frames, and every frame can be read by it."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from click.testing import CliRunner

from entrypoints.cli import main

pytestmark = pytest.mark.slow

GAIN, READ_NOISE, LEVEL = 1.7, 6.0, 1000.0  # electrons/ADU, electrons, ADU
COLUMNS, OVERSCAN, ROWS = 200, 24, 150


def write_night(folder: Path) -> None:
    """Write frames as a program of an amateur's telescope does; no card tells of the overscan."""
    generator = np.random.default_rng(3)
    kinds = (
        [("Bias Frame", 0.0, 0.0)] * 3
        + [("Flat Field", 2.0, 20_000.0)] * 3
        + [("Light Frame", 60.0, 400.0)] * 2
    )
    for number, (kind, seconds, electrons) in enumerate(kinds, start=1):
        light = np.zeros((ROWS, COLUMNS + OVERSCAN))
        light[:, :COLUMNS] = generator.poisson(electrons, (ROWS, COLUMNS))
        pixels = np.round((light + generator.normal(0, READ_NOISE, light.shape)) / GAIN + LEVEL)
        image = fits.PrimaryHDU(pixels.astype(np.uint16))
        cards = {
            "INSTRUME": "Back Yard-1", "IMAGETYP": kind, "EXPTIME": seconds, "XPIXSZ": 9.0, "FOCALLEN": 800.0,
            "DATE-OBS": f"2026-03-14T02:{number:02}:07", "FRAMENO": number,
        }  # fmt: skip
        if kind != "Bias Frame":
            cards["FILTER"] = "Red"
        if kind == "Light Frame":
            cards |= {"OBJCTRA": "08 18 29", "OBJCTDEC": "+25 20 00"}
        image.header.update(cards)
        image.writeto(folder / f"{kind.split()[0].lower()}_{number:03}.fits")


def test_the_draft_reads_all_its_frames(tmp_path: Path) -> None:
    night = tmp_path / "night"
    night.mkdir()
    write_night(night)
    (night / "notes.fits").write_text("cloudy")
    file = tmp_path / "mine.yaml"
    drafted = CliRunner().invoke(main, ["camera", "from-fits", str(night), "-o", str(file)])
    assert drafted.exit_code == 0, drafted.output
    assert "notes.fits" in drafted.output
    assert "focal_plane.x_axis: no header has a WCS" in drafted.output
    camera = yaml.safe_load(file.read_text())
    [amplifier] = camera["detector_types"]["ccd"]["amplifiers"]
    assert amplifier["data"] == f"[1:{COLUMNS},1:{ROWS}]"
    assert amplifier["overscan"] == f"[{COLUMNS + 3}:{COLUMNS + OVERSCAN},1:{ROWS}]"
    assert amplifier["gain"] == pytest.approx(GAIN, rel=0.05)
    assert amplifier["read_noise"] == pytest.approx(READ_NOISE, rel=0.05)
    assert camera["focal_plane"]["plate_scale_arcsec_per_mm"] == pytest.approx(257.8)
    assert camera["filters"] == {"Red": "r"}
    assert camera["pointing_error_deg"] == 0.05
    assert CliRunner().invoke(main, ["camera", "from-fits", str(night), "-o", str(file)]).exit_code == 1

    (night / "notes.fits").unlink()
    checked = CliRunner().invoke(main, ["camera", "check", str(file), str(night)])
    assert checked.exit_code == 0, checked.output
    for kind, count in {"bias": 3, "flat": 3, "science": 2}.items():
        assert any(
            line.split()[:1] == [kind] and line.split()[-1] == str(count)
            for line in checked.output.splitlines()
        )


def test_a_frame_that_the_file_cannot_read_is_named(tmp_path: Path) -> None:
    night = tmp_path / "night"
    night.mkdir()
    write_night(night)
    checked = CliRunner().invoke(main, ["camera", "check", "simulated", str(night)])
    assert checked.exit_code == 1
    assert "holds no frame of SimCam" in checked.output


def test_a_faulty_file_is_named_with_its_key(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("instrument: Mine\n")
    checked = CliRunner().invoke(main, ["camera", "check", str(file)])
    assert checked.exit_code == 1
    assert "mine.yaml: " in checked.output
    assert "detectors: is missing" in checked.output
