"""A camera file is drafted from a folder of frames, and every frame can be read by it."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from click.testing import CliRunner

from adapters.files.cameras import load_camera
from entrypoints.cli import main
from tests.unit.simulator import recorded

pytestmark = pytest.mark.slow

GAIN, READ_NOISE, LEVEL = 1.7, 6.0, 1000.0  # electrons/ADU, electrons, ADU
COLUMNS, OVERSCAN, ROWS = 200, 24, 150
_OF_AMPLIFIERS = re.compile(r".*SEC[AB]|GAIN.|RDNOISE.|SATURAT.")


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


def without_sections(folder: Path) -> None:
    """Take all cards about amplifiers away."""
    for path in folder.iterdir():
        with fits.open(path) as hdus:
            for card in [card for hdu in hdus for card in hdu.header if _OF_AMPLIFIERS.fullmatch(card)]:
                for hdu in hdus:
                    hdu.header.remove(card, ignore_missing=True)
            hdus.writeto(path, overwrite=True)


@pytest.mark.parametrize(
    ("name", "is_silent"),
    [("simulated-mosaic", False), ("simulated-mosaic", True), ("simulated-lsst", False)],
)
def test_cameras_of_many_hdus_are_drafted(name: str, is_silent: bool, tmp_path: Path) -> None:
    """The frames' own camera is found again: sections, places in the image, gain and read noise."""
    night, file, truth = tmp_path / "night", tmp_path / "mine.yaml", load_camera(name)
    night.mkdir()
    recorded.write_night(night, truth, lights=1, biases=3, flats=3, detectors=2)
    if is_silent:
        without_sections(night)
    drafted = CliRunner().invoke(main, ["camera", "from-fits", str(night), "-o", str(file)])
    assert drafted.exit_code == 0, drafted.output
    checked = CliRunner().invoke(main, ["camera", "check", str(file), str(night)])
    assert checked.exit_code == 0, checked.output
    found = load_camera(str(file))
    assert found.raw_keys.scheme.names_detector == (name == "simulated-lsst")
    for detector, its in zip(truth.detectors[:2], found.detectors, strict=True):
        assert its.name == detector.name
        assert detector.type is not None
        assert its.type is not None
        assert (its.type.nx, its.type.ny) == (detector.type.nx, detector.type.ny)
        drafts = {(its.hdu_of(one), one.data): one for one in its.type.amplifiers}
        assert len(drafts) == len(detector.type.amplifiers)
        for amplifier in detector.type.amplifiers:
            one = drafts[detector.hdu_of(amplifier), amplifier.data]
            assert one.gain == pytest.approx(amplifier.gain, rel=0.1)
            assert one.read_noise == pytest.approx(amplifier.read_noise, rel=0.1)
            # Rows of DETSEC may be counted from the top, which no header tells.
            top = detector.type.ny if name == "simulated-lsst" else 0
            where = (abs(top - one.image.y_min), abs(top - one.image.y_max))
            assert sorted(where) == [amplifier.image.y_min, amplifier.image.y_max]
            assert (one.image.x_min, one.flip_x) == (amplifier.image.x_min, amplifier.flip_x)
            if not is_silent:
                assert one.overscan == amplifier.overscan


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


def test_a_replay_without_a_camera_drafts_it_and_says_so(tmp_path: Path) -> None:
    night, results = tmp_path / "night", tmp_path / "results" / "first"
    night.mkdir()
    write_night(night)
    for light in night.glob("light_*.fits"):
        light.unlink()
    replay = CliRunner(env={"COLUMNS": "400"}).invoke(main, ["replay", str(night), "--results", str(results)])
    file = tmp_path / "results" / "first.camera.yaml"
    assert f"no --camera was given: {file} is drafted from 6 files, and used" in replay.output
    assert "focal_plane.x_axis: no header has a WCS" in replay.output
    assert load_camera(str(file)).instrument == "BackYard1"
    assert replay.exit_code == 1
    assert "no science exposures" in replay.output
    assert not results.exists()
